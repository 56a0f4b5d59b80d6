//! Markup of bodies (APPT-OUT-13): plain text out of HTML, and HTML reduced to what may travel.
//!
//! Both are pure text to text. `tidy` keeps what a person formats (paragraphs, lists, tables,
//! emphasis, links) and nothing that acts or loads: no scripts, styles, images, forms, attributes.
//! Its result is well-formed and stays as it is when it is tidied again, so that a body that went
//! round both services is no edit. Absent: colours, fonts, inline images, layout.

use super::field::Value;

/// Elements that are kept, by name.
const KEPT: [&str; 29] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "s",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "u",
    "ul",
];
/// Kept elements that stand within a line.
const INLINE: [&str; 11] = ["a", "b", "code", "em", "i", "s", "strong", "sub", "sup", "u", "span"];
/// Kept elements that have no end.
const VOID: [&str; 2] = ["br", "hr"];
/// Elements that go with all that they hold.
const DROPPED: [&str; 12] = [
    "head", "iframe", "math", "noscript", "object", "script", "select", "style", "svg", "template",
    "textarea", "title",
];
/// Where a link may lead.
const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "tel:"];
/// The deepest nesting that is kept; tags beyond it go, their text stays.
const DEPTH: usize = 64;

/// One piece of HTML.
enum Piece<'a> {
    Text(&'a str),
    /// A tag: its name in lower case, what stands behind the name, whether it closes.
    Tag(String, &'a str, bool),
}

/// Tells whether a text is meant as HTML: it has a tag, or an entity.
#[must_use]
pub fn is_markup(text: &str) -> bool {
    let tag = text.match_indices('<').any(|(at, _)| {
        let rest = text[at + 1..].trim_start_matches('/');
        rest.starts_with(|first: char| first.is_ascii_alphabetic()) && rest.contains('>')
    });
    tag || html_escape::decode_html_entities(text) != text
}

/// Returns the text between the tags: paragraphs and breaks become lines, heads and styles go.
#[must_use]
pub fn plain(html: &str) -> String {
    let mut out = String::new();
    pieces(html, |piece| match piece {
        Piece::Text(text) => out.push_str(&text.replace(['\r', '\n'], " ")),
        Piece::Tag(name, _, closes) => match name.as_str() {
            "br" => out.push('\n'),
            "p" | "div" | "li" | "tr" if closes => out.push('\n'),
            _ => {}
        },
    });
    let lines: Vec<&str> = out.split('\n').map(str::trim).collect();
    decode(lines.join("\n").trim_matches('\n')).replace('\u{a0}', " ")
}

/// Returns the body that HTML says, reduced to what may travel: a single line without any format
/// is text, an empty page nothing.
#[must_use]
pub fn tidy(html: &str) -> Option<Value> {
    let mut page = Page::default();
    pieces(html, |piece| page.take(piece));
    let html = page.finish();
    if html.is_empty() {
        return None;
    }
    if !html.contains(['<', '&']) {
        return Some(Value::Text(html));
    }
    Some(Value::Html(html))
}

/// Tells whether two bodies say the same: one that was never formatted is compared as text.
#[must_use]
pub fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Html(html), Value::Text(text)) | (Value::Text(text), Value::Html(html)) => {
            plain(html).trim() == text.trim()
        }
        _ => left == right,
    }
}

/// Tells whether two bodies are the same but for their format.
#[must_use]
pub fn alike(left: &Value, right: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::Html(html) => Some(plain(html)),
        Value::Text(text) if is_markup(text) => Some(plain(text)),
        Value::Text(text) => Some(text.clone()),
        Value::Time(_)
        | Value::Date(_)
        | Value::Flag(_)
        | Value::Number(_)
        | Value::Importance(_)
        | Value::ShowAs(_)
        | Value::Todo(_)
        | Value::Parties(_)
        | Value::Recurrence(_)
        | Value::Exceptions(_) => None,
    };
    let (left, right) = (text(left), text(right));
    left.is_some() && left.as_deref().map(str::trim) == right.as_deref().map(str::trim)
}

/// Takes HTML apart: comments, declarations and dropped elements are passed over.
fn pieces<'a>(html: &'a str, mut take: impl FnMut(Piece<'a>)) {
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if at > 0 {
            take(Piece::Text(&rest[..at]));
        }
        let tail = &rest[at + 1..];
        if let Some(comment) = tail.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let closes = tail.starts_with('/');
        let inner = tail.strip_prefix('/').unwrap_or(tail);
        if !inner.starts_with(|first: char| first.is_ascii_alphabetic() || "!?".contains(first)) {
            take(Piece::Text("&lt;"));
            rest = tail;
            continue;
        }
        // A tag without an end is cut off.
        let Some(end) = end_of_tag(inner) else { return };
        let name_end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(end).min(end);
        let name = inner[..name_end].to_ascii_lowercase();
        rest = &inner[end + 1..];
        if DROPPED.contains(&name.as_str()) {
            if !closes {
                rest = skip(rest, &name);
            }
        } else {
            take(Piece::Tag(name, &inner[name_end..end], closes));
        }
    }
    if !rest.is_empty() {
        take(Piece::Text(rest));
    }
}

