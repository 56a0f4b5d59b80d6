//! Who belongs to whom, what is missing and what must not be there.

use std::collections::{BTreeMap, BTreeSet};

use super::views::{Item, Mailbox, Row, World};
use super::{Comparison, Kind, Problem, What, fields};

/// Finds rows that stand for the same thing.
pub(super) fn rows_twice(world: &World<'_>, found: &mut Comparison) {
    let sets: BTreeMap<_, _> = world.by_mark.iter().filter(|(_, rows)| rows.len() > 1).collect();
    for ((kind, mark), rows) in sets {
        let owner = rows.first().and_then(|at| world.rows[*at].owner());
        let owner = owner.and_then(|id| world.people.get(&id));
        found.problems.push(Problem {
            mailbox: owner.map(|person| person.address.clone()).unwrap_or_default(),
            kind: *kind,
            what: What::Duplicate,
            ids: rows.iter().map(|at| world.rows[*at].id.to_string()).collect(),
            detail: format!("{} rows of number {mark}", rows.len()),
        });
    }
}

/// Judges one mailbox.
pub(super) fn mailbox(world: &World<'_>, mailbox: &Mailbox<'_>, found: &mut Comparison) {
    items_twice(mailbox, found);
    let mut paired = BTreeSet::new();
    for item in &mailbox.items {
        let judge = Judge { world, mailbox, item };
        if item.recurring && item.kind == Kind::Task {
            judge.recurring_task(found);
            continue;
        }
        let row = judge.row(found);
        paired.extend(row);
        judge.judge(row, found);
    }
    for at in mailbox.wanted.difference(&paired) {
        unpaired(world, mailbox, &world.rows[*at], found);
    }
}

fn items_twice(mailbox: &Mailbox<'_>, found: &mut Comparison) {
    let mut sets: BTreeMap<(Kind, String), BTreeSet<&str>> = BTreeMap::new();
    // What its organizer cancelled is not the meeting any more (CXL-13); another may stand beside it.
    let counts = |item: &&Item| {
        item.value["isCancelled"] != true && (!item.recurring || item.kind == Kind::Appointment)
    };
    for item in mailbox.items.iter().filter(counts) {
        let number = item.mark.as_ref().map(|mark| format!("number {mark}"));
        let marker = item.marker.map(|marker| format!("marker {marker}"));
        for key in number.into_iter().chain(marker) {
            sets.entry((item.kind, key)).or_default().insert(&item.id);
        }
    }
    let mut reported = BTreeSet::new();
    for ((kind, key), ids) in sets.into_iter().filter(|(_, ids)| ids.len() > 1) {
        if reported.insert(ids.clone()) {
            let detail = format!("{} Exchange items of {key}", ids.len());
            let ids = ids.into_iter().map(str::to_owned).collect();
            let mailbox = mailbox.person.address.clone();
            found.problems.push(Problem { mailbox, kind, what: What::Duplicate, ids, detail });
        }
    }
}

/// Judges a row that the user's filters return and that no item stands for.
fn unpaired(world: &World<'_>, mailbox: &Mailbox<'_>, row: &Row, found: &mut Comparison) {
    if world.excused(&mailbox.person.address, row.mark.as_deref()) {
        return found.leave("excused by an edit");
    }
    if row.kind == Kind::Appointment && !row.is_service() {
        if row.series().is_some() {
            return found.leave("occurrence of a series, judged with it");
        }
        let Some(organizer) = row.organizer() else {
            return found.leave("no organizer (ORG-02)");
        };
        let served = |address: &String| world.served.contains(address);
        let other = organizer != mailbox.person.user_id;
        if other && world.people.get(&organizer).is_some_and(|who| served(&who.address)) {
            return found.leave("waits for the invitation (APPT-OUT-14)");
        }
    }
    found.problems.push(Problem {
        mailbox: mailbox.person.address.clone(),
        kind: row.kind,
        what: What::MissingInExchange,
        ids: vec![row.id.to_string()],
        detail: format!("{} “{}” has no item (FILT-02)", row.table, name_of(row)),
    });
}

fn name_of(row: &Row) -> &str {
    match row.kind {
        Kind::Contact => row.text("lastname"),
        Kind::Appointment | Kind::Task => row.text("subject"),
    }
}

/// One item under judgement.
pub(super) struct Judge<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) mailbox: &'a Mailbox<'a>,
    pub(super) item: &'a Item,
}

