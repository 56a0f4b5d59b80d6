//! What follows the record of a link, each part only where a flag says so: the second at which it
//! wakes, the occurrences of its series, writes without an answer, and at the very end a byte of further flags.

use chrono::{DateTime, Utc};

use super::{CodecError, group_number, group_of};
use crate::domain::field::Group;
use crate::domain::fingerprint::OccurrencePrint;
use crate::domain::link::Link;
use crate::domain::side::{PerSide, Side};

// The bits of the last byte.
const THREE_ADDRESSES: u8 = 1;
/// The deviating occurrences of both sides: for each side their number in four bytes, then sixteen
/// bytes an occurrence.
const OCCURRENCES: u8 = 1 << 1;
/// What writes without an answer may have left on both sides: for each side the number of groups in
/// one byte, then for each the group's number and the eight bytes of its fingerprint.
const SENT: u8 = 1 << 2;
/// No further bit has a meaning yet.
const LARGEST: u8 = THREE_ADDRESSES | OCCURRENCES | SENT;

/// What was read behind a record.
pub(super) struct Tail {
    pub(super) wake: Option<DateTime<Utc>>,
    pub(super) three_addresses: bool,
    /// Those of Dynamics, then those of Exchange.
    pub(super) occurrences: [Vec<OccurrencePrint>; 2],
    pub(super) sent: PerSide<Vec<(Group, u64)>>,
}

/// Tells whether a link needs the byte of further flags.
pub(super) fn needs_more(link: &Link) -> bool {
    more(link) != 0
}

fn more(link: &Link) -> u8 {
    let flag = |set, bit| if set { bit } else { 0 };
    let deviates = |side: Side| !link.agreed.get(side).occurrences().is_empty();
    flag(link.three_addresses, THREE_ADDRESSES)
        | flag(Side::BOTH.into_iter().any(deviates), OCCURRENCES)
        | flag(link.sent != PerSide::default(), SENT)
}

/// Appends what follows the record of a link.
pub(super) fn append(link: &Link, bytes: &mut Vec<u8>) {
    if let Some(wake) = link.wake {
        bytes.extend(wake.timestamp().to_le_bytes());
    }
    let more = more(link);
    if more & OCCURRENCES != 0 {
        for side in Side::BOTH {
            let list = link.agreed.get(side).occurrences();
            bytes.extend(u32::try_from(list.len()).unwrap_or(u32::MAX).to_le_bytes());
            for one in list {
                bytes.extend(one.day.to_le_bytes());
                bytes.extend(one.held.to_le_bytes());
            }
        }
    }
    if more & SENT != 0 {
        for side in Side::BOTH {
            let list = link.sent.get(side);
            let count = u8::try_from(list.len()).unwrap_or(u8::MAX);
            bytes.push(count);
            for (group, hash) in list.iter().take(count.into()) {
                bytes.push(group_number(*group));
                bytes.extend(hash.to_le_bytes());
            }
        }
    }
    if more != 0 {
        bytes.push(more);
    }
}

/// Reads what follows a record.
pub(super) fn read(wakes: bool, more: bool, rest: &[u8]) -> Result<Tail, CodecError> {
    let (flags, rest) = match rest.split_last() {
        Some((flags @ 1..=LARGEST, rest)) if more => (*flags, rest),
        _ if more => return Err(CodecError::Damaged("unknown flag")),
        _ => (0, rest),
    };
    let (wake, rest) = if wakes { wake_of(rest)? } else { (None, rest) };
    let (occurrences, rest) =
        if flags & OCCURRENCES != 0 { both_lists(rest)? } else { (Lists::default(), rest) };
    let (sent, rest) =
        if flags & SENT != 0 { both_sent(rest)? } else { (PerSide::default(), rest) };
    if !rest.is_empty() {
        return Err(CodecError::Damaged("bytes after the end"));
    }
    Ok(Tail { wake, three_addresses: flags & THREE_ADDRESSES != 0, occurrences, sent })
}

type Sent = Vec<(Group, u64)>;

fn both_sent(rest: &[u8]) -> Result<(PerSide<Sent>, &[u8]), CodecError> {
    let (dynamics, rest) = sent_of(rest)?;
    let (exchange, rest) = sent_of(rest)?;
    if dynamics.is_empty() && exchange.is_empty() {
        return Err(CodecError::Damaged("no writes"));
    }
    Ok((PerSide { dynamics, exchange }, rest))
}

fn sent_of(rest: &[u8]) -> Result<(Sent, &[u8]), CodecError> {
    let short = || CodecError::Damaged("too few writes");
    let (count, rest) = rest.split_first().ok_or_else(short)?;
    let (list, rest) = rest.split_at_checked(usize::from(*count) * 9).ok_or_else(short)?;
    let (list, _) = list.as_chunks::<9>();
    let one = |[group, hash @ ..]: &[u8; 9]| Ok((group_of(*group)?, u64::from_le_bytes(*hash)));
    Ok((list.iter().map(one).collect::<Result<_, _>>()?, rest))
}

fn wake_of(rest: &[u8]) -> Result<(Option<DateTime<Utc>>, &[u8]), CodecError> {
    let (second, rest) = rest.split_first_chunk().ok_or(CodecError::Damaged("no instant"))?;
    let wake = DateTime::from_timestamp(i64::from_le_bytes(*second), 0);
    Ok((Some(wake.ok_or(CodecError::Damaged("no instant"))?), rest))
}

type Lists = [Vec<OccurrencePrint>; 2];

fn both_lists(rest: &[u8]) -> Result<(Lists, &[u8]), CodecError> {
    let (dynamics, rest) = list_of(rest)?;
    let (exchange, rest) = list_of(rest)?;
    if dynamics.is_empty() && exchange.is_empty() {
        return Err(CodecError::Damaged("no occurrences"));
    }
    Ok(([dynamics, exchange], rest))
}

fn list_of(rest: &[u8]) -> Result<(Vec<OccurrencePrint>, &[u8]), CodecError> {
    let short = || CodecError::Damaged("too few occurrences");
    let (count, rest) = rest.split_first_chunk().ok_or_else(short)?;
    let length = usize::try_from(u32::from_le_bytes(*count)).map_err(|_| short())?;
    let (list, rest) =
        length.checked_mul(16).and_then(|bytes| rest.split_at_checked(bytes)).ok_or_else(short)?;
    let (hashes, _) = list.as_chunks::<8>();
    let number = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let read = |pair: &[[u8; 8]]| OccurrencePrint { day: number(&pair[0]), held: number(&pair[1]) };
    Ok((hashes.chunks_exact(2).map(read).collect(), rest))
}
