//! A tenant file: the two far sides, the mailboxes, and what the tenant chose.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use uuid::Uuid;

use super::directions;
use super::reader::{Section, Text};
use super::secret::{Environment, Secret};
use super::settings;
use super::values::{is_mailbox, web_url};
use crate::domain::ids::{Address, TenantId};
use crate::domain::policy::{self, ConflictPolicy, Directions, Limits};
use crate::domain::setting::{self, Profile, Values};

/// Length of a tenant's name; it becomes part of keys and metric labels.
const NAME_MAX_BYTES: usize = 63;
/// Listed mailboxes of one tenant; whoever has more lets Dataverse say which.
const MAILBOXES_MAX: usize = 10_000;
/// A run-away deletes thousands within one cycle; a limit above this is no brake.
const DELETES_RANGE: RangeInclusive<u32> = 0..=10_000;
/// Exchange Online lets one mailbox mail 10,000 people a day.
const MAILS_RANGE: RangeInclusive<u32> = 0..=10_000;
/// What Dataverse grants one user on one web server in five minutes (protocols B7), counted part by part
/// of a batch (docs/adr/0014).
const DATAVERSE_REQUESTS: u32 = 6_000;
/// An environment has a handful of web servers; fewer than a hundred requests sweep nothing.
const REQUESTS_RANGE: RangeInclusive<u32> = 100..=1_000_000;
/// A tenant that needs a hundred times the share of another needs a node of its own.
const WEIGHT_RANGE: RangeInclusive<u32> = 1..=100;
/// Each attempt is a sweep; a hundred sweeps are more than a day.
const ATTEMPTS_RANGE: RangeInclusive<u32> = 1..=100;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Long enough for a question that comes after a month's holiday.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);
/// Without any record nothing could be explained; a year is a policy, not a memory.
const DECISIONS_RANGE: RangeInclusive<Duration> = DAY..=Duration::from_secs(365 * 24 * 3600);
const VERSIONS_RANGE: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(365 * 24 * 3600);
/// A shorter secret could be guessed, and with it the content of the kept versions.
const KEEP_KEY_MIN_BYTES: usize = 32;

/// One tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantConfig {
    /// Its name, unique in the cluster.
    pub tenant: TenantId,
    /// The Dynamics side.
    pub dataverse: FarSide,
    /// The Exchange side.
    pub exchange: ExchangeConfig,
    /// Whose mailboxes are synchronized.
    pub mailboxes: Mailboxes,
    /// Work on mailboxes even if another engine was seen at work on them.
    pub takeover: bool,
    /// Its share of a node's cycles, beside tenants of weight 1.
    pub weight: u32,
    /// The named set of choices.
    pub profile: Profile,
    /// Overrides of the organization's settings.
    pub settings: Values,
    /// Overrides of the organization's field directions (FLD-01).
    pub directions: Directions,
    /// The tenant's choices.
    pub policy: PolicyConfig,
    /// The brakes of one cycle.
    pub limits: Limits,
    /// Requests that Dataverse grants the application user in five minutes, those inside of batches
    /// counted.
    pub dataverse_requests: u32,
    /// What is remembered of the past.
    pub keep: KeepConfig,
}

/// What is remembered of the past, and with which key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepConfig {
    /// How long decisions are remembered, for `explain`.
    pub decisions: Duration,
    /// How long overwritten and deleted versions are kept, for `undo`; zero: not at all.
    pub versions: Duration,
    /// The secret that seals them; `None`: one beside the embedded store.
    pub key: Option<Secret>,
}

/// One service and the application that calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarSide {
    /// Address of the service, without a closing slash.
    pub url: String,
    /// Where tokens are fetched by client credentials.
    pub token_url: String,
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
}

/// The Exchange side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeConfig {
    /// The protocol.
    pub api: ExchangeApi,
    /// The service.
    pub side: FarSide,
}

/// The protocol to Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeApi {
    /// Microsoft Graph, for Exchange Online.
    Graph,
}

/// Where the list of mailboxes comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mailboxes {
    /// The mailbox records that pass the eligibility rules (ELIG-03).
    Dataverse,
    /// These addresses; their records must be approved and tested all the same (ELIG-13).
    Config(BTreeSet<Address>),
}

/// What a tenant may choose beside the organization's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Who wins when both sides changed the same (CONF-03).
    pub conflict: ConflictPolicy,
    /// `contact_delete_from_exchange = "never"` (CONT-04).
    pub keep_contacts: bool,
    /// Keep In Progress, Waiting and Deferred of open tasks (TASK-OUT-05).
    pub preserve_status_reason: bool,
    /// `booking = "plain"`: no scheduling check (APPT-IN-06).
    pub plain_booking: bool,
    /// Read TASK-OUT-02 to the letter.
    pub literal_task_reminder: bool,
    /// `recreate_deleted_past_occurrences` (REC-04).
    pub recreate_deleted_past_occurrences: bool,
    /// Users without filters get those of the default templates (FILT-16).
    pub instantiate_filters: bool,
    /// `contact_addresses = "all"`: business, home and other instead of the mailing address
    /// (ADDR-01, ADDR-02).
    pub three_addresses: bool,
}

