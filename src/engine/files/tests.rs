//! Tests of the files of an appointment: who is like whom, and what never moves.

use super::*;
use crate::domain::file::FileForm;
use crate::domain::ids::NativeId;

const KEY: PrintKey = PrintKey([7; 16]);

fn file(id: &str, name: &str, size: u64) -> FileEntry {
    FileEntry {
        id: NativeId::new(id),
        version: None,
        name: name.to_owned(),
        mime: "text/plain".to_owned(),
        size,
        form: FileForm::Whole,
    }
}

fn policy() -> FilePolicy {
    FilePolicy { on: true, max_bytes: 100, ..FilePolicy::default() }
}

struct Case {
    now: Listing,
    changed: PerSide<bool>,
    writable: PerSide<bool>,
    policy: FilePolicy,
}

impl Case {
    fn new(rows: &[FileEntry], items: &[FileEntry], changed: (bool, bool)) -> Self {
        Self {
            now: PerSide { dynamics: rows.to_vec(), exchange: items.to_vec() },
            changed: PerSide { dynamics: changed.0, exchange: changed.1 },
            writable: PerSide { dynamics: true, exchange: true },
            policy: policy(),
        }
    }

    fn plan(&self, same: &[(usize, usize)]) -> FilePlan {
        let Self { now, changed, writable, policy } = self;
        let (changed, writable) = (*changed, *writable);
        decide(Question { now, changed, writable, policy, winner: Side::Dynamics }, same)
    }

    fn moves(&self, same: &[(usize, usize)]) -> Vec<(bool, Side, String)> {
        let one = |it: &Move| match it {
            Move::Copy { from, file } => (true, from.other(), file.id.to_string()),
            Move::Remove { on, file } => (false, *on, file.id.to_string()),
        };
        self.plan(same).moves.iter().map(one).collect()
    }
}

#[test]
fn att_02_a_changed_side_is_followed() {
    // A file more goes across, a file less is removed, an equal one stays; both directions.
    let (a, b) = (file("a", "a", 1), file("b", "b", 1));
    let more = Case::new(&[], std::slice::from_ref(&a), (false, true));
    assert_eq!(more.moves(&[]), [(true, Side::Dynamics, "a".to_owned())]);
    let less = Case::new(std::slice::from_ref(&b), &[], (false, true));
    assert_eq!(less.moves(&[]), [(false, Side::Dynamics, "b".to_owned())]);
    let more = Case::new(std::slice::from_ref(&a), &[], (true, false));
    assert_eq!(more.moves(&[]), [(true, Side::Exchange, "a".to_owned())]);
    let equal = Case::new(std::slice::from_ref(&a), &[file("x", "a", 9)], (true, true));
    assert!(equal.moves(&[(0, 0)]).is_empty());
    let quiet = Case::new(&[a], &[], (false, false));
    assert!(quiet.moves(&[]).is_empty());
}

#[test]
fn att_02_a_new_version_replaces_the_old_one_removal_first() {
    // The same name, another content: the changed side's file takes the other's place.
    let case = Case::new(&[file("old", "a", 1)], &[file("new", "a", 2)], (false, true));
    let wanted = [(false, Side::Dynamics, "old".into()), (true, Side::Dynamics, "new".into())];
    assert_eq!(case.moves(&[]), wanted);
}

#[test]
fn conf_03_both_sides_changed_loses_no_file() {
    // What either has more goes across, nothing is removed, and of two versions the policy's stays.
    let rows = [file("r1", "both", 1), file("r2", "row only", 1)];
    let items = [file("i1", "both", 2), file("i2", "item only", 1)];
    let case = Case::new(&rows, &items, (true, true));
    let plan = case.plan(&[]);
    assert!(plan.conflict);
    let moves = case.moves(&[]);
    assert_eq!(moves[0], (false, Side::Exchange, "i1".to_owned()));
    for wanted in [
        (true, Side::Exchange, "r1".to_owned()),
        (true, Side::Exchange, "r2".to_owned()),
        (true, Side::Dynamics, "i2".to_owned()),
    ] {
        assert!(moves.contains(&wanted), "{moves:?}");
    }
    assert_eq!(moves.len(), 4);
}

#[test]
fn att_05_what_is_not_allowed_stays_and_is_noted() {
    // Exactly the largest size is carried, one byte more is not; blocked names and types, inline
    // images and links are not either, and none of them is ever missed on the other side.
    let mut policy = policy();
    policy.blocked_extensions = vec!["exe".to_owned()];
    policy.blocked_types = vec!["text/html".to_owned()];
    let mut page = file("4", "page.htm", 1);
    page.mime = "Text/HTML; charset=utf-8".to_owned();
    let mut image = file("5", "image", 1);
    image.form = FileForm::Inline;
    let mut link = file("6", "link", 1);
    link.form = FileForm::Elsewhere;
    let items = [
        file("1", "fits", 100),
        file("2", "large", 101),
        file("3", "RUN.EXE", 1),
        page,
        image,
        link,
    ];
    let mut case = Case::new(&[], &items, (false, true));
    case.policy = policy.clone();
    assert_eq!(case.moves(&[]), [(true, Side::Dynamics, "1".to_owned())]);
    let notes = case.plan(&[]).notes;
    assert_eq!(notes, [Code::AttachmentTooLarge, Code::AttachmentBlocked, Code::AttachmentForm]);
    let mut back = Case::new(&items, &[], (false, true));
    back.policy = policy;
    assert_eq!(back.moves(&[]), [(false, Side::Dynamics, "1".to_owned())]);
}

#[test]
fn att_05_a_file_of_which_one_side_has_another_form_is_not_removed() {
    // Just small enough in Dynamics, just too large as Exchange counts: nothing is lost by it.
    let case = Case::new(&[file("r", "a", 100)], &[file("i", "a", 101)], (false, true));
    assert!(case.moves(&[]).is_empty());
}

#[test]
fn org_01_a_side_that_may_not_be_written_is_not() {
    // A follower's copy, a closed row: the change stays where it is.
    let mut case = Case::new(&[], &[file("a", "a", 1)], (false, true));
    case.writable.dynamics = false;
    assert!(case.moves(&[]).is_empty());
}

#[test]
fn att_02_files_of_one_name_are_told_apart() {
    // Two of one name on one side and one on the other: one more, or one less.
    let two = [file("1", "a", 1), file("2", "a", 1)];
    let one = [file("x", "a", 1)];
    let more = Case::new(&one, &two, (false, true));
    assert_eq!(more.moves(&[(0, 0)]), [(true, Side::Dynamics, "2".to_owned())]);
    let less = Case::new(&two, &one, (false, true));
    assert_eq!(less.moves(&[(0, 0)]), [(false, Side::Dynamics, "2".to_owned())]);
}

#[test]
fn conf_05_a_list_is_known_by_its_hash() {
    // The order says nothing; a new id, name, size or version does; an empty list has none.
    let (a, b) = (file("a", "a", 1), file("b", "b", 1));
    let both = print(&[a.clone(), b.clone()], &KEY);
    assert_eq!(print(&[b.clone(), a.clone()], &KEY), both);
    assert_eq!(print(&[], &KEY), None);
    let mut newer = a.clone();
    newer.version = Some("2".to_owned());
    for other in [file("c", "a", 1), file("a", "c", 1), file("a", "a", 2), newer] {
        assert_ne!(print(&[other, b.clone()], &KEY), both);
    }
}
