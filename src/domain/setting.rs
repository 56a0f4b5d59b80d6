//! The settings of an organization by name: `OrgDbOrgSettings` and the columns beside them
//! (rules.md §3). What each means stands in `docs/configuration.md`; which value holds, and why, is
//! decided here: the tenant file over its profile over the organization over Microsoft's default.

use std::collections::BTreeMap;

use super::policy::Settings;

/// The value of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingValue {
    /// On or off.
    Flag(bool),
    /// A number within the range of its setting.
    Number(i64),
}

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// On or off.
    Flag,
    /// A number from the first to the last.
    Number(i64, i64),
}

/// Where an organization keeps a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// An element of `organization.orgdborgsettings`.
    Element,
    /// A column of the organization.
    Column,
}

/// Whether a setting changes what happens here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It is obeyed.
    Obeyed,
    /// It has no effect, for this reason.
    Nothing(&'static str),
}

/// A setting that touches appointments, contacts or tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name, as the organization spells it.
    pub name: &'static str,
    /// What it may hold.
    pub form: Form,
    /// Microsoft's default.
    pub default: SettingValue,
    /// Where the organization keeps it.
    pub place: Place,
    /// Whether it changes anything.
    pub effect: Effect,
}

/// Values of settings by name; what is not in it was not said.
pub type Values = BTreeMap<&'static str, SettingValue>;

/// Where the value that holds comes from, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Microsoft's default.
    Default,
    /// The organization.
    Organization,
    /// The profile that the tenant file names.
    Profile,
    /// The tenant file.
    File,
}

/// A setting with the value that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// The setting.
    pub known: &'static Known,
    /// Its value.
    pub value: SettingValue,
    /// Where the value comes from.
    pub origin: Origin,
}

/// A named set of choices (`docs/profiles.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// As server-side synchronization does: the organization's own settings hold.
    #[default]
    Parity,
    /// Nothing is deleted because a filter changed, nobody is mailed about the past, and what was
    /// deleted in Exchange stays deleted.
    Safe,
}

use Effect::{Nothing, Obeyed};
use Form::{Flag, Number};
use Place::{Column, Element};

const fn flag(name: &'static str, default: bool, place: Place, effect: Effect) -> Known {
    Known { name, form: Flag, default: SettingValue::Flag(default), place, effect }
}

const fn number(
    name: &'static str,
    range: (i64, i64),
    default: i64,
    place: Place,
    effect: Effect,
) -> Known {
    let (form, default) = (Number(range.0, range.1), SettingValue::Number(default));
    Known { name, form, default, place, effect }
}

const CLIENT: Effect = Nothing("it concerns the Outlook client");
const OWN: Effect = Nothing("Lockstep keeps its own records");
const TEAMS: Effect = Nothing("Dynamics itself makes the online meeting");
const SERIES: Effect = Nothing("Dataverse itself expands series");
const FORM: Effect = Nothing("it concerns the form of a new series");
const ENGINE: Effect = Nothing("it concerns Microsoft's own engine");
const ALERTS: Effect = Nothing("Lockstep raises alerts of its own");
const OPT_IN: Effect = Nothing("it is a step of the administrator's own settings");

