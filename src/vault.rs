//! Seals kept versions, so that whoever reads the state store learns no content.
//!
//! AEAD is ChaCha20-Poly1305 of `ring`. Each version gets a key of its own: HKDF-SHA256 of the
//! secret with 32 random bytes as salt and the tenant's name as purpose. So no nonce can repeat, a
//! secret that two tenants share still gives each its own keys, and a secret may have any form.
//! The associated data bind the sealed bytes to mailbox, item, side and cycle.
//!
//! `NoticeSeal` signs the secret of change notifications with a key of its own.
//!
//! Absent: rotation. A version opens with the secret of its time; others say so.

mod key_file;
mod notices;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretSlice};

pub use key_file::{KeyFileError, load_or_make};
pub use notices::NoticeSeal;

use crate::domain::ids::TenantId;
use crate::ports::journal::{Vault, VaultError};

/// The first byte of what this program seals.
const VERSION: u8 = 1;
/// As long as the hash of HKDF.
const SALT_BYTES: usize = 32;
/// Parts the keys of this purpose from any other that the secret may serve.
const PURPOSE: &[u8] = b"lockstep kept version";
/// Each key seals once.
const NONCE: [u8; 12] = [0; 12];

/// Seals with the keys of one tenant.
pub struct TenantVault {
    secret: SecretSlice<u8>,
    tenant: TenantId,
}

impl TenantVault {
    /// Builds the vault of a tenant from a secret of at least 16 bytes.
    #[must_use]
    pub const fn new(secret: SecretSlice<u8>, tenant: TenantId) -> Self {
        Self { secret, tenant }
    }

    fn key(&self, salt: &[u8]) -> Option<LessSafeKey> {
        let purpose = [PURPOSE, self.tenant.as_str().as_bytes()];
        let root = Salt::new(HKDF_SHA256, salt).extract(self.secret.expose_secret());
        let key = root.expand(&purpose, &CHACHA20_POLY1305).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// Returns a secret that nobody else knows.
///
/// # Errors
/// Fails when the system gives no random numbers.
pub fn fresh_secret() -> Result<SecretSlice<u8>, VaultError> {
    let mut secret = vec![0_u8; 32];
    SystemRandom::new().fill(&mut secret).map_err(|_| VaultError::Sealing)?;
    Ok(SecretSlice::from(secret))
}

impl Vault for TenantVault {
    fn seal(&self, about: &[u8], content: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut salt = [0_u8; SALT_BYTES];
        SystemRandom::new().fill(&mut salt).map_err(|_| VaultError::Sealing)?;
        let key = self.key(&salt).ok_or(VaultError::Sealing)?;
        let mut body = content.to_vec();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        key.seal_in_place_append_tag(nonce, Aad::from(about), &mut body)
            .map_err(|_| VaultError::Sealing)?;
        Ok([&[VERSION], salt.as_slice(), body.as_slice()].concat())
    }

    fn open(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(VaultError::Opening)?;
        let (salt, body) = rest.split_at_checked(SALT_BYTES).ok_or(VaultError::Opening)?;
        let key = self.key(salt).ok_or(VaultError::Opening)?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(NONCE);
        let content = key.open_in_place(nonce, Aad::from(about), &mut body);
        content.map(|content| content.to_vec()).map_err(|_| VaultError::Opening)
    }
}

#[cfg(test)]
mod tests;
