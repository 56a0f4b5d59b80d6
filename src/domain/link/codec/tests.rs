//! Tests of the stored form.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::domain::fingerprint::OccurrencePrint;

/// Graph: an immutable id as its documentation shows it, 152 characters.
const ITEM: &str = "AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0AwS2ABlPVBE2mMV4wxkXU3wAAAEcPrwAA\
                    wS2ABlPVBE2mMV4wxkXU3wAAAEcTDQAAwS2ABlPVBE2mMV4wxkXU3wAAAEcTDQAAAAAAA_-A";
const UID: &str = "040000008200E00074C5B7101A82E00800000000B0A1C2D3E4F5D9010000000000000000\
                   100000001C9D1F0E2B3A4958A7B6C5D4E3F20110";

fn row() -> Uuid {
    Uuid::from_u128(0x5ab4_9c2d_8e1f_4a67_b0c3_d2e1_f5a6_9788)
}

fn typical() -> Link {
    let row = row();
    let mut link = Link::new(
        LinkId(row),
        Kind::Appointment,
        Side::Exchange,
        LinkState::Unlinked(Why::RowGone),
    );
    link.role = Role::Guest;
    link.native.set(Side::Dynamics, Some(NativeId::new(row.to_string())));
    link.native.set(Side::Exchange, Some(NativeId::new(ITEM)));
    link.version.set(Side::Dynamics, Some(Version::new("18446744")));
    link.version.set(Side::Exchange, Some(Version::new("W/\"wS2ABlPVBE2mMV4wxkXU3wAARxOiCw==\"")));
    link.uid = Some(GlobalId::new(UID));
    let groups = [Group::Subject, Group::Body, Group::Time, Group::Attendees, Group::Status];
    let prints =
        Prints::from_groups(groups.map(|group| (group, 0x0102_0304 << group_number(group))));
    link.agreed = PerSide { dynamics: prints.clone(), exchange: prints };
    link.agreed.exchange.set(Group::Status, Some(9));
    link.matched = true;
    link.trouble = Some(Trouble {
        code: Code::PutOff,
        parked: false,
        attempts: 3,
        since: DateTime::UNIX_EPOCH + chrono::TimeDelta::milliseconds(1_790_000_000_123),
    });
    link
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        any::<u128>().prop_map(|n| Uuid::from_u128(n).to_string()),
        any::<u128>().prop_map(|n| Uuid::from_u128(n).simple().to_string()),
        Just(row().to_string()),
        Just(row().to_string().to_uppercase()),
        "[0-9A-F]{0,130}",
        "[0-9a-fA-F]{0,40}",
        "[0-9]{1,20}",
        "[A-Za-z0-9_-]{0,152}={0,2}",
        any::<Vec<u8>>().prop_map(|bytes| URL_SAFE.encode(bytes)),
        any::<Vec<u8>>().prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
    ]
}

fn prints() -> impl Strategy<Value = Prints> {
    // Few hashes, so that both sides often hold the same one.
    let hash = prop_oneof![0..4u64, any::<u64>()];
    let groups = prop::collection::vec((0..21u8, hash), 0..24).prop_map(|pairs| {
        Prints::from_groups(
            pairs.into_iter().filter_map(|(number, hash)| Some((group_of(number).ok()?, hash))),
        )
    });
    let one = any::<(u64, u64)>().prop_map(|(day, held)| OccurrencePrint { day, held });
    (groups, prop::collection::vec(one, 0..4)).prop_map(|(mut prints, list)| {
        prints.set_occurrences(list);
        prints
    })
}

fn sent() -> impl Strategy<Value = Vec<(Group, u64)>> {
    let one = (0..24u8, any::<u64>()).prop_map(|(group, hash)| (group_of(group).unwrap(), hash));
    prop::collection::vec(one, 0..4)
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let since = (-9_000_000_000..9_000_000_000_i64, 0..1_000_000_000_u32);
    (0..Code::ALL.len(), any::<u8>(), since).prop_map(|(code, attempts, (seconds, nanos))| {
        let since = DateTime::from_timestamp(seconds, nanos).unwrap();
        let code = Code::ALL[code];
        Trouble { code, parked: attempts > 9 || code == Code::ItemParked, attempts, since }
    })
}

