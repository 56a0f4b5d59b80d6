//! What an organization says of itself: settings, mailbox records, users (rules.md §3, §4).

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::Value as Json;
use uuid::Uuid;

use super::directions;
use super::map::read::{annotated, guid, instant};
use super::personal;
use super::secured;
use super::settings;
use super::wire::Wire;
use crate::domain::ids::{Address, UserId};
use crate::domain::mailbox::{DeliveryMethod, MailboxRecord, Regarding};
use crate::domain::policy::Directions;
use crate::http::Session;
use crate::ports::error::SideError;
use crate::ports::organization::{Organization, Profile};

/// Reads one organization, as the application.
pub struct DataverseOrganization {
    wire: Wire,
}

impl DataverseOrganization {
    /// Builds the reader; `api_root` is `{url}/api/data/v9.2`.
    #[must_use]
    pub fn new(session: Session, api_root: &str) -> Self {
        Self { wire: Wire::new(session, api_root) }
    }
}

/// What is no setting (`settings::columns`) and read all the same.
const ORGANIZATIONS: &str = "organizations?$select=organizationid,orgdborgsettings,\
     performactsyncafter,maxuploadfilesize,blockedattachments,blockedmimetypes";
const USERS: &str = "systemusers?$select=systemuserid,internalemailaddress,isdisabled,\
     azureactivedirectoryobjectid";
const PROFILES: &str = "emailserverprofiles?$select=emailserverprofileid,servertype,statecode";
const MAILBOXES: &str = "mailboxes?$select=mailboxid,emailaddress,statecode,\
     _regardingobjectid_value,emailrouteraccessapproval,isemailaddressapprovedbyo365admin,\
     testmailboxaccesscompletedon,actstatus,enabledforact,actdeliverymethod,\
     _emailserverprofile_value,lastsyncstartedon,orgmarkedasprimaryforexchangesync,\
     isactsyncorgflagset";

/// What is kept of a user.
struct User {
    address: Option<Address>,
    enabled: bool,
    object_id: Option<Uuid>,
}

#[async_trait]
impl Organization for DataverseOrganization {
    async fn profile(&self) -> Result<Profile, SideError> {
        let columns = settings::columns().map(|known| known.name);
        let wanted = [ORGANIZATIONS].into_iter().chain(columns).collect::<Vec<_>>().join(",");
        let organizations = self.wire.list(&wanted, "/organizations").await?;
        let row = organizations.first().ok_or_else(|| incomplete("organizations"))?;
        let organization =
            guid(row, "organizationid").ok_or_else(|| incomplete("organizations"))?;
        let users = users(&self.wire.list(USERS, "/systemusers").await?);
        let profiles = profiles(&self.wire.list(PROFILES, "/emailserverprofiles").await?);
        let rows = self.wire.list(MAILBOXES, "/mailboxes").await?;
        let mailboxes: Vec<MailboxRecord> =
            rows.iter().filter_map(|row| mailbox(row, &users, &profiles)).collect();
        let directions = match somebody(&mailboxes) {
            Some(user) => directions::ask(&self.wire, user).await?,
            None => Directions::default(),
        };
        let mut personal = personal::ask(&self.wire).await?;
        for (user, secured) in secured::ask(&self.wire, &served(&mailboxes)).await? {
            personal.entry(user).or_default().secured = secured;
        }
        let mut addressed: Vec<(UserId, Address, bool)> = users
            .into_iter()
            .filter_map(|(id, user)| Some((UserId(id), user.address?, user.enabled)))
            .collect();
        addressed.sort_unstable();
        Ok(Profile {
            organization,
            settings: settings::of(row),
            not_before: row.get("performactsyncafter").and_then(Json::as_str).and_then(instant),
            files: settings::files(row),
            directions,
            personal,
            mailboxes,
            users: addressed,
        })
    }
}

/// Returns a user whose mappings stand for the organization's: the first that is enabled.
fn somebody(mailboxes: &[MailboxRecord]) -> Option<UserId> {
    served(mailboxes).into_iter().min()
}

/// Returns the enabled users who have a mailbox.
fn served(mailboxes: &[MailboxRecord]) -> Vec<UserId> {
    let user = |record: &MailboxRecord| match record.regarding {
        Regarding::User { user, enabled: true, .. } => Some(user),
        Regarding::User { .. } | Regarding::Queue | Regarding::Nobody => None,
    };
    mailboxes.iter().filter_map(user).collect()
}

fn incomplete(set: &str) -> SideError {
    SideError::Unreadable { reason: format!("GET /{set}: no row or no key") }
}

fn users(rows: &[Json]) -> HashMap<Uuid, User> {
    let user = |row: &Json| {
        let address = row.get("internalemailaddress").and_then(Json::as_str);
        let user = User {
            address: address.and_then(Address::parse),
            enabled: row.get("isdisabled").and_then(Json::as_bool) == Some(false),
            object_id: guid(row, "azureactivedirectoryobjectid"),
        };
        Some((guid(row, "systemuserid")?, user))
    };
    rows.iter().filter_map(user).collect()
}

/// Returns the server type of each active profile.
fn profiles(rows: &[Json]) -> HashMap<Uuid, i64> {
    rows.iter()
        .filter(|row| number(row, "statecode") == Some(0))
        .filter_map(|row| Some((guid(row, "emailserverprofileid")?, number(row, "servertype")?)))
        .collect()
}

fn mailbox(
    row: &Json,
    users: &HashMap<Uuid, User>,
    profiles: &HashMap<Uuid, i64>,
) -> Option<MailboxRecord> {
    let flag = |name: &str| row.get(name).and_then(Json::as_bool) == Some(true);
    let text = |name: &str| row.get(name).and_then(Json::as_str);
    Some(MailboxRecord {
        id: guid(row, "mailboxid")?,
        address: text("emailaddress").and_then(Address::parse),
        active: number(row, "statecode") == Some(0),
        regarding: regarding(row, users),
        approved: number(row, "emailrouteraccessapproval") == Some(1),
        approved_by_admin: flag("isemailaddressapprovedbyo365admin"),
        tested: text("testmailboxaccesscompletedon").is_some()
            && number(row, "actstatus") == Some(1),
        enabled_for_act: flag("enabledforact"),
        delivery: match number(row, "actdeliverymethod") {
            Some(0) => DeliveryMethod::OutlookClient,
            Some(1) => DeliveryMethod::ServerSide,
            _ => DeliveryMethod::None,
        },
        server_type: guid(row, "_emailserverprofile_value")
            .and_then(|id| profiles.get(&id).copied()),
        owned_elsewhere: flag("isactsyncorgflagset")
            && row.get("orgmarkedasprimaryforexchangesync").and_then(Json::as_bool) == Some(false),
        last_sync_started: text("lastsyncstartedon").and_then(instant),
    })
}

fn regarding(row: &Json, users: &HashMap<Uuid, User>) -> Regarding {
    let column = "_regardingobjectid_value";
    let table = annotated(row, column, "Microsoft.Dynamics.CRM.lookuplogicalname");
    match (guid(row, column), table) {
        (Some(_), Some("queue")) => Regarding::Queue,
        (Some(id), Some("systemuser")) => {
            let user = users.get(&id);
            Regarding::User {
                user: UserId(id),
                enabled: user.is_some_and(|user| user.enabled),
                object_id: user.and_then(|user| user.object_id),
            }
        }
        _ => Regarding::Nobody,
    }
}

fn number(row: &Json, name: &str) -> Option<i64> {
    row.get(name)?.as_i64()
}
