//! What becomes of a field that is no part of its kind, and of one that a switch adds (`engine::fidelity`).

use crate::domain::field::Field;
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::side::Side;
use crate::engine::fidelity::{Fate, fate};

#[test]
fn what_is_no_part_of_a_kind_is_not_synchronized() {
    // Whatever Graph calls it. What takes part only with a switch counts, and what Graph has no name
    // for is lost for that.
    let lost = |why: &'static str| Fate::Lost(why);
    for (kind, field, named, becomes) in [
        (Task, Field::Location, true, lost("not synchronized")),
        (Contact, Field::Subject, false, lost("not synchronized")),
        (Appointment, Field::LastName, true, lost("not synchronized")),
        (Contact, Field::City2, true, Fate::Kept),
        (Contact, Field::City2, false, lost("Graph has no place for it")),
        (Appointment, Field::Location, true, Fate::Kept),
    ] {
        assert_eq!(fate(kind, field, Side::Dynamics, named), becomes, "{kind} {field:?} {named}");
    }
}
