//! The key beside an embedded store, made at the first start: a file that only its owner reads.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretSlice;
use thiserror::Error;

/// The file in the store's directory.
const FILE: &str = "keep.key";
/// A file that holds less was cut; 32 bytes in hexadecimal are 64.
const MIN_BYTES: usize = 32;
/// A file that holds more is no key.
const MAX_BYTES: u64 = 4_096;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file cannot be read or made.
    #[error("the key file {} cannot be used: {source}: let this user read and write there", .file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is too short to be a key.
    #[error(
        "the key file {} is damaged: restore it, or remove it: then a new key is made and \
         versions kept so far no longer open", .file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
    },
}

/// Returns the key in a directory; makes one when there is none.
///
/// # Errors
/// Fails with the file and a remedy when it cannot be read or made.
pub fn load_or_make(directory: &Path) -> Result<SecretSlice<u8>, KeyFileError> {
    let file = directory.join(FILE);
    let unusable = |source| KeyFileError::Unusable { file: file.clone(), source };
    let text = match fs::File::open(&file) {
        Ok(found) => {
            let mut text = Vec::new();
            found.take(MAX_BYTES).read_to_end(&mut text).map_err(unusable)?;
            text
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&file).map_err(unusable)?,
        Err(error) => return Err(unusable(error)),
    };
    let key = text.trim_ascii();
    if key.len() < MIN_BYTES {
        return Err(KeyFileError::Damaged { file });
    }
    Ok(SecretSlice::from(key.to_vec()))
}

/// Makes the file under another name first: a crash leaves no half a key.
fn make(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = [0_u8; 32];
    let random = SystemRandom::new().fill(&mut bytes);
    random.map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let fresh = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut made = options.open(&fresh)?;
    made.write_all(text.as_bytes())?;
    made.sync_all()?;
    fs::rename(&fresh, file)?;
    Ok(text.into_bytes())
}
