//! The zones that users may choose: `timezonedefinition` rows, by which `usersettings.timezonecode`
//! gets a name. A client reads the pairs of code and name; it must not know the numbers.

use super::core::Core;
use super::value::Cell;
use crate::sim::graph::calendar::WINDOWS;

/// Code, Windows name, IANA names of people in it.
const ZONES: &[(i64, &str, &[&str])] = &[
    (2, "Hawaiian Standard Time", &["Pacific/Honolulu"]),
    (4, "Pacific Standard Time", &["America/Los_Angeles"]),
    (10, "Mountain Standard Time", &["America/Denver"]),
    (15, "US Mountain Standard Time", &["America/Phoenix"]),
    (20, "Central Standard Time", &["America/Chicago"]),
    (35, "Eastern Standard Time", &["America/New_York"]),
    (56, "Pacific SA Standard Time", &["America/Santiago"]),
    (60, "Newfoundland Standard Time", &["America/St_Johns"]),
    (65, "E. South America Standard Time", &["America/Sao_Paulo"]),
    (85, "GMT Standard Time", &["Europe/London"]),
    (92, "UTC", &["UTC", "Etc/UTC"]),
    (95, "Central Europe Standard Time", &["Europe/Budapest"]),
    (100, "Central European Standard Time", &["Europe/Warsaw"]),
    (105, "Romance Standard Time", &["Europe/Paris"]),
    (110, "W. Europe Standard Time", &["Europe/Berlin"]),
    (113, "W. Central Africa Standard Time", &["Africa/Lagos"]),
    (130, "GTB Standard Time", &["Europe/Athens", "Europe/Bucharest"]),
    (190, "India Standard Time", &["Asia/Kolkata", "Asia/Calcutta"]),
    (193, "Nepal Standard Time", &["Asia/Kathmandu", "Asia/Katmandu"]),
    (235, "Tokyo Standard Time", &["Asia/Tokyo"]),
    (255, "AUS Eastern Standard Time", &["Australia/Sydney"]),
    (290, "New Zealand Standard Time", &["Pacific/Auckland"]),
    (300, "Tonga Standard Time", &["Pacific/Tongatapu"]),
    (351, "UTC-11", &["Pacific/Pago_Pago", "Etc/GMT+11"]),
    (352, "Line Islands Standard Time", &["Pacific/Kiritimati"]),
    (353, "Lord Howe Standard Time", &["Australia/Lord_Howe"]),
];

/// The first code of the zones that no person here has: these numbers are not Microsoft's.
const FURTHER: i64 = 1_000;

/// The other zones of Windows, which an organization has, too: code, Windows name, IANA name.
fn further() -> impl Iterator<Item = (i64, &'static str, &'static str)> {
    let known = |name: &str| ZONES.iter().any(|(_, windows, _)| *windows == name);
    let rest = WINDOWS.iter().filter(move |(name, _)| !known(name));
    (FURTHER..).zip(rest).map(|(code, (name, iana))| (code, *name, *iana))
}

/// Returns the code of a person's zone, if the organization has one for it.
pub(super) fn code_of(iana: &str) -> Option<i64> {
    ZONES.iter().find(|(_, _, names)| names.contains(&iana)).map(|(code, ..)| *code)
}

/// Returns a zone of the tzdb by its code.
pub(super) fn iana_of(code: i64) -> Option<&'static str> {
    let chosen = ZONES.iter().find(|(known, ..)| *known == code);
    let chosen = chosen.and_then(|(_, _, names)| names.first().copied());
    chosen.or_else(|| further().find(|(known, ..)| *known == code).map(|(_, _, iana)| iana))
}

impl Core {
    /// Adds the definitions of all zones.
    pub(super) fn add_zones(&mut self) {
        let chosen = ZONES.iter().map(|(code, name, _)| (*code, *name));
        let all: Vec<_> = chosen.chain(further().map(|(code, name, _)| (code, name))).collect();
        for (code, name) in all {
            let id = uuid::Uuid::from_u128(0x71e2_0000 + u128::from(code.unsigned_abs()));
            let cells = [
                ("timezonecode", Cell::Int(code)),
                ("standardname", Cell::text(name)),
                ("userinterfacename", Cell::text(name)),
            ];
            self.seed("timezonedefinition", id, self.app_user, &cells);
        }
    }
}