// === impl TenantConfig ===

impl TenantConfig {
    /// Returns all that decides for this tenant, given what its organization says.
    pub fn choices(&self, organization: &Values) -> policy::Choices {
        let effective = setting::resolve(organization, self.profile, &self.settings);
        let policy = policy::Policy {
            settings: policy::Settings::of(&effective, self.policy.three_addresses),
            conflict: self.policy.conflict,
            keep_contacts: self.policy.keep_contacts,
            preserve_status_reason: self.policy.preserve_status_reason,
            plain_booking: self.policy.plain_booking,
            literal_task_reminder: self.policy.literal_task_reminder,
            recreate_deleted_past_occurrences: self.policy.recreate_deleted_past_occurrences,
            instantiate_filters: self.policy.instantiate_filters,
        };
        policy::Choices { policy, effective }
    }
}

/// Returns the tenant when all required values are there; problems are reported on the way.
pub(super) fn read(root: Section<'_>, env: &Environment) -> Option<TenantConfig> {
    let tenant = read_name(&root);
    let profile = root.choice("profile", &Profile::WORDS, Profile::Parity);
    let takeover = root.flag("takeover", false);
    let weight = root.whole("weight", WEIGHT_RANGE, 1);
    let dataverse_section = root.section("dataverse");
    let dataverse = read_far_side(&dataverse_section, env);
    dataverse_section.finish();
    let exchange = read_exchange(root.section("exchange"), env);
    let mailboxes = read_mailboxes(root.section("mailboxes"));
    let settings = settings::read(&root.section("settings"));
    let directions = directions::read(&root.section("directions"));
    let policy = read_policy(root.section("policy"), profile.unwrap_or_default());
    let (limits, dataverse_requests) = read_limits(root.section("limits"));
    let keep = read_keep(root.section("keep"), env);
    root.finish();
    Some(TenantConfig {
        tenant: tenant?,
        dataverse: dataverse?,
        exchange: exchange?,
        mailboxes: mailboxes?,
        takeover,
        weight,
        profile: profile?,
        settings,
        directions,
        policy: policy?,
        limits,
        dataverse_requests,
        keep,
    })
}

fn read_keep(section: Section<'_>, env: &Environment) -> KeepConfig {
    let decisions = section.duration("decisions", DECISIONS_RANGE, KEEP);
    let versions = section.duration("versions", VERSIONS_RANGE, KEEP);
    let key = section.secret("key", env);
    if key.as_ref().is_some_and(|key| key.expose().len() < KEEP_KEY_MIN_BYTES) {
        let message = format!("is shorter than {KEEP_KEY_MIN_BYTES} bytes");
        section.at("key", &message, "make one with: openssl rand -hex 32");
    }
    section.finish();
    KeepConfig { decisions, versions, key }
}

fn read_name(root: &Section<'_>) -> Option<TenantId> {
    let text = root.required_text("tenant")?;
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.value.len() > NAME_MAX_BYTES || !text.value.bytes().all(known) {
        let message = format!("\"{}\" is no tenant name", text.value);
        let remedy = "use 1 to 63 of the characters a-z, 0-9 and -";
        root.error(&text.span, "tenant", &message, remedy);
        return None;
    }
    Some(TenantId::new(text.value))
}

fn read_far_side(section: &Section<'_>, env: &Environment) -> Option<FarSide> {
    let url = read_url(section, "url");
    let token_url = read_url(section, "token_url");
    let client_id = section.required_text("client_id");
    warn_of_placeholders(section, client_id.as_ref());
    let client_secret = section.required_secret("client_secret", env);
    Some(FarSide {
        url: url?,
        token_url: token_url?,
        client_id: client_id?.value.trim().to_owned(),
        client_secret: client_secret?,
    })
}

/// The example file is copied and filled in; what was forgotten is told before a far side refuses it.
fn warn_of_placeholders(section: &Section<'_>, client_id: Option<&Text<'_>>) {
    if let Some(url) = section.text("token_url").filter(|it| it.value.contains("/DIRECTORY/")) {
        let remedy = "write the id of your Entra directory instead of DIRECTORY";
        section.warning(&url.span, "token_url", "is that of the example", remedy);
    }
    if let Some(id) = client_id.filter(|it| it.value.trim() == Uuid::nil().to_string()) {
        let remedy = "write the application (client) id of your app registration";
        section.warning(&id.span, "client_id", "is that of the example", remedy);
    }
}

fn read_url(section: &Section<'_>, key: &'static str) -> Option<String> {
    let text = section.required_text(key)?;
    web_url(text.value)
        .map_err(|(message, remedy)| section.error(&text.span, key, &message, remedy))
        .ok()
}