prop_compose! {
    fn link()(
        id in prop_oneof![Just(row()), any::<u128>().prop_map(Uuid::from_u128)],
        (kind, state, role, origin) in (0..8u8, 0..9u8, 0..4u8, 0..2u8),
        (matched, off_feed, tagged, ignores_conflict, files_known, three_addresses) in any::<(bool, bool, bool, bool, bool, bool)>(),
        native in prop::array::uniform2(prop::option::of(text())),
        version in prop::array::uniform2(prop::option::of(text())),
        agreed in prop::array::uniform2(prints()),
        [row_sent, item_sent] in prop::array::uniform2(sent()),
        uid in prop::option::of(text()),
        owner in prop::option::of(any::<u128>()),
        trouble in prop::option::of(trouble()),
        wake in prop::option::of(-9_000_000_000..9_000_000_000_i64),
    ) -> Link {
        let [row_id, item_id] = native.map(|id| id.map(NativeId::new));
        let [row_version, item_version] = version.map(|text| text.map(Version::new));
        let [dynamics, exchange] = agreed;
        Link {
            id: LinkId(id),
            kind: kind_of(kind).unwrap(),
            state: state_of(state).unwrap(),
            role: role_of(role).unwrap(),
            origin: side_of(origin).unwrap(),
            native: PerSide { dynamics: row_id, exchange: item_id },
            version: PerSide { dynamics: row_version, exchange: item_version },
            agreed: PerSide { dynamics, exchange },
            uid: uid.map(GlobalId::new),
            last_owner: owner.map(|owner| UserId(Uuid::from_u128(owner))),
            matched,
            off_feed,
            tagged,
            ignores_conflict,
            wake: wake.and_then(|second| DateTime::from_timestamp(second, 0)),
            files_known,
            three_addresses,
            sent: PerSide { dynamics: row_sent, exchange: item_sent },
            trouble,
        }
    }
}

proptest! {
    #[test]
    fn every_link_comes_back(link in link()) {
        // What is stored is what is read, for any link.
        prop_assert_eq!(decode(&encode(&link)), Ok(link));
    }

    #[test]
    fn garbage_is_an_error(bytes in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
        // Bytes from outside give a link or an error, never a panic; a cut record is an error.
        let record = [&[VERSION], bytes.as_slice()].concat();
        if let Ok(link) = decode(&record) {
            prop_assert_eq!(decode(&encode(&link)), Ok(link));
        }
        let whole = encode(&typical());
        prop_assert!(decode(&whole[..cut.index(whole.len())]).is_err());
    }

    #[test]
    fn a_changed_byte_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        // A flipped byte gives an error or some link that can be stored again.
        let mut bytes = encode(&typical());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(link) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&link)), Ok(link));
        }
    }
}

#[test]
fn addr_04_a_flag_that_nobody_knows_is_an_error() {
    // The byte of further flags is read back, absent without one, and never guessed.
    let mut link = typical();
    link.three_addresses = true;
    let mut bytes = encode(&link);
    assert_eq!(bytes.len(), encode(&typical()).len() + 1);
    assert_eq!(decode(&bytes), Ok(link));
    for unknown in [0, 8, 9, 0x80] {
        *bytes.last_mut().unwrap() = unknown;
        assert_eq!(decode(&bytes), Err(CodecError::Damaged("unknown flag")), "{unknown}");
    }
}

#[test]
fn rec_07_occurrences_are_stored_behind_the_record() {
    // Thirty-two bytes for one on each side, absent without one; a cut list is an error.
    let mut link = typical();
    let one = OccurrencePrint { day: 7, held: 9 };
    link.agreed.dynamics.set_occurrences(vec![one]);
    link.agreed.exchange.set_occurrences(vec![one]);
    link.wake = DateTime::from_timestamp(1_790_000_000, 0);
    let bytes = encode(&link);
    assert_eq!(bytes.len(), encode(&typical()).len() + 8 + 2 * (4 + 16) + 1);
    assert_eq!(decode(&bytes), Ok(link));
    let (last, whole) = bytes.split_last().unwrap();
    let cut = [&whole[..whole.len() - 1], &[*last]].concat();
    assert_eq!(decode(&cut), Err(CodecError::Damaged("too few occurrences")));
}

