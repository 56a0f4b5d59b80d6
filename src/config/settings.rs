//! Overrides of the organization's `OrgDbOrgSettings`, by the same names.
//!
//! Without an override the organization's own value holds. The attributes of the organization row
//! (approval, attachments) are not overridden here: they gate rights, not behaviour.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Section, Text, integer};
use super::values::nearest;
use crate::domain::policy;

/// The value of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingValue {
    /// On or off.
    Flag(bool),
    /// A number within the range of its setting.
    Number(i64),
}

/// The overrides of one tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    values: BTreeMap<&'static str, SettingValue>,
}

enum Form {
    Flag,
    Number(RangeInclusive<i64>),
}

/// Whether Lockstep behaves differently by a setting.
#[derive(PartialEq)]
enum Use {
    Obeyed,
    /// Known to administrators of the far side, without meaning here.
    Ignored,
}

use Form::{Flag, Number};
use Use::{Ignored, Obeyed};

/// All settings that touch appointments, contacts and tasks.
const KNOWN: &[(&str, Form, Use)] = &[
    ("DistinctPhysicalAndLogicalDeletesForExchangeSync", Flag, Obeyed),
    ("ResolveForInactiveEntities", Flag, Obeyed),
    ("SSSPropagateAppointmentCancellationsToExchange", Flag, Obeyed),
    ("SSSSyncAppointmentIsPrivateFromExchange", Flag, Obeyed),
    ("SSSTaskDeletionSyncBehaviorFromExchange", Number(0..=2), Obeyed),
    ("TrackCategorizedItems", Flag, Obeyed),
    ("AddParentEntityToRelatedOnNewActivityCreate", Flag, Ignored),
    ("AllowSaveAsDraftAppointment", Flag, Ignored),
    ("AutoCreateContactOnPromote", Flag, Ignored),
    ("DelegateAccessEnabled", Flag, Ignored),
    ("DisableImplicitSharingOfCommunicationActivities", Flag, Ignored),
    ("EnableAppointmentBroadcastingForOutlookSync", Number(0..=1), Ignored),
    ("EnableCrmStatecodeOnOutlookCategory", Flag, Ignored),
    ("EnableSssItemLevelMonitoring", Flag, Ignored),
    ("ExchangeSyncIdMappingPersistenceTimeInDays", Number(0..=14), Ignored),
    ("ForceOrganizerSyncForAttendeeTrackedAppointment", Flag, Ignored),
    ("IgnoreCopiedItemsInSSSForMailbox", Flag, Obeyed),
    ("MailboxStatisticsPersistenceTimeInDays", Number(0..=365), Ignored),
    ("RequirePrivilegeToSelfApproveEmailAddress", Flag, Ignored),
    ("SSSUpdatePastMeetingsInNonDraftMode", Flag, Ignored),
    ("TraceExchangeSyncData", Flag, Ignored),
    ("TraceLogPersistenceTimeInDays", Number(0..=3650), Ignored),
    ("TrackAppointmentsFromNonOrganizer", Flag, Ignored),
    ("UseCrmOrganizerForEmptyExchangeOrganizer", Flag, Ignored),
    ("UseXAnchorMailboxInExchangeRequestHeader", Flag, Ignored),
    ("ValidateContactBeforeTracking", Flag, Ignored),
];

// === impl Settings ===

impl Settings {
    /// Returns the override of a setting by its name.
    pub fn get(&self, name: &str) -> Option<SettingValue> {
        self.values.get(name).copied()
    }

    /// Returns the overrides by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, SettingValue)> {
        self.values.iter().map(|(name, value)| (*name, *value))
    }

    /// Returns the organization's settings with the overrides in their places.
    pub fn over(&self, organization: policy::Settings) -> policy::Settings {
        let flag = |name, own| match self.values.get(name) {
            Some(SettingValue::Flag(flag)) => *flag,
            Some(SettingValue::Number(_)) | None => own,
        };
        let task_deletion = match self.values.get("SSSTaskDeletionSyncBehaviorFromExchange") {
            Some(SettingValue::Number(number)) => u8::try_from(*number).ok(),
            Some(SettingValue::Flag(_)) | None => None,
        };
        policy::Settings {
            distinct_deletes: flag(
                "DistinctPhysicalAndLogicalDeletesForExchangeSync",
                organization.distinct_deletes,
            ),
            propagate_cancellations: flag(
                "SSSPropagateAppointmentCancellationsToExchange",
                organization.propagate_cancellations,
            ),
            task_deletion: task_deletion.unwrap_or(organization.task_deletion),
            sync_private: flag(
                "SSSSyncAppointmentIsPrivateFromExchange",
                organization.sync_private,
            ),
            track_categorized: flag("TrackCategorizedItems", organization.track_categorized),
            resolve_inactive: flag("ResolveForInactiveEntities", organization.resolve_inactive),
            ignore_copies: flag("IgnoreCopiedItemsInSSSForMailbox", organization.ignore_copies),
            ..organization
        }
    }
}

/// Returns the overrides that are in order; reports the others.
pub(super) fn read(section: &Section<'_>) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in section.entries() {
        let Some((known, form, used)) = KNOWN.iter().find(|(known, ..)| *known == name.value)
        else {
            report_unknown(section, &name);
            continue;
        };
        if *used == Ignored {
            section.warning(&name.span, name.value, "has no effect in Lockstep", "remove it");
        }
        if let Some(value) = read_value(section, name.value, form, value) {
            settings.values.insert(known, value);
        }
    }
    settings
}

fn read_value(
    section: &Section<'_>,
    name: &str,
    form: &Form,
    value: &Spanned<DeValue<'_>>,
) -> Option<SettingValue> {
    match form {
        Flag => {
            let flag = value.get_ref().as_bool();
            if flag.is_none() {
                section.wrong_type(name, value, "true or false", "write true or false");
            }
            flag.map(SettingValue::Flag)
        }
        Number(range) => {
            let remedy = format!("write a whole number from {} to {}", range.start(), range.end());
            match integer(value.get_ref()) {
                Some(number) if range.contains(&number) => Some(SettingValue::Number(number)),
                Some(number) => {
                    let message = format!("{number} is out of range");
                    section.error(&value.span(), name, &message, &remedy);
                    None
                }
                None => {
                    section.wrong_type(name, value, "a whole number", &remedy);
                    None
                }
            }
        }
    }
}

fn report_unknown(section: &Section<'_>, name: &Text<'_>) {
    let remedy = match nearest(name.value, KNOWN.iter().map(|(known, ..)| *known)) {
        Some(known) => format!("did you mean {known}?"),
        None => "remove it; only settings of appointments, contacts and tasks are known".to_owned(),
    };
    section.error(&name.span, name.value, "is not a known setting", &remedy);
}