/// All settings that touch appointments, contacts and tasks (rules.md §3), but for what an organization
/// says of files and the instant before which nothing is synchronized, which are no switches.
pub static KNOWN: &[Known] = &[
    flag("DistinctPhysicalAndLogicalDeletesForExchangeSync", false, Element, Obeyed),
    flag("SSSPropagateAppointmentCancellationsToExchange", false, Element, Obeyed),
    number("SSSTaskDeletionSyncBehaviorFromExchange", (0, 2), 0, Element, Obeyed),
    flag("SSSUpdatePastMeetingsInNonDraftMode", false, Element, Obeyed),
    flag("SSSSyncAppointmentIsPrivateFromExchange", false, Element, Obeyed),
    flag("IgnoreCopiedItemsInSSSForMailbox", true, Element, Obeyed),
    flag("TrackCategorizedItems", true, Element, Obeyed),
    flag("TrackAppointmentsFromNonOrganizer", true, Element, Obeyed),
    flag("ForceOrganizerSyncForAttendeeTrackedAppointment", false, Element, Obeyed),
    flag("DisableImplicitSharingOfCommunicationActivities", false, Element, Obeyed),
    flag("UseCrmOrganizerForEmptyExchangeOrganizer", false, Element, Obeyed),
    flag("AllowSaveAsDraftAppointment", false, Element, Obeyed),
    flag("AutoCreateContactOnPromote", true, Element, Obeyed),
    flag("ResolveForInactiveEntities", false, Element, Obeyed),
    flag("ValidateContactBeforeTracking", true, Element, Obeyed),
    flag("EnableSssItemLevelMonitoring", true, Element, OWN),
    number("ExchangeSyncIdMappingPersistenceTimeInDays", (0, 14), 3, Element, OWN),
    number("TraceLogPersistenceTimeInDays", (0, 3650), 30, Element, OWN),
    number("MailboxStatisticsPersistenceTimeInDays", (0, 365), 0, Element, OWN),
    flag("UseXAnchorMailboxInExchangeRequestHeader", true, Element, Nothing("it concerns EWS")),
    flag("TraceExchangeSyncData", false, Element, OWN),
    flag("EnableCrmStatecodeOnOutlookCategory", true, Element, CLIENT),
    flag("DelegateAccessEnabled", false, Element, CLIENT),
    flag(
        "RequirePrivilegeToSelfApproveEmailAddress",
        false,
        Element,
        Nothing("Dataverse itself checks who may approve"),
    ),
    flag(
        "AddParentEntityToRelatedOnNewActivityCreate",
        false,
        Element,
        Nothing("Dataverse itself fills the related rows"),
    ),
    number("EnableAppointmentBroadcastingForOutlookSync", (0, 1), 0, Element, CLIENT),
    flag("requireapprovalforuseremail", true, Column, Obeyed),
    flag("isappointmentattachmentsyncenabled", false, Column, Obeyed),
    flag("appointmentricheditorexperience", false, Column, Obeyed),
    flag(
        "iscontactmailingaddresssyncenabled",
        true,
        Column,
        Nothing("its polarity is not documented; write policy.contact_addresses"),
    ),
    flag("unresolveemailaddressifmultiplematch", false, Column, Obeyed),
    flag(
        "resolvesimilarunresolvedemailaddress",
        false,
        Column,
        Nothing("Dataverse itself does it"),
    ),
    flag("isassignedtaskssyncenabled", false, Column, Nothing("Graph tells no assignee of a task")),
    flag("appointmentwithteamsmeeting", false, Column, TEAMS),
    flag("appointmentwithteamsmeetingv2", false, Column, TEAMS),
    flag("isresourcebookingexchangesyncenabled", false, Column, Nothing("it concerns bookings")),
    number("pastexpansionwindow", (1, 9999), 3, Column, SERIES),
    number("futureexpansionwindow", (1, 9999), 24, Column, SERIES),
    number("recurrenceexpansionsynchcreatemax", (1, 1_000), 15, Column, SERIES),
    number("recurrenceexpansionjobbatchsize", (1, 1_000), 20, Column, SERIES),
    number("recurrenceexpansionjobbatchinterval", (1, 2_147_483_647), 30, Column, SERIES),
    number("recurrencedefaultnumberofoccurrences", (1, 999), 10, Column, FORM),
    number("defaultrecurrenceendrangetype", (1, 3), 1, Column, FORM),
    number(
        "maxappointmentdurationdays",
        (1, 99_999),
        10,
        Column,
        Nothing("Dataverse refuses it itself"),
    ),
    flag("requireapprovalforqueueemail", true, Column, Nothing("queues have no calendar")),
    number("emailconnectionchannel", (0, 1), 0, Column, Nothing("the e-mail router is retired")),
    number(
        "expirechangetrackingindays",
        (0, 365),
        30,
        Column,
        Nothing("a full read follows by itself"),
    ),
    flag("ismailboxinactivebackoffenabled", false, Column, ENGINE),
    flag("ismailboxforcedunlockingenabled", false, Column, ENGINE),
    flag("generatealertsforerrors", true, Column, ALERTS),
    flag("generatealertsforwarnings", true, Column, ALERTS),
    flag("generatealertsforinformation", true, Column, ALERTS),
    flag("notifymailboxownerofemailserverlevelalerts", false, Column, ALERTS),
    flag("syncoptinselection", false, Column, OPT_IN),
    number("syncoptinselectionstatus", (1, 3), 2, Column, OPT_IN),
];

/// Returns a setting by its name.
#[must_use]
pub fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// Returns the value of each setting: the tenant file decides over the profile, the profile over
/// the organization, the organization over the default.
#[must_use]
pub fn resolve(organization: &Values, profile: Profile, file: &Values) -> Vec<Effective> {
    let chosen = profile.values();
    let one = |known: &'static Known| {
        let of = |values: &Values| values.get(known.name).copied().filter(|it| known.holds(*it));
        let (value, origin) = of(file)
            .map(|value| (value, Origin::File))
            .or_else(|| of(&chosen).map(|value| (value, Origin::Profile)))
            .or_else(|| of(organization).map(|value| (value, Origin::Organization)))
            .unwrap_or((known.default, Origin::Default));
        Effective { known, value, origin }
    };
    KNOWN.iter().map(one).collect()
}

