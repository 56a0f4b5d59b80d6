//! Which items of the model belong together, and what must hold of them at rest.

use std::collections::BTreeSet;

use super::Model;
use crate::domain::field::{Field, Fields, Value};
use crate::domain::ids::NativeId;
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::Observation;
use crate::domain::side::Side;

impl Model {
    fn pairs(&self) -> Vec<(&Observation, &Observation, Option<&Link>)> {
        let mut pairs = Vec::new();
        for link in self.links.values() {
            let row = link.native.dynamics.as_ref().and_then(|id| self.far.dynamics.get(id));
            let item = link.native.exchange.as_ref().and_then(|id| self.far.exchange.get(id));
            if let (Some(row), Some(item)) = (row, item) {
                pairs.push((row, item, Some(link)));
            }
        }
        for item in self.far.exchange.values() {
            let id = item.marker.map(|marker| NativeId::new(marker.0.to_string()));
            if let Some(row) = id.and_then(|id| self.far.dynamics.get(&id)) {
                pairs.push((row, item, None));
            }
        }
        for (row, item) in &self.made.dynamics {
            if let (Some(row), Some(item)) =
                (self.far.dynamics.get(row), self.far.exchange.get(item))
            {
                pairs.push((row, item, None));
            }
        }
        pairs
    }

    pub(super) fn note_shared(&mut self) {
        let mut shared = Vec::new();
        for (row, item, _) in self.pairs() {
            for (field, value) in row.fields.iter() {
                if let Value::Text(text) = value
                    && item.fields.get(field) == Some(value)
                {
                    shared.push(text.clone());
                }
            }
        }
        self.shared.extend(shared);
    }

    // What must hold at rest.

    pub(crate) fn rests(&self) -> bool {
        let plan = self.make_plan(self.gather(), 0);
        plan.is_quiet() && self.links.values().all(|link| !link.is_unsettled())
    }

    pub(crate) fn check_no_duplicates(&self) {
        for side in Side::BOTH {
            let mut sources = BTreeSet::new();
            for (made, source) in self.made.get(side) {
                let alive = self.far.get(side).contains_key(made);
                assert!(!alive || sources.insert(source), "duplicate: {}", self.describe());
            }
        }
        let mut markers = BTreeSet::new();
        for item in self.far.exchange.values() {
            if let Some(marker) = item.marker {
                assert!(markers.insert(marker), "marker twice: {}", self.describe());
            }
        }
    }

    pub(crate) fn check_pairs_say_the_same(&self) {
        for (row, item, link) in self.pairs() {
            if link.is_none_or(|link| link.state != LinkState::Agreed) {
                continue;
            }
            for field in [
                Field::Subject,
                Field::Body,
                Field::Location,
                Field::LastName,
                Field::City1,
                Field::Start,
                Field::RequiredAttendees,
            ] {
                let (left, right) = (row.fields.get(field), item.fields.get(field));
                let same = if field == Field::RequiredAttendees {
                    let names = |fields: &Fields| -> BTreeSet<String> {
                        let parties = fields.parties(field).iter();
                        parties
                            .filter_map(|it| Some(it.address.as_ref()?.as_str().to_owned()))
                            .collect()
                    };
                    names(&row.fields) == names(&item.fields)
                } else {
                    left == right
                };
                assert!(same, "{field:?} {left:?} {right:?}: {}", self.describe());
            }
        }
    }

    pub(crate) fn describe(&self) -> String {
        let links: Vec<String> = self.links.values().map(|link| format!("{link:?}")).collect();
        format!("\n{}\nlinks:\n{}\nfar: {:#?}", self.log.join("\n"), links.join("\n"), self.far)
    }
}