impl Judge<'_> {
    fn problem(&self, what: What, row: Option<&Row>, detail: String) -> Problem {
        let mut ids: Vec<String> = row.map(|row| row.id.to_string()).into_iter().collect();
        ids.push(self.item.id.clone());
        let (mailbox, kind) = (self.mailbox.person.address.clone(), self.item.kind);
        Problem { mailbox, kind, what, ids, detail }
    }

    fn by_mark(&self) -> Option<usize> {
        let mark = self.item.mark.clone()?;
        self.world.by_mark.get(&(self.item.kind, mark))?.first().copied()
    }

    // REC-10: a recurring task never has a row.
    fn recurring_task(&self, found: &mut Comparison) {
        match self.by_mark() {
            Some(at) => {
                let detail = "a recurring task was imported (REC-10)".to_owned();
                let row = self.world.rows.get(at);
                found.problems.push(self.problem(What::ShouldNotExist, row, detail));
            }
            None => found.leave("recurring task (REC-10)"),
        }
    }

    // The row by marker, cross-checked by the number; then by iCalUId, then by the number.
    fn row(&self, found: &mut Comparison) -> Option<usize> {
        let content = self.by_mark();
        let marked = self.item.marker.and_then(|id| self.world.by_id.get(&id).copied());
        if let Some(marked) = marked {
            let row = &self.world.rows[marked];
            let differs = row.mark.is_some() && row.mark != self.item.mark;
            if row.kind == self.item.kind && !differs {
                return Some(marked);
            }
            let detail = format!("the marker names {} “{}”", row.table, name_of(row));
            found.problems.push(self.problem(What::WrongMarker, Some(row), detail));
            return content;
        }
        let uid = || match self.item.kind {
            Kind::Appointment => self.world.by_uid.get(&self.item.uid).copied(),
            Kind::Contact | Kind::Task => None,
        };
        uid().or(content)
    }

    fn judge(&self, row: Option<usize>, found: &mut Comparison) {
        let excused = self.world.excused(&self.mailbox.person.address, self.item.mark.as_deref());
        if excused {
            return found.leave("excused by an edit");
        }
        let Some(at) = row else { return self.alone(found) };
        let row = &self.world.rows[at];
        let wanted = self.mailbox.wanted.contains(&at);
        let linked = self.item.tracked || self.item.marker.is_some();
        if !linked && self.item.own {
            let detail = format!("“{}” isn't tracked but has a row (LINK-02)", name_of(row));
            found.problems.push(self.problem(What::ShouldNotExist, Some(row), detail));
            return;
        }
        if !wanted && let Some(detail) = self.left_the_filter(row) {
            found.problems.push(self.problem(What::ShouldNotExist, Some(row), detail));
            return;
        }
        if !wanted && !linked {
            return found.leave("copy of a colleague's meeting");
        }
        if self.is_cancelled_by_colleague(row) {
            return found.leave("cancelled by its organizer (CXL-13)");
        }
        if !wanted && !self.item.tracked {
            return found.leave("unlinked, kept by rule");
        }
        found.pairs += 1;
        for difference in fields::differences(self, row) {
            let detail = format!(
                "“{}”: {} is “{}” in Dynamics and “{}” in Exchange",
                name_of(row),
                difference.field,
                short(&difference.row),
                short(&difference.item)
            );
            let what = What::Differs { field: difference.field };
            found.problems.push(self.problem(what, Some(row), detail));
        }
    }

    // What a served organizer cancelled follows its row no more (APPT-OUT-14).
    fn is_cancelled_by_colleague(&self, row: &Row) -> bool {
        let organizer = row.organizer().and_then(|id| self.world.people.get(&id));
        let served = organizer.is_some_and(|who| self.world.served.contains(&who.address));
        served && !self.item.own && self.item.value["isCancelled"] == true
    }

    /// Returns why an item whose row the filters no longer return should be gone.
    fn left_the_filter(&self, row: &Row) -> Option<String> {
        if self.world.options.distinct_deletes || self.item.marker.is_none() {
            return None;
        }
        let mine = row.owner() == Some(self.mailbox.person.user_id);
        match row.kind {
            Kind::Contact if !mine => Some("the contact belongs to another (FILT-07)".to_owned()),
            Kind::Task if !mine && self.item.text("status") != "completed" => {
                Some("the task belongs to another (TASK-OUT-09)".to_owned())
            }
            Kind::Appointment if row.is_service() => Some(
                "the user's filter no longer returns the service activity (FILT-04)".to_owned(),
            ),
            Kind::Appointment if self.item.own && self.future() => {
                Some("the user no longer takes part (CXL-05)".to_owned())
            }
            Kind::Contact | Kind::Task | Kind::Appointment => None,
        }
    }

    fn future(&self) -> bool {
        self.item.instant("start").is_some_and(|start| start > self.world.now)
    }

    // No row at all: right for what isn't tracked, and for what outlives its row by rule.
    fn alone(&self, found: &mut Comparison) {
        let item = self.item;
        // The mark is written beside the row: it stays when the booking of the row was refused.
        if item.tracked && item.value["isCancelled"] != true && self.clashes() {
            return found.leave("scheduling conflict (APPT-IN-06)");
        }
        if item.marker.is_some() {
            let gone = match item.kind {
                Kind::Task => item.text("status") != "completed",
                Kind::Appointment => item.own && self.future(),
                // Whether the user owned the row can't be seen any more (CONT-05).
                Kind::Contact => false,
            };
            if gone {
                let name = ["subject", "title"].map(|name| item.text(name)).concat();
                let detail = format!("“{name}”: its row was deleted (FILT-04)");
                found.problems.push(self.problem(What::ShouldNotExist, None, detail));
            } else {
                found.leave("row deleted, item kept by rule");
            }
            return;
        }
        if !item.tracked {
            return found.leave("not tracked (LINK-02)");
        }
        if item.value["isCancelled"] == true {
            return found.leave("cancelled by its organizer (CXL-13)");
        }
        let name = ["subject", "surname", "title"].map(|name| item.text(name)).concat();
        let detail = format!("“{name}” is tracked and has no row (LINK-03)");
        found.problems.push(self.problem(What::MissingInDynamics, None, detail));
    }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
