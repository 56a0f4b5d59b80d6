//! Service activities: one way to Exchange, without attendees (SVC-02, SVC-04, SVC-06).

use super::Translation;
use crate::domain::field::{Field, Fields, Group, ShowAs, Value};
use crate::domain::party::Party;
use crate::engine::catalogue as rule;

/// Returns how a service activity shows in the calendar (SVC-06). A reason that an organization
/// added itself shows as its state does.
#[must_use]
pub const fn service_show_as(state: i64, status: i64) -> ShowAs {
    match (state, status) {
        // Completed, canceled, no show.
        (_, 8..=10) => ShowAs::Free,
        // Pending, reserved, in progress, arrived.
        (_, 3 | 4 | 6 | 7) => ShowAs::Busy,
        // Requested, tentative.
        (_, 1 | 2) => ShowAs::Tentative,
        (1 | 2, _) => ShowAs::Free,
        (3, _) => ShowAs::Busy,
        _ => ShowAs::Tentative,
    }
}

/// Returns how a row shows.
pub(super) fn shown(row: &Fields) -> ShowAs {
    let state = row.number(Field::State).unwrap_or(0);
    service_show_as(state, row.number(Field::StatusReason).unwrap_or(1))
}

pub(super) fn to_exchange(row: &Fields, out: &mut Translation) {
    out.patch.push((Field::ShowAs, Some(Value::ShowAs(shown(row)))));
    out.by(rule::SVC_06);
}

/// The notes, then who takes part: Exchange mails whoever stands in the list of attendees, so the
/// names go into the text (SVC-06).
pub(super) fn body(wanted: &[Group], row: &Fields, out: &mut Translation) {
    if !wanted.contains(&Group::Body) && !wanted.contains(&Group::Attendees) {
        return;
    }
    let mut paragraphs = vec![row.text(Field::Body).to_owned()];
    for (title, field) in
        [("With", Field::RequiredAttendees), ("Optional", Field::OptionalAttendees)]
    {
        let names: Vec<&str> = row.parties(field).iter().filter_map(name).collect();
        if !names.is_empty() {
            paragraphs.push(format!("{title}: {}", names.join(", ")));
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    let text = paragraphs.join("\n\n");
    out.patch.push((Field::Body, (!text.is_empty()).then_some(Value::Text(text))));
    out.by(rule::SVC_06);
}

fn name(party: &Party) -> Option<&str> {
    let address = party.address.as_ref().map(crate::domain::ids::Address::as_str);
    Some(party.name.as_str()).filter(|name| !name.is_empty()).or(address)
}
