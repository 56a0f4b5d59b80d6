//! Texts: line ends, and plain text out of HTML.
//!
//! Plain text is asked for with every request (`outlook.body-content-type="text"`); the HTML way
//! is for answers that come as HTML all the same, which the To Do service is known to do.

use crate::graph::wire::ItemBody;

/// Returns a text with its lines parted by `\n` alone.
pub(super) fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Returns the plain text of a body.
pub(super) fn plain(body: Option<&ItemBody>) -> String {
    let Some(body) = body else { return String::new() };
    let content = body.content.as_deref().unwrap_or("");
    if body.content_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("html")) {
        from_html(content)
    } else {
        unix_lines(content)
    }
}

/// Returns the text between the tags: paragraphs and breaks become lines, heads and styles go.
fn from_html(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open].replace(['\r', '\n'], " "));
        let Some(close) = rest[open..].find('>') else {
            rest = "";
            break;
        };
        let tag = rest[open + 1..open + close].to_ascii_lowercase();
        rest = &rest[open + close + 1..];
        let name: &str = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap_or("");
        match name {
            "br" => out.push('\n'),
            "p" | "div" | "li" | "tr" if tag.starts_with('/') => out.push('\n'),
            "head" | "style" | "script" if !tag.starts_with('/') => rest = skip_to(rest, name),
            _ => {}
        }
    }
    out.push_str(&rest.replace(['\r', '\n'], " "));
    let lines: Vec<&str> = out.split('\n').map(str::trim).collect();
    entities(lines.join("\n").trim_matches('\n'))
}

/// Returns what follows the closing tag of an element.
fn skip_to<'a>(html: &'a str, name: &str) -> &'a str {
    // Only ASCII letters change their case, so that places in both texts are the same.
    let closing = format!("</{name}>");
    let at = html.to_ascii_lowercase().find(&closing);
    at.map_or("", |at| &html[at + closing.len()..])
}

fn entities(text: &str) -> String {
    html_escape::decode_html_entities(text).replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_lines_of_text() {
        // Breaks and paragraphs become lines, styles and tags go, entities are read.
        let html = "<html><head><style>p {a}</style></head><body>\r\n<p>One &amp; two</p>\
                    <div>three<br/>four</div></body></html>";
        assert_eq!(from_html(html), "One & two\nthree\nfour");
        assert_eq!(from_html("cut <b"), "cut");
        assert_eq!(from_html("plain"), "plain");
    }
}