fn read_exchange(section: Section<'_>, env: &Environment) -> Option<ExchangeConfig> {
    let api = read_api(&section);
    let side = read_far_side(&section, env);
    section.finish();
    Some(ExchangeConfig { api: api?, side: side? })
}

fn read_api(section: &Section<'_>) -> Option<ExchangeApi> {
    if let Some(text) = section.text("api").filter(|text| text.value == "ews") {
        let message = "\"ews\" (Exchange Server on-premises) is not supported yet";
        section.error(&text.span, "api", message, "write \"graph\" (Exchange Online)");
        return None;
    }
    section.choice("api", &[("graph", ExchangeApi::Graph)], ExchangeApi::Graph)
}

fn read_mailboxes(section: Section<'_>) -> Option<Mailboxes> {
    let listed = section.choice("source", &[("dataverse", false), ("config", true)], false);
    let addresses = section.texts("addresses");
    let mailboxes = match (listed?, addresses) {
        (true, Some(addresses)) => read_addresses(&section, &addresses).map(Mailboxes::Config),
        (true, None) => {
            if !section.has("addresses") {
                section.missing("addresses", "add addresses = [\"someone@example.com\"]");
            }
            None
        }
        (false, Some(_)) => {
            let message = "has no effect with source = \"dataverse\"";
            section.at("addresses", message, "write source = \"config\", or remove the list");
            None
        }
        (false, None) => Some(Mailboxes::Dataverse),
    };
    section.finish();
    mailboxes
}

fn read_addresses(section: &Section<'_>, texts: &[Text<'_>]) -> Option<BTreeSet<Address>> {
    if texts.is_empty() || texts.len() > MAILBOXES_MAX {
        let message = format!("lists {} mailboxes", texts.len());
        let remedy = format!("list 1 to {MAILBOXES_MAX}, or write source = \"dataverse\"");
        section.at("addresses", &message, &remedy);
        return None;
    }
    let mut addresses = BTreeSet::new();
    for text in texts {
        match Address::parse(text.value).filter(|_| is_mailbox(text.value)) {
            Some(address) => {
                if !addresses.insert(address) {
                    let message = format!("\"{}\" stands twice in the list", text.value);
                    section.error(&text.span, "addresses", &message, "remove one of the two");
                }
            }
            None => {
                let message = format!("\"{}\" is no e-mail address", text.value);
                section.error(&text.span, "addresses", &message, "write it as name@domain");
            }
        }
    }
    Some(addresses)
}

fn read_policy(section: Section<'_>, profile: Profile) -> Option<PolicyConfig> {
    let conflict = section.choice(
        "conflict",
        &[
            ("default", ConflictPolicy::ByKind),
            ("dynamics", ConflictPolicy::Dynamics),
            ("exchange", ConflictPolicy::Exchange),
        ],
        ConflictPolicy::ByKind,
    );
    let deletes = [("owner_only", false), ("never", true)];
    let keep_contacts = section.choice("contact_delete_from_exchange", &deletes, false);
    let preserve_status_reason = section.flag("preserve_status_reason", false);
    let literal_task_reminder = section.flag("literal_task_reminder", false);
    let bookings = [("check", false), ("plain", true)];
    let plain_booking = section.choice("booking", &bookings, false);
    // REC-04: without the key the profile decides.
    let recreates = profile.recreates_past_occurrences();
    let recreate_deleted_past_occurrences =
        section.flag("recreate_deleted_past_occurrences", recreates);
    let instantiate_filters = section.flag("instantiate_filters", false);
    let addresses = [("mailing", false), ("all", true)];
    let three_addresses = section.choice("contact_addresses", &addresses, false);
    section.finish();
    Some(PolicyConfig {
        conflict: conflict?,
        keep_contacts: keep_contacts?,
        preserve_status_reason,
        literal_task_reminder,
        plain_booking: plain_booking?,
        recreate_deleted_past_occurrences,
        instantiate_filters,
        three_addresses: three_addresses?,
    })
}

fn read_limits(section: Section<'_>) -> (Limits, u32) {
    let requests = section.whole("dataverse_requests", REQUESTS_RANGE, DATAVERSE_REQUESTS);
    let defaults = Limits::default();
    let attempts = u32::from(defaults.item_attempts);
    let attempts = section.whole("item_attempts", ATTEMPTS_RANGE, attempts);
    let limits = Limits {
        deletes: section.whole("deletes_per_cycle", DELETES_RANGE, defaults.deletes),
        deletes_share: section.share("deletes_share", defaults.deletes_share),
        mails: section.whole("mails_per_cycle", MAILS_RANGE, defaults.mails),
        item_attempts: u8::try_from(attempts).unwrap_or(defaults.item_attempts),
    };
    section.finish();
    (limits, requests)
}