// === impl Known ===

impl Known {
    /// Tells whether the setting may hold a value.
    #[must_use]
    pub const fn holds(&self, value: SettingValue) -> bool {
        match (self.form, value) {
            (Flag, SettingValue::Flag(_)) => true,
            (Number(least, most), SettingValue::Number(number)) => {
                least <= number && number <= most
            }
            (Flag, SettingValue::Number(_)) | (Number(..), SettingValue::Flag(_)) => false,
        }
    }

    /// Returns the value that an organization's text stands for; `None` for what it may not hold.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<SettingValue> {
        let value = match self.form {
            Flag => SettingValue::Flag(match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" => true,
                "false" | "0" => false,
                _ => return None,
            }),
            Number(..) => SettingValue::Number(text.trim().parse().ok()?),
        };
        self.holds(value).then_some(value)
    }
}

// === impl Profile ===

impl Profile {
    /// All profiles by the word of the tenant file.
    pub const WORDS: [(&'static str, Self); 2] = [("parity", Self::Parity), ("safe", Self::Safe)];

    /// Returns the settings that the profile decides; explicit ones of the file come before them.
    #[must_use]
    pub fn values(self) -> Values {
        let values: &[(&'static str, SettingValue)] = match self {
            Self::Parity => &[],
            Self::Safe => &[
                // FILT-06: an edited filter or a lost privilege deletes nothing.
                ("DistinctPhysicalAndLogicalDeletesForExchangeSync", SettingValue::Flag(true)),
                // APPT-OUT-11: nobody is invited to the past.
                ("SSSUpdatePastMeetingsInNonDraftMode", SettingValue::Flag(false)),
                // ORG-07: a meeting does not lose its organizer because Exchange lost his address.
                ("UseCrmOrganizerForEmptyExchangeOrganizer", SettingValue::Flag(true)),
            ],
        };
        values.iter().copied().collect()
    }
}

impl Profile {
    /// Tells whether past occurrences that were deleted in Exchange are there in a series that is
    /// made in Dynamics, unless the tenant file says otherwise (REC-04).
    #[must_use]
    pub const fn recreates_past_occurrences(self) -> bool {
        match self {
            Self::Parity => true,
            Self::Safe => false,
        }
    }
}

// === impl Origin ===

impl Origin {
    /// Returns the word that operators see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Organization => "organization",
            Self::Profile => "profile",
            Self::File => "file",
        }
    }
}

// === impl SettingValue ===

impl std::fmt::Display for SettingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

// === impl Settings ===

impl Settings {
    /// Returns the settings that the rules ask for. Whether all addresses of contacts take part is
    /// no setting of an organization (ADDR-02).
    #[must_use]
    pub fn of(effective: &[Effective], three_addresses: bool) -> Self {
        let value = |name: &str| effective.iter().find(|one| one.known.name == name);
        let flag =
            |name: &str| value(name).is_some_and(|one| one.value == SettingValue::Flag(true));
        let number = |name: &str| match value(name).map(|one| one.value) {
            Some(SettingValue::Number(number)) => u8::try_from(number).unwrap_or_default(),
            Some(SettingValue::Flag(_)) | None => 0,
        };
        Self {
            distinct_deletes: flag("DistinctPhysicalAndLogicalDeletesForExchangeSync"),
            propagate_cancellations: flag("SSSPropagateAppointmentCancellationsToExchange"),
            task_deletion: number("SSSTaskDeletionSyncBehaviorFromExchange"),
            update_past: flag("SSSUpdatePastMeetingsInNonDraftMode"),
            sync_private: flag("SSSSyncAppointmentIsPrivateFromExchange"),
            ignore_copies: flag("IgnoreCopiedItemsInSSSForMailbox"),
            track_categorized: flag("TrackCategorizedItems"),
            attendees_track: flag("TrackAppointmentsFromNonOrganizer"),
            organizer_must_sync: flag("ForceOrganizerSyncForAttendeeTrackedAppointment"),
            no_sharing: flag("DisableImplicitSharingOfCommunicationActivities"),
            drafts: flag("AllowSaveAsDraftAppointment"),
            create_people: flag("AutoCreateContactOnPromote"),
            resolve_inactive: flag("ResolveForInactiveEntities"),
            validate_contacts: flag("ValidateContactBeforeTracking"),
            unresolve_ambiguous: flag("unresolveemailaddressifmultiplematch"),
            require_approval: flag("requireapprovalforuseremail"),
            attachments: flag("isappointmentattachmentsyncenabled"),
            keep_organizer: flag("UseCrmOrganizerForEmptyExchangeOrganizer"),
            rich_bodies: flag("appointmentricheditorexperience"),
            three_addresses,
        }
    }
}

#[cfg(test)]
mod tests;
