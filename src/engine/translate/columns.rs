//! Texts that are longer than their columns in Dynamics (FLD-05).

use super::Translation;
use crate::domain::code::Code;
use crate::domain::field::Value;
use crate::domain::kind::Kind;
use crate::domain::markup;
use crate::engine::{catalogue as rule, groups};

/// The mark at the end of a text that was cut (FLD-05).
const CUT_MARK: &str = "… [shortened]";

/// FLD-05: a text longer than its column is cut with a mark; the fingerprints of the two sides
/// stand apart, so the cut never echoes.
pub(crate) fn fit_columns(kind: Kind, out: &mut Translation) {
    let mut shortened = false;
    for (field, value) in &mut out.patch {
        // Markup that was cut would be none: what is too long goes as text.
        if let Some(Value::Html(html)) = value
            && groups::max_chars(kind, *field).is_some_and(|max| length(html) > max)
        {
            *value = Some(Value::Text(markup::plain(html)));
            out.losses.push(Code::TextTruncated);
        }
        if let Some(Value::Text(text)) = value
            && let Some(max) = groups::max_chars(kind, *field)
            && length(text) > max
        {
            *text = cut(text, max);
            out.losses.push(Code::TextTruncated);
            shortened = true;
        }
    }
    if shortened {
        out.by(rule::FLD_05);
    }
}

/// Dataverse counts as .NET does, in UTF-16 units.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn cut(text: &str, max: usize) -> String {
    let mark = if max > 4 * length(CUT_MARK) { CUT_MARK } else { "" };
    let mut room = max - length(mark);
    let mut short = String::new();
    for character in text.chars() {
        let Some(left) = room.checked_sub(character.len_utf16()) else { break };
        room = left;
        short.push(character);
    }
    // A space before the mark, or at the end, would not survive the comparison.
    let mut short = short.trim_end().to_owned();
    short.push_str(mark);
    short
}
