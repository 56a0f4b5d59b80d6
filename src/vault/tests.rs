//! Tests of sealing: what opens, and all that must not.

use super::*;

fn vault(secret: u8, tenant: &str) -> TenantVault {
    TenantVault::new(SecretSlice::from(vec![secret; 32]), TenantId::new(tenant))
}

#[test]
fn what_is_sealed_opens_with_the_same_key_and_place_only() {
    // Another key, another tenant, another place, and a changed byte each refuse to open.
    let (own, content) = (vault(1, "contoso"), b"Lunch with Anna".as_slice());
    let sealed = own.seal(b"here", content).unwrap();
    assert_eq!(own.open(b"here", &sealed).as_deref(), Ok(content));
    assert_eq!(own.open(b"there", &sealed), Err(VaultError::Opening));
    assert_eq!(vault(2, "contoso").open(b"here", &sealed), Err(VaultError::Opening));
    assert_eq!(vault(1, "fabrikam").open(b"here", &sealed), Err(VaultError::Opening));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(own.open(b"here", &changed), Err(VaultError::Opening), "byte {at}");
        assert_eq!(own.open(b"here", &sealed[..at]), Err(VaultError::Opening), "cut at {at}");
    }
}

#[test]
fn the_sealed_bytes_say_nothing_of_the_content() {
    // Neither the words nor their repetition can be seen; only the length can.
    let own = vault(1, "contoso");
    let first = own.seal(b"here", b"Lunch with Anna").unwrap();
    let second = own.seal(b"here", b"Lunch with Anna").unwrap();
    assert_ne!(first, second);
    assert!(!first.windows(5).any(|part| part == b"Lunch"));
}

#[test]
fn a_key_file_is_made_once_for_its_owner_alone() {
    // The first start makes a key with mode 0600, the next one reads it; a short one is named.
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let made = load_or_make(directory.path()).unwrap();
    let again = load_or_make(directory.path()).unwrap();
    assert_eq!(made.expose_secret(), again.expose_secret());
    assert_eq!(made.expose_secret().len(), 64);
    let path = directory.path().join("keep.key");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&path, "short").unwrap();
    let error = load_or_make(directory.path()).unwrap_err().to_string();
    assert!(error.contains("keep.key") && error.contains("restore it"), "{error}");
}
