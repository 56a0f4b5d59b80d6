//! Files that hang on an appointment (rules.md §1.15): what is known of them without their content.

use super::code::Code;
use super::ids::NativeId;

/// What an organization allows (ATT-02, ATT-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePolicy {
    /// `organization.isappointmentattachmentsyncenabled`.
    pub on: bool,
    /// `organization.maxuploadfilesize`, in bytes.
    pub max_bytes: u64,
    /// `organization.blockedattachments`: extensions without a dot, in lower case.
    pub blocked_extensions: Vec<String>,
    /// `organization.blockedmimetypes`, in lower case.
    pub blocked_types: Vec<String>,
}

impl Default for FilePolicy {
    /// Returns Microsoft's defaults: off, 5 MB, nothing blocked beyond what the service refuses.
    fn default() -> Self {
        let (blocked_extensions, blocked_types) = (Vec::new(), Vec::new());
        Self { on: false, max_bytes: 5 * 1024 * 1024, blocked_extensions, blocked_types }
    }
}

/// How a file hangs on its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileForm {
    /// A file.
    Whole,
    /// An image inside of the body; it belongs to the body, which is text in Dynamics.
    Inline,
    /// Another item of Exchange, or a link into a cloud store: no content that Dynamics could hold.
    Elsewhere,
}

/// One file as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its id on its side.
    pub id: NativeId,
    /// Its version, where files have one.
    pub version: Option<String>,
    /// Its name.
    pub name: String,
    /// Its MIME type; empty when unknown.
    pub mime: String,
    /// Its size in bytes, as its side counts.
    pub size: u64,
    /// How it hangs there.
    pub form: FileForm,
}

/// A file to be added.
#[derive(Clone, PartialEq, Eq)]
pub struct NewFile {
    /// The same for each repeat of one add.
    pub key: uuid::Uuid,
    /// Its name.
    pub name: String,
    /// Its MIME type; empty when unknown.
    pub mime: String,
    /// Its content.
    pub content: Vec<u8>,
}

// Neither name nor content: they are the user's.
impl std::fmt::Debug for NewFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewFile({}, {} bytes)", self.key, self.content.len())
    }
}

impl FilePolicy {
    /// Tells whether a file is carried at all, or why not.
    ///
    /// # Errors
    /// Returns the code of what forbids it.
    pub fn allows(&self, file: &FileEntry) -> Result<(), Code> {
        if file.form != FileForm::Whole {
            return Err(Code::AttachmentForm);
        }
        if file.size > self.max_bytes {
            return Err(Code::AttachmentTooLarge);
        }
        let name = file.name.to_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let mime = file.mime.to_lowercase();
        let mime = mime.split(';').next().unwrap_or_default().trim();
        let blocked = self.blocked_extensions.iter().any(|one| one == extension)
            || self.blocked_types.iter().any(|one| one == mime);
        if blocked { Err(Code::AttachmentBlocked) } else { Ok(()) }
    }
}
