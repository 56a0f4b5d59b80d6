//! Plain text of an HTML body, as `Prefer: outlook.body-content-type="text"` asks for.
//!
//! Absent: layout. Tags fall away, block ends and `<br>` become line ends, entities characters.

/// Returns the text of an HTML fragment or page.
pub(super) fn to_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut out, &rest[..at]);
        let tail = &rest[at..];
        if let Some(comment) = tail.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        // A tag begins with a letter; any other `<` is just a character.
        if !tail[1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) {
            push_text(&mut out, "<");
            rest = &tail[1..];
            continue;
        }
        let Some(end) = tail.find('>') else {
            push_text(&mut out, tail);
            return tidy(&out);
        };
        let tag = tail[1..end].trim();
        let name: String = tag
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_ascii_lowercase();
        rest = &tail[end + 1..];
        if matches!(name.as_str(), "style" | "script" | "title") && !tag.starts_with('/') {
            rest = skip_element(rest, &name);
        } else if breaks(&name, tag.starts_with('/')) {
            out.push('\n');
        }
    }
    push_text(&mut out, rest);
    tidy(&out)
}

/// Returns HTML that shows a plain text.
pub(super) fn from_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    escaped.replace("\r\n", "\n").replace('\n', "<br>\r\n")
}

/// Returns the page the service makes of an HTML fragment.
pub(super) fn page(fragment: &str) -> String {
    let start = fragment.trim_start().get(..5).unwrap_or_default();
    if start.eq_ignore_ascii_case("<html") {
        return fragment.to_owned();
    }
    format!(
        "<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\
         </head><body>{fragment}</body></html>"
    )
}

fn breaks(name: &str, closing: bool) -> bool {
    match name {
        "br" | "hr" => true,
        "p" | "div" | "li" | "tr" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "ul"
        | "ol" | "blockquote" => closing,
        _ => false,
    }
}

fn skip_element<'a>(rest: &'a str, name: &str) -> &'a str {
    let lower = rest.to_ascii_lowercase();
    let Some(at) = lower.find(&format!("</{name}")) else { return "" };
    let tail = &rest[at..];
    tail.find('>').map_or("", |end| &tail[end + 1..])
}

// Line ends of the source are mere space in HTML; runs of white space are one space.
fn push_text(out: &mut String, text: &str) {
    let mut space = false;
    for part in text.split_inclusive(|c: char| c.is_ascii_whitespace()) {
        let word = part.trim_end_matches(|c: char| c.is_ascii_whitespace());
        if !word.is_empty() {
            if space {
                push_space(out);
            }
            out.push_str(&entities(word));
            space = false;
        }
        space |= word.len() != part.len();
    }
    if space {
        push_space(out);
    }
}

fn push_space(out: &mut String) {
    if !out.is_empty() && !out.ends_with([' ', '\n']) {
        out.push(' ');
    }
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let end = tail.find(';').filter(|end| *end <= 8);
        match end.and_then(|end| Some((end, entity(&tail[..end])?))) {
            Some((end, c)) => {
                out.push(c);
                rest = &tail[end + 1..];
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        "euro" => '€',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "bull" => '•',
        "copy" => '©',
        "reg" => '®',
        _ => return None,
    })
}

fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_matches(' ')).collect();
    lines.join("\r\n").trim_matches(['\r', '\n', ' ']).to_owned()
}
