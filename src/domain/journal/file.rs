//! A removed file as bytes, before it is sealed: a mark, the length of its head, a head in JSON with
//! what is known of it, its content.
//!
//! No version of an item begins with the mark, so that neither is ever taken for the other.

use serde::{Deserialize, Serialize};

use super::content::Unreadable;

/// Bytes of the largest file that is kept: what organizations take by default (ATT-05).
pub const FILE_KEPT_MAX: u64 = 5 * 1024 * 1024;

/// JSON begins with no such byte.
const MARK: u8 = 0xF1;

/// A file that was removed or replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name.
    pub name: String,
    /// Its MIME type; empty when unknown.
    pub mime: String,
    /// Another file of its name took its place.
    pub replaced: bool,
    /// Its content.
    pub content: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    mime: String,
    replaced: bool,
}

// Neither name nor content: they are the user's.
impl std::fmt::Debug for KeptFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeptFile({} bytes)", self.content.len())
    }
}

/// Tells whether kept bytes are a file, and not a version of an item.
#[must_use]
pub fn is_file(bytes: &[u8]) -> bool {
    bytes.first() == Some(&MARK)
}

/// Returns a file as bytes.
#[must_use]
pub fn encode(file: &KeptFile) -> Vec<u8> {
    let (name, mime) = (file.name.clone(), file.mime.clone());
    // Text and a flag: this cannot fail; an empty head is refused by `decode`.
    let head = Head { name, mime, replaced: file.replaced };
    let head = serde_json::to_vec(&head).unwrap_or_default();
    let mut bytes = vec![MARK];
    bytes.extend(u32::try_from(head.len()).unwrap_or_default().to_be_bytes());
    bytes.extend(head);
    bytes.extend(&file.content);
    bytes
}

/// Returns the file of bytes.
///
/// # Errors
/// Fails for what this program did not write.
pub fn decode(bytes: &[u8]) -> Result<KeptFile, Unreadable> {
    let rest = bytes.strip_prefix(&[MARK]).ok_or(Unreadable)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(Unreadable)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Unreadable)?;
    let (head, content) = rest.split_at_checked(length).ok_or(Unreadable)?;
    let Head { name, mime, replaced } = serde_json::from_slice(head).map_err(|_| Unreadable)?;
    Ok(KeptFile { name, mime, replaced, content: content.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::super::{KeptContent, content};
    use super::*;

    #[test]
    fn ops_02_a_kept_file_reads_back_and_is_no_version_of_an_item() {
        // Whatever it holds; cut anywhere in its head it is refused.
        for content in [Vec::new(), vec![0xF1, 0, b'{'], b"offer".to_vec()] {
            let (name, mime) = ("Angebot.txt".to_owned(), "text/plain".to_owned());
            let file = KeptFile { name, mime, replaced: true, content };
            let bytes = encode(&file);
            assert!(is_file(&bytes) && decode(&bytes) == Ok(file.clone()));
            assert!(content::decode(&bytes).is_err());
            let head = bytes.len() - file.content.len();
            assert!((0..head).all(|length| decode(&bytes[..length]).is_err()));
        }
        let version = content::encode(&KeptContent::default());
        assert!(!is_file(&version) && decode(&version).is_err());
    }
}
