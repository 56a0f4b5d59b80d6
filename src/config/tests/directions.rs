//! The table `[directions]` of a tenant file (FLD-01).

use super::{TENANT, only, places, tenant};
use crate::domain::direction::Direction;
use crate::domain::field::Field;
use crate::domain::kind::Kind;

#[test]
fn fld_01_directions_are_read_by_table_and_column() {
    // Each word is one direction; dotted keys and tables are the same; lines of a street are one.
    let text = format!(
        "{TENANT}[directions]\ncontact.jobtitle = \"to-exchange\"\ncontact.department = \"none\"\n\
         appointment.location = \"to-dynamics\"\ncontact.address1_line1 = \"none\"\n\
         contact.address1_line2 = \"none\"\n[directions.task]\nscheduledend = \"both\"\n"
    );
    let directions = tenant(&text).unwrap().directions;
    for (kind, field, direction) in [
        (Kind::Contact, Field::JobTitle, Direction::ToExchange),
        (Kind::Contact, Field::Department, Direction::None),
        (Kind::Appointment, Field::Location, Direction::ToDynamics),
        (Kind::Contact, Field::Street1, Direction::None),
        (Kind::Task, Field::Due, Direction::Both),
        (Kind::Contact, Field::Nickname, Direction::Both),
    ] {
        assert_eq!(directions.of(kind, field), direction, "{kind} {field:?}");
    }
    assert_eq!(directions.0.len(), 5, "only what the file names replaces the organization's");
}

#[test]
fn fld_02_a_direction_that_cannot_be_is_refused_with_place_and_remedy() {
    // Fixed columns, unknown names and words, wrong types: each with line, column and what to do.
    for (line, message, remedy) in [
        ("contact.lastname = \"none\"", "flows both ways by rule", "remove it"),
        ("contact.parentcustomerid = \"none\"", "flows both ways by rule", "remove it"),
        ("appointment.prioritycode = \"both\"", "flows both ways by rule", "remove it"),
        ("contact.jobtitel = \"none\"", "is no column", "did you mean jobtitle?"),
        ("contact.xyzzy = \"none\"", "is no column", "write one of nickname"),
        ("contacts.jobtitle = \"none\"", "is no table", "did you mean contact?"),
        ("serviceappointment.subject = \"none\"", "is no table", "write one of appointment"),
        ("contact.jobtitle = \"outwards\"", "\"outwards\" is not one", "\"to-exchange\" or"),
        ("contact.jobtitle = 1", "is a whole number, not a string", "\"to-exchange\" or"),
        ("contact = \"none\"", "is a string, not a table", "contact.COLUMN"),
    ] {
        let problem = only(tenant(&format!("{TENANT}[directions]\n{line}\n")));
        assert_eq!(problem.line, TENANT.lines().count() + 2, "{line}");
        assert!(problem.field.starts_with("directions."), "{line}: {}", problem.field);
        assert!(problem.message.contains(message), "{line}: {}", problem.message);
        assert!(problem.remedy.contains(remedy), "{line}: {}", problem.remedy);
    }
    let twice = "[directions.contact]\naddress1_line1 = \"none\"\naddress1_line3 = \"both\"\n";
    let found = places(tenant(&format!("{TENANT}{twice}")));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("directions.contact.address1_line3"), "{found:?}");
}
