//! Overrides of the organization's settings, by the same names.
//!
//! Without an override the profile's choice holds, then the organization's own value. What an
//! administrator of Dynamics grants is not the tenant file's to decide: the approval of addresses
//! stays with the organization.

use toml::Spanned;
use toml::de::DeValue;

use super::reader::{Section, Text, integer};
use super::values::nearest;
use crate::domain::setting::{self, Effect, Form, Known, SettingValue, Values};

/// Settings that only the organization decides.
const NOT_HERE: [&str; 1] = ["requireapprovalforuseremail"];

/// Returns the overrides that are in order; reports the others.
pub(super) fn read(section: &Section<'_>) -> Values {
    let mut settings = Values::new();
    for (name, value) in section.entries() {
        let Some(known) = setting::known(name.value) else {
            report_unknown(section, &name);
            continue;
        };
        if NOT_HERE.contains(&known.name) {
            let message = "is decided by the organization alone";
            section.error(
                &name.span,
                name.value,
                message,
                "set it in Dynamics, and remove it here",
            );
            continue;
        }
        if let Effect::Nothing(reason) = known.effect {
            let message = format!("has no effect in Lockstep: {reason}");
            section.warning(&name.span, name.value, &message, "remove it");
        }
        if let Some(value) = read_value(section, known, value) {
            settings.insert(known.name, value);
        }
    }
    settings
}

fn read_value(
    section: &Section<'_>,
    known: &Known,
    value: &Spanned<DeValue<'_>>,
) -> Option<SettingValue> {
    match known.form {
        Form::Flag => {
            let flag = value.get_ref().as_bool();
            if flag.is_none() {
                section.wrong_type(known.name, value, "true or false", "write true or false");
            }
            flag.map(SettingValue::Flag)
        }
        Form::Number(least, most) => {
            let remedy = format!("write a whole number from {least} to {most}");
            match integer(value.get_ref()) {
                Some(number) if known.holds(SettingValue::Number(number)) => {
                    Some(SettingValue::Number(number))
                }
                Some(number) => {
                    let message = format!("{number} is out of range");
                    section.error(&value.span(), known.name, &message, &remedy);
                    None
                }
                None => {
                    section.wrong_type(known.name, value, "a whole number", &remedy);
                    None
                }
            }
        }
    }
}

fn report_unknown(section: &Section<'_>, name: &Text<'_>) {
    let remedy = match nearest(name.value, setting::KNOWN.iter().map(|known| known.name)) {
        Some(known) => format!("did you mean {known}?"),
        None => "remove it; only settings of appointments, contacts and tasks are known".to_owned(),
    };
    section.error(&name.span, name.value, "is not a known setting", &remedy);
}
