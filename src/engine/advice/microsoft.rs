//! What Microsoft's product reports, and the code under which the same stands here (ERR-05).

use crate::domain::code::Code;

/// Codes and messages as Microsoft's pages name them.
const REPORTS: [(Code, &str); 10] = [
    (Code::OrganizerMissing, "the Organizer field is not present"),
    (Code::SchedulingConflict, "ExchangeSyncSchedulingConflictsError"),
    (Code::OtherOrganization, "the mailbox is configured with another organization"),
    (Code::ItemUnreadable, "Crm.80040216"),
    (Code::TimeZoneUnknown, "Exchange.server returned 383 error"),
    (Code::CredentialsRefused, "Http server returned 401 Unauthorized"),
    (Code::MailboxUnreachable, "Http server returned 403 Forbidden"),
    (Code::FarSideUnreachable, "ErrorInternalServerTransientError, ServiceUnavailable"),
    (Code::UserDisabled, "NoUserFoundWithGivenClaims, -2147167669"),
    (Code::WriteRefused, "ErrorQuotaExceeded, -2147220956"),
];

/// ERR-05: returns what Microsoft's product reports for the same, where its pages name something.
#[must_use]
pub fn reported_as(code: Code) -> Option<&'static str> {
    REPORTS.iter().find(|(one, _)| *one == code).map(|(_, text)| *text)
}
