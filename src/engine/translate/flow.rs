//! What may flow of a translation: column security (FLD-04), then directions (FLD-02).

use super::{Translation, name_it, same_value};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group};
use crate::domain::kind::Kind;
use crate::domain::policy::Context;
use crate::domain::side::Side;

/// FLD-02: a field flows only in its directions.
pub(super) fn obey_directions(
    kind: Kind,
    from: Side,
    context: &Context<'_>,
    out: &mut Translation,
) {
    let before = out.patch.len();
    // CONT-08: the user's own switch closes both ways of the company.
    let switched_off =
        |field: Field| field == Field::Company && !context.mailbox.personal.contact_company;
    out.patch.retain(|(field, _)| {
        context.directions.of(kind, *field).leaves(from) && !switched_off(*field)
    });
    if out.patch.len() == before {
        return;
    }
    out.losses.push(Code::DirectionForbids);
}

/// FLD-04: a secured column that the user may not write is not written, and what he may not read is
/// not known: a row shows nothing there. Neither empties what Exchange holds.
pub(super) fn obey_security(
    kind: Kind,
    from: Side,
    target: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    let secured = &context.mailbox.personal.secured;
    if secured.count(kind) == 0 {
        return;
    }
    let creates = target.is_empty();
    let mut held = false;
    out.patch.retain(|(field, value)| {
        let access = secured.of(kind, *field);
        let goes = match (from, value) {
            (Side::Exchange, _) if creates => access.create,
            (Side::Exchange, _) => access.update,
            (Side::Dynamics, Some(_)) => access.read,
            (Side::Dynamics, None) => access.read && access.update,
        };
        held |= !goes && !same_value(*field, value.as_ref(), target.get(*field));
        goes
    });
    if held {
        out.losses.push(Code::ColumnSecured);
    }
}

/// Dynamics takes no new row without a subject, wherever the subject may flow.
pub(super) fn require_subject(
    kind: Kind,
    from: Side,
    wanted: &[Group],
    target: &Fields,
    out: &mut Translation,
) {
    let named = out.patch.iter().any(|(field, _)| *field == Field::Subject);
    let new_row = from == Side::Exchange && kind != Kind::Contact && target.is_empty();
    if new_row && wanted.contains(&Group::Subject) && !named {
        name_it(out);
    }
}
