//! Signs what comes back with each change notification, so that any node can tell without a store
//! which mailbox is meant, and that the notice is none that somebody made up.
//!
//! HMAC-SHA256 over the mailbox's id, with a key of its own that is derived from the tenant's
//! fingerprint key, which all nodes share. Compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::hmac::{self, HMAC_SHA256, Key, Tag};
use uuid::Uuid;

use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::TenantId;

/// Parts this key from any other that the secret may serve.
const PURPOSE: &[u8] = b"lockstep change notice";
/// The mailbox's id as 32 digits.
const ID_CHARS: usize = 32;
/// The longest text that is looked at: Graph takes no longer one.
const TEXT_MAX_BYTES: usize = 128;

/// Signs and checks for one tenant.
pub struct NoticeSeal {
    key: Key,
}

impl NoticeSeal {
    /// Derives the seal of a tenant; nothing when the system's cryptography refuses.
    #[must_use]
    pub fn new(key: &PrintKey, tenant: &TenantId) -> Option<Self> {
        let purpose = [PURPOSE, tenant.as_str().as_bytes()];
        let root = Salt::new(HKDF_SHA256, &[]).extract(&key.0);
        let derived = root.expand(&purpose, HMAC_SHA256).ok()?;
        Some(Self { key: Key::from(derived) })
    }

    /// Returns the secret text of a mailbox, below 128 characters.
    #[must_use]
    pub fn sign(&self, mailbox: Uuid) -> String {
        let tag: Tag = hmac::sign(&self.key, mailbox.as_bytes());
        format!("{}.{}", mailbox.simple(), URL_SAFE_NO_PAD.encode(tag.as_ref()))
    }

    /// Returns the mailbox of a text that this seal signed.
    #[must_use]
    pub fn open(&self, text: &str) -> Option<Uuid> {
        if text.len() > TEXT_MAX_BYTES {
            return None;
        }
        let (id, tag) = text.split_once('.').filter(|(id, _)| id.len() == ID_CHARS)?;
        let mailbox = Uuid::try_parse(id).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, mailbox.as_bytes(), &tag).ok()?;
        Some(mailbox)
    }
}

impl std::fmt::Debug for NoticeSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoticeSeal(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: u8, tenant: &str) -> NoticeSeal {
        NoticeSeal::new(&PrintKey([key; 16]), &TenantId::new(tenant)).unwrap()
    }

    #[test]
    fn only_what_this_tenants_key_signed_names_a_mailbox() {
        // Another key, another tenant, another mailbox, a changed or cut text name nobody.
        let (mailbox, ours) = (Uuid::from_u128(7), seal(1, "contoso"));
        let text = ours.sign(mailbox);
        assert!(text.len() <= TEXT_MAX_BYTES, "{text}");
        assert_eq!(ours.open(&text), Some(mailbox));
        assert_eq!(seal(1, "contoso").open(&text), Some(mailbox), "every node has the same");
        assert_eq!(seal(2, "contoso").open(&text), None);
        assert_eq!(seal(1, "fabrikam").open(&text), None);
        let other = Uuid::from_u128(8).simple().to_string();
        assert_eq!(ours.open(&format!("{other}{}", &text[32..])), None);
        assert_eq!(ours.open(&text[..text.len() - 1]), None);
        for wrong in ["", ".", "x", &text[..32], &"a.".repeat(100), &format!("{text}x")] {
            assert_eq!(ours.open(wrong), None, "{wrong}");
        }
    }
}
