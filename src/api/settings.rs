//! The settings of a tenant as they hold, and where each value comes from.

use maud::{Markup, html};
use serde_json::{Value, json};

use crate::actors::runtime::TenantRuntime;
use crate::domain::setting::{Effect, Effective, SettingValue};

/// Returns every setting; empty before the first profile was read.
pub(super) fn of(tenant: &TenantRuntime) -> Vec<Effective> {
    tenant.view().map(|view| view.effective.clone()).unwrap_or_default()
}

/// Returns the settings as JSON.
pub(super) fn as_json(settings: &[Effective]) -> Value {
    let one = |one: &Effective| {
        let value = match one.value {
            SettingValue::Flag(flag) => json!(flag),
            SettingValue::Number(number) => json!(number),
        };
        let name = one.known.name;
        json!({ "name": name, "value": value, "from": one.origin.word(), "noEffect": idle(one) })
    };
    json!({ "settings": settings.iter().map(one).collect::<Vec<_>>() })
}

/// Returns the settings as a part of the tenant's page.
pub(super) fn table(settings: &[Effective]) -> Markup {
    html! {
        @if settings.is_empty() { p.dim { "Not read yet." } }
        @else { div.wide { table {
            thead { tr { th { "Setting" } th { "Value" } th { "From" } th { "Effect" } } }
            tbody { @for one in settings { tr {
                td { code { (one.known.name) } }
                td { (one.value.to_string()) }
                td { (one.origin.word()) }
                td { @match idle(one) {
                    Some(reason) => span.dim { "none: " (reason) },
                    None => { "obeyed" },
                } }
            } } }
        } } }
    }
}

/// Returns why a setting has no effect.
fn idle(one: &Effective) -> Option<&'static str> {
    match one.known.effect {
        Effect::Obeyed => None,
        Effect::Nothing(reason) => Some(reason),
    }
}
