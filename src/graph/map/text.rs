//! Texts: line ends, and plain text out of HTML.
//!
//! Plain text is asked for with every request but for appointments that keep their format
//! (APPT-OUT-13); the HTML way is for answers that come as HTML all the same, which the To Do
//! service is known to do.

use crate::domain::markup;
use crate::graph::wire::ItemBody;

/// Returns a text with its lines parted by `\n` alone.
pub(super) fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Tells whether a body came as HTML.
pub(super) fn is_html(body: &ItemBody) -> bool {
    body.content_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("html"))
}

/// Returns the plain text of a body.
pub(super) fn plain(body: Option<&ItemBody>) -> String {
    let Some(body) = body else { return String::new() };
    let content = body.content.as_deref().unwrap_or("");
    if is_html(body) { markup::plain(content) } else { unix_lines(content) }
}