/// Returns where the tag ends: a `>` inside quotes belongs to a value.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    // A quote that nobody closes is no quote.
    tag.find('>')
}

/// Returns what follows the end of a dropped element.
fn skip<'a>(html: &'a str, name: &str) -> &'a str {
    let ends = html.match_indices("</").find(|(at, _)| {
        let tail = html.get(at + 2..at + 2 + name.len());
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(name))
    });
    let tail = ends.map_or("", |(at, _)| &html[at..]);
    tail.find('>').map_or("", |end| &tail[end + 1..])
}

fn decode(text: &str) -> String {
    html_escape::decode_html_entities(text).into_owned()
}

/// The page that `tidy` builds.
#[derive(Default)]
struct Page {
    out: String,
    open: Vec<String>,
}

impl Page {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::Tag(name, _, _) if !KEPT.contains(&name.as_str()) => {}
            Piece::Tag(name, _, _) if VOID.contains(&name.as_str()) => {
                self.trim_space();
                self.out.push_str(&format!("<{name}>"));
            }
            Piece::Tag(name, _, true) => self.close(&name),
            Piece::Tag(name, attributes, false) => self.open(name, attributes),
        }
    }

    /// Runs of white space are one space, and none stands beside a block.
    fn text(&mut self, text: &str) {
        let text = decode(text);
        for c in text.chars().filter(|c| !c.is_control() || c.is_ascii_whitespace()) {
            match c {
                c if c.is_ascii_whitespace() => {
                    if !(self.out.is_empty() || self.out.ends_with(' ') || self.after_block()) {
                        self.out.push(' ');
                    }
                }
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '&' => self.out.push_str("&amp;"),
                c => self.out.push(c),
            }
        }
    }

    /// Tells whether the page ends with a tag of a block, or with a break.
    fn after_block(&self) -> bool {
        let Some(tag) = self.out.strip_suffix('>').and_then(|out| out.rsplit('<').next()) else {
            return false;
        };
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        KEPT.contains(&name) && !INLINE.contains(&name)
    }

    fn trim_space(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
    }

    fn open(&mut self, name: String, attributes: &str) {
        if self.open.len() >= DEPTH {
            return;
        }
        let target = if name == "a" { link(attributes) } else { None };
        if name == "a" && target.is_none() {
            return;
        }
        if !INLINE.contains(&name.as_str()) {
            self.trim_space();
        }
        let attribute = target.map(|target| format!(" href=\"{target}\"")).unwrap_or_default();
        self.out.push_str(&format!("<{name}{attribute}>"));
        self.open.push(name);
    }

    fn close(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|open| open == name) else { return };
        while self.open.len() > at {
            let Some(open) = self.open.pop() else { return };
            if !INLINE.contains(&open.as_str()) {
                self.trim_space();
            }
            self.out.push_str(&format!("</{open}>"));
        }
    }

    /// Closes what is open; breaks and spaces at both ends say nothing.
    fn finish(mut self) -> String {
        self.trim_space();
        while let Some(open) = self.open.pop() {
            self.out.push_str(&format!("</{open}>"));
        }
        let mut html = self.out.trim();
        loop {
            let less = html.strip_suffix("<br>").or_else(|| html.strip_prefix("<br>"));
            match less {
                Some(less) => html = less.trim(),
                None => return html.to_owned(),
            }
        }
    }
}

/// Returns where a link leads, as the value of an attribute; nothing for what may not be followed.
fn link(attributes: &str) -> Option<String> {
    let lower = attributes.to_ascii_lowercase();
    let at = lower.match_indices("href").map(|(at, _)| at).find(|at| {
        let before = lower[..*at].chars().next_back();
        let after = lower[at + 4..].trim_start();
        before.is_none_or(|c| c.is_ascii_whitespace() || "\"'/".contains(c))
            && after.starts_with('=')
    })?;
    let value = attributes[at + 4..].trim_start().strip_prefix('=')?.trim_start();
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split(|c: char| c.is_ascii_whitespace()).next()?,
    };
    let target = decode(value);
    let target: String = target.chars().filter(|c| !c.is_control()).collect();
    let target = target.trim();
    let known = |scheme: &&str| {
        target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    SCHEMES.iter().any(known).then(|| {
        let safe = target.replace('&', "&amp;").replace('"', "&quot;");
        safe.replace('<', "&lt;").replace('>', "&gt;").replace(' ', "%20")
    })
}

#[cfg(test)]
mod tests;
