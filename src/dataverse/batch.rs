//! The multipart form of `$batch` (protocols B6): requests out, replies back, in the same order.
//!
//! Absent on purpose: change sets. Every write stands alone, so that one refused row never takes
//! its neighbours with it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::LazyLock;

use memchr::memmem;

/// Divides the parts. Bodies are JSON without raw line ends, so no body can hold a delimiter line.
const BOUNDARY: &str = "batch_lockstep";

/// About as many bytes as delimiter and headers of a part take: room is made for all parts at once.
const PART_HEAD: usize = 512;

/// The value of `Content-Type` for an encoded batch.
pub(super) const CONTENT_TYPE: &str = "multipart/mixed; boundary=\"batch_lockstep\"";

/// One request inside a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// `GET`, `PATCH`, `DELETE`.
    pub(super) method: &'static str,
    /// Path below the API root, percent-encoded: `contacts(…)?$select=…`.
    pub(super) path: String,
    /// Headers beside the standard ones.
    pub(super) headers: Vec<(&'static str, Cow<'static, str>)>,
    /// JSON text.
    pub(super) body: Option<String>,
}

impl Part {
    /// Returns a read.
    pub(super) fn get(path: String) -> Self {
        Self { method: "GET", path, headers: Vec::new(), body: None }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The reply to one request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartReply {
    /// The status of this part.
    pub(super) status: u16,
    /// The header lines, as they came.
    pub(super) headers: Box<str>,
    /// The body; empty when there is none.
    pub(super) body: Vec<u8>,
}

impl PartReply {
    /// Returns a header by its name, in any case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// Tells whether the part succeeded.
    pub(super) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Returns the body of a batch. `root` is the API root's path (`/api/data/v9.2`), `common` are
/// headers that every part carries.
pub(super) fn encode(root: &str, common: &[(&'static str, String)], parts: &[Part]) -> Vec<u8> {
    let bytes = |part: &Part| part.path.len() + part.body.as_ref().map_or(0, String::len);
    let mut text = String::with_capacity(parts.iter().map(|part| bytes(part) + PART_HEAD).sum());
    for part in parts {
        encode_part(&mut text, root, common, part);
    }
    text.push_str("--");
    text.push_str(BOUNDARY);
    text.push_str("--\r\n");
    text.into_bytes()
}

fn encode_part(text: &mut String, root: &str, common: &[(&'static str, String)], part: &Part) {
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "--{BOUNDARY}\r\nContent-Type: application/http\r\n\
         Content-Transfer-Encoding: binary\r\n\r\n{} {root}/{} HTTP/1.1\r\n\
         Accept: application/json\r\n",
        part.method, part.path
    );
    if part.body.is_some() {
        text.push_str("Content-Type: application/json\r\n");
    }
    for (name, value) in common {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    for (name, value) in &part.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.push_str(part.body.as_deref().unwrap_or_default());
    text.push_str("\r\n");
}

/// Returns the replies of a batch, or what is wrong with it. A reply that is cut off is wrong as a
/// whole: its last part may be half of the truth.
pub(super) fn decode(content_type: &str, body: &[u8]) -> Result<Vec<PartReply>, &'static str> {
    let boundary = boundary(content_type).ok_or("the batch reply names no boundary")?;
    let delimiter = format!("--{boundary}");
    // Beyond the first, a delimiter starts a line; the line end belongs to it.
    let inner = format!("\r\n{delimiter}");
    let inner = memmem::Finder::new(&inner);
    let mut replies = Vec::new();
    let first =
        memmem::find(body, delimiter.as_bytes()).ok_or("the batch reply has no delimiter")?;
    let mut rest = &body[first + delimiter.len()..];
    loop {
        if rest.starts_with(b"--") {
            return Ok(replies);
        }
        let end = inner.find(rest).ok_or("the batch reply is cut off")?;
        replies.push(decode_part(&rest[..end])?);
        rest = &rest[end + inner.needle().len()..];
    }
}

fn decode_part(part: &[u8]) -> Result<PartReply, &'static str> {
    let (_, http) = split_head(part).ok_or("a part has no headers")?;
    // A reply without a body may end right after its headers.
    let (head, body) = split_head(http).unwrap_or((http, &[]));
    let head = std::str::from_utf8(head).map_err(|_| "a part's headers are no text")?;
    let head = head.trim();
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let status = Some(first)
        .filter(|line| line.starts_with("HTTP/"))
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.trim().parse::<u16>().ok())
        .ok_or("a part has no status line")?;
    Ok(PartReply { status, headers: headers.into(), body: trim_line_end(body).to_vec() })
}

fn boundary(content_type: &str) -> Option<&str> {
    content_type
        .split(';')
        .filter_map(|piece| piece.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"'))
        .filter(|value| !value.is_empty())
}

/// Splits at the first empty line.
fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    static EMPTY_LINE: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));
    EMPTY_LINE.find(bytes).map(|at| (&bytes[..at], &bytes[at + 4..]))
}

fn trim_line_end(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r\n").unwrap_or(bytes)
}

#[cfg(test)]
mod tests;
