//! Resolve: what the decisions need to know of the organization's other rows: whom an address
//! means, and which account a company is. Asked only for what may be written to Dynamics.

use std::collections::{HashMap, HashSet};

use tracing::Instrument;
use uuid::Uuid;

use super::context::{CycleContext, Resolved};
use super::report::CycleEnd;
use crate::domain::field::{Field, Group};
use crate::domain::ids::Address;
use crate::domain::kind::Kind;
use crate::domain::link::Link;
use crate::domain::party::{PartyRow, Strangers};
use crate::domain::side::Side;
use crate::engine::matching::Pairing;
use crate::engine::parties;
use crate::engine::strangers::{Origin, strangers};
use crate::telemetry::names;

/// Resolves what the pairings name.
pub(super) async fn all(
    context: &CycleContext,
    pairings: &[Pairing],
) -> Result<Resolved, CycleEnd> {
    let (parties, strangers) = parties_of(context, pairings).await?;
    Ok(Resolved { parties, strangers, accounts: accounts_of(context, pairings).await? })
}

/// The rows behind addresses: those that are there, and those that are to be made.
type Rows = HashMap<Address, PartyRow>;

/// Resolves the addresses of attendees that may be written to Dynamics (RES-01, RES-02), and names the
/// rows that are to be made of the others (RES-03).
async fn parties_of(
    context: &CycleContext,
    pairings: &[Pairing],
) -> Result<(Rows, Rows), CycleEnd> {
    let mut unknown: HashSet<Address> = HashSet::new();
    for pairing in pairings {
        let Some(seen) = pairing.seen.exchange.as_ref() else { continue };
        // A pair may lack the category: it is not given out while its feature is off (LINK-08).
        if !seen.observation.exchange_facts().tracked && pairing.link.is_none() {
            continue;
        }
        for field in [Field::RequiredAttendees, Field::OptionalAttendees] {
            let addresses = seen.observation.fields.parties(field).iter();
            unknown.extend(addresses.filter_map(|party| party.address.clone()));
        }
    }
    unknown.retain(|address| context.view.directory.by_address(address).is_none());
    if unknown.is_empty() {
        return Ok(Default::default());
    }
    let unknown: Vec<Address> = unknown.into_iter().collect();
    let side = Side::Dynamics;
    let candidates = context
        .deps
        .dynamics
        .candidates(&context.mailbox, &unknown)
        .instrument(tracing::info_span!(names::SPAN_FETCH, { names::SIDE } = side.name()))
        .await
        .map_err(|error| CycleEnd::Side(side, error))?;
    let (view, wish) = (&context.view, context.mailbox.personal.strangers);
    let settings = &view.policy.settings;
    let wish = if settings.create_people { wish } else { Strangers::Addresses };
    let origin = Origin { key: &view.key, organization: view.organization };
    let made = strangers(&unknown, &candidates, &view.mailboxes, wish, origin);
    Ok((parties::choose(&candidates, settings), made))
}

/// Finds the accounts behind the companies of contacts that changed in Exchange (CONT-08).
async fn accounts_of(
    context: &CycleContext,
    pairings: &[Pairing],
) -> Result<HashMap<String, Uuid>, CycleEnd> {
    if !context.mailbox.personal.contact_company {
        return Ok(HashMap::new());
    }
    let wanted: HashSet<String> = pairings.iter().filter_map(new_company).collect();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    let side = Side::Dynamics;
    let asked = context.deps.dynamics.accounts(&context.mailbox, &wanted);
    asked
        .instrument(tracing::info_span!(names::SPAN_FETCH, { names::SIDE } = side.name()))
        .await
        .map_err(|error| CycleEnd::Side(side, error))
}

/// Returns the company of a tracked contact, when it is not what both sides agreed on.
fn new_company(pairing: &Pairing) -> Option<String> {
    let item = pairing.seen.exchange.as_ref()?;
    let agreed =
        |link: &Link| link.agreed.exchange.get(Group::Company) == item.prints.get(Group::Company);
    let known = pairing.link.as_ref().is_some_and(agreed);
    let company = item.observation.fields.text(Field::Company);
    let concerned = pairing.kind() == Kind::Contact
        && (item.observation.exchange_facts().tracked || pairing.link.is_some())
        && !known
        && !company.is_empty();
    concerned.then(|| company.to_owned())
}