#[test]
fn conf_05_writes_without_an_answer_are_stored_behind_the_record() {
    // Nine bytes for each group and one for each side, absent without one; a cut list is an error.
    let mut link = typical();
    link.sent.exchange = vec![(Group::Subject, 7), (Group::Body, 0)];
    let bytes = encode(&link);
    assert_eq!(bytes.len(), encode(&typical()).len() + 2 + 2 * 9 + 1);
    assert_eq!(decode(&bytes), Ok(link));
    let (last, whole) = bytes.split_last().unwrap();
    let cut = [&whole[..whole.len() - 1], &[*last]].concat();
    assert_eq!(decode(&cut), Err(CodecError::Damaged("too few writes")));
}

#[test]
fn a_newer_version_is_named() {
    // After a downgrade the operator is told that a newer program wrote the state.
    let mut bytes = encode(&typical());
    bytes[0] = VERSION + 1;
    let error = decode(&bytes).unwrap_err();
    assert_eq!(error, CodecError::Newer { found: 2 });
    assert!(error.to_string().contains("run the newer program again"));
}

#[test]
fn an_unknown_code_is_named() {
    // A code of another version is an error that names it, never some other code.
    let bytes = encode(&typical());
    let at = bytes.windows(7).position(|word| word == b"put-off").unwrap();
    let mut changed = bytes.clone();
    changed[at] = b'x';
    assert_eq!(decode(&changed), Err(CodecError::UnknownCode("xut-off".to_owned())));
}

#[test]
fn svc_01_what_an_earlier_version_left_alone_is_read_again() {
    // A retired code becomes one that makes the next cycle read the item.
    let trouble = StoredTrouble {
        code: "service-unsupported".to_owned(),
        attempts: 0,
        seconds: 1_700_000_000,
        nanos: 0,
    };
    let trouble = trouble.trouble(false).unwrap();
    let id = LinkId(Uuid::from_u128(1));
    let mut link = Link::new(id, Kind::ServiceAppointment, Side::Dynamics, LinkState::LeftAlone);
    link.trouble = Some(trouble);
    assert!(link.is_unsettled());
}

#[test]
fn nothing_and_too_much_are_errors() {
    // No bytes are no link, and nothing may follow the record.
    assert_eq!(decode(&[]), Err(CodecError::Empty));
    let longer = [encode(&typical()).as_slice(), &[0]].concat();
    assert_eq!(decode(&longer), Err(CodecError::Damaged("bytes after the end")));
}

#[test]
fn the_format_of_version_1_stays() {
    // These bytes may stand in any store; a change of the format needs a new version byte.
    let hex: String = encode(&typical()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN);
}

#[test]
fn a_parked_link_of_an_older_program_stays_parked() {
    // Older programs wrote the code in place of the cause.
    let mut link = typical();
    let trouble = link.trouble.as_mut().unwrap();
    (trouble.code, trouble.attempts) = (Code::ItemParked, 10);
    let read = decode(&encode(&link)).unwrap();
    assert!(read.is_parked() && !read.is_unsettled());
}

#[test]
fn a_link_is_small() {
    // A meeting with all ids, five groups and no trouble stays below 320 bytes, a bare link
    // below 40.
    let mut link = typical();
    link.trouble = None;
    assert!(encode(&link).len() < 320, "{} bytes", encode(&link).len());
    let bare = Link::new(LinkId(row()), Kind::Task, Side::Dynamics, LinkState::LeftAlone);
    assert!(encode(&bare).len() < 40, "{} bytes", encode(&bare).len());
}

const GOLDEN: &str = "015ab49c2d8e1f4a67b0c3d2e1f5a697880004020101010101016a040009002e00000000001d8403\
    11aa6611cd9bc800aa002f845a0d00c12d800653d5044da6315e30c645d4df000000470faf0000c1\
    2d800653d5044da6315e30c645d4df00000047130d0000c12d800653d5044da6315e30c645d4df00\
    000047130d000000000003ff8001050318446744012500572f2277533241426c50564245326d4d56\
    3477786b58553377414152784f6943773d3d22737333300403020100000000080604020000000040\
    30201000000000806040200000000000c18040000000000900000000000000013903040000008200\
    e00074c5b7101a82e00800000000b0a1c2d3e4f5d9010000000000000000100000001c9d1f0e2b3a\
    4958a7b6c5d4e3f201100001077075742d6f66660380ee89ab0dc0a9d33a";
