//! Texts in a form in which both sides can be compared.

/// Returns the number that ends a subject or a family name, if there is one.
#[must_use]
pub fn mark_of(text: &str) -> Option<&str> {
    let last = text.split_whitespace().next_back()?;
    (last.len() >= 4 && last.bytes().all(|byte| byte.is_ascii_digit())).then_some(last)
}

/// Returns a text with one kind of line end and no space before them or around.
pub(super) fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// Returns the words of a text; marks of list items aren't words.
pub(super) fn words(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !matches!(*word, "•" | "*" | "-" | "·"));
    words.collect::<Vec<_>>().join(" ")
}

/// Tells whether `row` is `item` as far as a column of `limit` characters can hold it.
pub(super) fn same(row: &str, item: &str, limit: usize) -> bool {
    if row == item {
        return true;
    }
    let (row_length, item_length) = (row.chars().count(), item.chars().count());
    // A marker at the end may say that the text was cut.
    let common = row.chars().zip(item.chars()).take_while(|(left, right)| left == right).count();
    item_length * 10 > limit * 9 && row_length * 10 > limit * 8 && common + 80 > row_length
}

/// Returns the text of an HTML page.
pub(super) fn of_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tail)) = rest.split_once('<') {
        out.push_str(&decoded(before));
        let Some((tag, after)) = tail.split_once('>') else {
            return out;
        };
        rest = after;
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        match name.to_ascii_lowercase().as_str() {
            skipped @ ("style" | "script" | "title") if !tag.starts_with('/') => {
                let end = format!("</{skipped}>");
                rest = rest.split_once(end.as_str()).map_or("", |(_, after)| after);
            }
            "b" | "i" | "u" | "span" | "a" | "em" | "strong" | "font" => {}
            _ => out.push('\n'),
        }
    }
    out.push_str(&decoded(rest));
    out
}

fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('&') {
        out.push_str(before);
        let entity = tail.split_once(';').filter(|(name, _)| name.len() <= 8);
        let Some((name, after)) = entity else {
            out.push('&');
            rest = tail;
            continue;
        };
        match character(name) {
            Some(found) => out.push(found),
            None => out.push_str(&format!("&{name};")),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn character(name: &str) -> Option<char> {
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
        "szlig" => 'ß',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        _ => return None,
    })
}
