//! The multipart form of a batch: reading requests, writing answers. Line ends are CRLF.

use crate::sim::dataverse::error::Refusal;
use crate::sim::wire::{Request, Response};

/// One part of a batch.
pub(super) enum Item {
    Single(Inner),
    Set(Vec<Inner>),
}

impl Item {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Set(set) => set.len(),
        }
    }
}

/// One request inside a batch.
pub(super) struct Inner {
    pub(super) content_id: Option<String>,
    pub(super) request: Request,
}

struct Part<'a> {
    headers: Vec<(String, String)>,
    content: &'a str,
}

impl Part<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Reads the parts of a batch request.
pub(super) fn read(request: &Request) -> Result<Vec<Item>, Refusal> {
    let kind = request.header("Content-Type").unwrap_or_default();
    let boundary = boundary(kind).ok_or_else(|| {
        Refusal::malformed("A batch needs 'Content-Type: multipart/mixed; boundary=…'.")
    })?;
    let text = std::str::from_utf8(&request.body)
        .map_err(|_| Refusal::malformed("The batch is not valid UTF-8."))?;
    split(text, &boundary)?.into_iter().map(|part| item(&part)).collect()
}

fn item(part: &Part<'_>) -> Result<Item, Refusal> {
    let kind = part.header("Content-Type").unwrap_or_default();
    let Some(boundary) = boundary(kind) else { return Ok(Item::Single(inner(part)?)) };
    let set = split(part.content, &boundary)?;
    let mut requests = Vec::with_capacity(set.len());
    for part in &set {
        let inner = inner(part)?;
        if inner.request.method == "GET" {
            return Err(Refusal::malformed("A change set can't contain GET requests."));
        }
        if inner.content_id.is_none() {
            return Err(Refusal::malformed("Each request of a change set needs a Content-ID."));
        }
        requests.push(inner);
    }
    Ok(Item::Set(requests))
}

fn inner(part: &Part<'_>) -> Result<Inner, Refusal> {
    let kind = part.header("Content-Type").unwrap_or_default();
    if !kind.starts_with("application/http") {
        return Err(Refusal::malformed(format!("'{kind}' is not allowed inside a batch.")));
    }
    if part.header("Content-Transfer-Encoding").is_none_or(|coding| coding != "binary") {
        return Err(Refusal::malformed("A part needs 'Content-Transfer-Encoding: binary'."));
    }
    let (line, rest) = part.content.split_once("\r\n").unwrap_or((part.content, ""));
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = words.as_slice() else {
        return Err(Refusal::malformed(format!("'{line}' is not a request line.")));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(Refusal::malformed(format!("'{line}' is not a request line.")));
    }
    if target.ends_with("/$batch") {
        return Err(Refusal::malformed("A batch can't contain a batch."));
    }
    let (head, body) = head_and_body(rest);
    let headers = headers(head)?;
    let content_id = part.header("Content-ID").map(ToOwned::to_owned);
    let request = Request {
        method: (*method).to_owned(),
        target: (*target).to_owned(),
        headers,
        body: body.as_bytes().to_vec(),
    };
    Ok(Inner { content_id, request })
}

/// Writes one answer as a part.
pub(super) fn write(response: &Response, content_id: Option<&str>) -> String {
    let mut text =
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n".to_owned();
    if let Some(id) = content_id {
        text.push_str(&format!("Content-ID: {id}\r\n"));
    }
    text.push_str(&format!("\r\nHTTP/1.1 {} {}\r\n", response.status, reason(response.status)));
    for (name, value) in &response.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(&String::from_utf8_lossy(&response.body));
    text
}

/// Returns the boundary of a multipart content type.
fn boundary(kind: &str) -> Option<String> {
    let rest = kind.strip_prefix("multipart/mixed")?;
    let (_, value) = rest.split_once("boundary=")?;
    let value = value.split(';').next()?.trim().trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

fn split<'a>(text: &'a str, boundary: &str) -> Result<Vec<Part<'a>>, Refusal> {
    let wrong = || Refusal::malformed("The multipart body is malformed.");
    let first = format!("--{boundary}");
    let text = text.trim_start_matches("\r\n");
    let rest = text.strip_prefix(&first).ok_or_else(wrong)?;
    let mut pieces: Vec<&str> = rest.split(&format!("\r\n--{boundary}")).collect();
    let end = pieces.pop().ok_or_else(wrong)?;
    if !end.starts_with("--") {
        return Err(wrong());
    }
    pieces
        .into_iter()
        .map(|piece| {
            let piece = piece.strip_prefix("\r\n").ok_or_else(wrong)?;
            let (head, content) = head_and_body(piece);
            Ok(Part { headers: headers(head)?, content })
        })
        .collect()
}

/// Splits at the first empty line.
fn head_and_body(text: &str) -> (&str, &str) {
    if let Some(body) = text.strip_prefix("\r\n") {
        return ("", body);
    }
    text.split_once("\r\n\r\n").unwrap_or((text, ""))
}

fn headers(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    text.split("\r\n")
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| Refusal::malformed(format!("'{line}' is not a header.")))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        _ => "Error",
    }
}
