//! Keyed digests of answers: an answer with an equal digest is the answer of last time, and need
//! not be read again. Absent on purpose: anything that is stored; the key lives as long as the
//! process.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};
use uuid::Uuid;

/// The key of one far side's digests: nobody outside can make two answers look the same.
pub(super) struct DigestKey([u8; 16]);

impl DigestKey {
    /// Makes a key that was never used before.
    pub(super) fn fresh() -> Self {
        Self(*Uuid::new_v4().as_bytes())
    }

    /// Returns the digest of what `write` writes.
    pub(super) fn digest(&self, write: impl FnOnce(&mut Digester)) -> u128 {
        let mut digester = Digester(SipHasher24::new_with_key(&self.0));
        write(&mut digester);
        digester.0.finish128().as_u128()
    }
}

/// Takes parts in; a part never runs into the next one.
pub(super) struct Digester(SipHasher24);

impl Digester {
    /// Takes a number in.
    pub(super) fn number(&mut self, number: u16) {
        self.0.write_u16(number);
    }

    /// Takes bytes in, their length first.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.write_u64(bytes.len() as u64);
        self.0.write(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_parts_and_keys_apart() {
        // The same bytes cut elsewhere, or under another key, have another digest.
        let key = DigestKey::fresh();
        let of = |key: &DigestKey, parts: &[&[u8]]| {
            key.digest(|digester| parts.iter().for_each(|part| digester.bytes(part)))
        };
        let one = of(&key, &[b"ab", b"c"]);
        assert_eq!(one, of(&key, &[b"ab", b"c"]));
        assert_ne!(one, of(&key, &[b"a", b"bc"]));
        assert_ne!(one, of(&key, &[b"ab", b"d"]));
        assert_ne!(one, of(&DigestKey::fresh(), &[b"ab", b"c"]));
        assert_ne!(key.digest(|it| it.number(1)), key.digest(|it| it.number(2)));
    }
}
