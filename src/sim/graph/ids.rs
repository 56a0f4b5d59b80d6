//! Item ids of the stand-in: opaque, case-sensitive, bound to one mailbox and one kind.
//!
//! A plain id carries the item's serial, which changes on a move; an immutable id carries its
//! key, which never does. A checksum tells a cut or edited id from a real one.

use std::hash::Hasher as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use siphasher::sip::SipHasher13;
use uuid::Uuid;

const PLAIN: &str = "AAMkA";
const IMMUTABLE: &str = "AAkAL";
const LENGTH: usize = 33;

/// The kinds of things that have an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Event = 1,
    Contact = 2,
    ContactFolder = 3,
    Task = 4,
    TaskList = 5,
    Category = 6,
    Calendar = 7,
    Linked = 8,
    Attachment = 9,
}

/// What an id says, before anything is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The serial (plain) or the key (immutable).
    pub(super) number: u64,
    /// The day of an occurrence, counted from 1970-01-01.
    pub(super) day: Option<i32>,
    /// Whether the id is an immutable one.
    pub(super) immutable: bool,
}

/// Returns the id text.
pub(super) fn encode(owner: Uuid, kind: Kind, parsed: Parsed) -> String {
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend_from_slice(owner.as_bytes());
    bytes.push(kind as u8);
    bytes.extend_from_slice(&parsed.number.to_be_bytes());
    bytes.extend_from_slice(&parsed.day.unwrap_or(i32::MIN).to_be_bytes());
    let prefix = if parsed.immutable { IMMUTABLE } else { PLAIN };
    let sum = checksum(prefix, &bytes);
    bytes.extend_from_slice(&sum);
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(&bytes))
}

/// Reads an id; `None` when it is malformed, of another mailbox or of another kind.
pub(super) fn decode(owner: Uuid, kind: Kind, text: &str) -> Option<Parsed> {
    let (immutable, prefix, rest) = match text.strip_prefix(PLAIN) {
        Some(rest) => (false, PLAIN, rest),
        None => (true, IMMUTABLE, text.strip_prefix(IMMUTABLE)?),
    };
    let bytes = URL_SAFE_NO_PAD.decode(rest).ok()?;
    if bytes.len() != LENGTH || bytes[LENGTH - 4..] != checksum(prefix, &bytes[..LENGTH - 4]) {
        return None;
    }
    if &bytes[..16] != owner.as_bytes() || bytes[16] != kind as u8 {
        return None;
    }
    let number = u64::from_be_bytes(bytes[17..25].try_into().ok()?);
    let day = i32::from_be_bytes(bytes[25..29].try_into().ok()?);
    Some(Parsed { number, day: (day != i32::MIN).then_some(day), immutable })
}

/// Returns the change key of a version; it differs for every write of the mailbox.
pub(super) fn change_key(owner: Uuid, key: u64, version: u64) -> String {
    let mut bytes = Vec::with_capacity(20);
    bytes.extend_from_slice(&key.to_be_bytes()[4..]);
    bytes.extend_from_slice(&version.to_be_bytes());
    let sum = checksum("change", &[owner.as_bytes(), bytes.as_slice()].concat());
    bytes.extend_from_slice(&sum);
    STANDARD.encode(bytes)
}

/// Returns four bytes that a changed text will not match.
pub(super) fn checksum(salt: &str, bytes: &[u8]) -> [u8; 4] {
    let mut hasher = SipHasher13::new_with_keys(0x4772_6170, 0x6853_696d);
    hasher.write(salt.as_bytes());
    hasher.write(bytes);
    let word = hasher.finish().to_be_bytes();
    [word[0], word[1], word[2], word[3]]
}
