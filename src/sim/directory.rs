//! The people of one stand-in organization, known to both far sides.

use uuid::Uuid;

/// One person: a user of Dataverse and the owner of an Exchange mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `systemuser.systemuserid`.
    pub user_id: Uuid,
    /// The Entra object id (`systemuser.azureactivedirectoryobjectid`, Graph user id).
    pub object_id: Uuid,
    /// `mailbox.mailboxid` of the person's mailbox record in Dataverse.
    pub mailbox_id: Uuid,
    /// Primary e-mail address and user principal name, lower case.
    pub address: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub surname: String,
    /// IANA name of the person's time zone, such as `Europe/Berlin`.
    pub time_zone: String,
}

impl Person {
    /// Returns the full name, given name first.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.surname)
    }
}

/// What one application needs to get a token from a stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppCredentials {
    /// OAuth client id.
    pub client_id: String,
    /// OAuth client secret.
    pub client_secret: String,
}
