//! What must be true at rest, from the people's point of view: which value each field of a thing
//! may have, what is gone for good, and who was mailed.
//!
//! It knows nothing of links, hashes or rules of the program, only what people did and what lay
//! on both sides at that moment. Agreement of the sides is judged by `sim::compare`.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, TimeDelta, Utc};
use lockstep::sim::compare::{CompareOptions, What, compare};
use lockstep::sim::graph::{MailEntry, MailKind};
use serde_json::{Value, json};

use super::acts::{At, Part, Sort};
use super::scene::{Scene, utc, wall};
use crate::harness::id_of;

/// Meetings and due dates lie here and later, beyond the end of every history.
const LATER: &str = "2026-12-01T08:00:00Z";

/// Meetings never overlap: a conflict would keep one of them out of Dynamics (APPT-IN-06).
const STEP: TimeDelta = TimeDelta::hours(2);

/// The hour that is the same day in the zones of both people.
const NOON: TimeDelta = TimeDelta::hours(12);

/// What lies between a day's beginning in Berlin and in UTC, and somewhat more.
const EAST: TimeDelta = TimeDelta::hours(2);

/// One thing that people deal with: a meeting, a contact, a task.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    /// The number at the end of its name.
    pub(super) mark: String,
    /// Who made it, in whose mailbox its item lies.
    pub(super) home: usize,
    /// Whose row it is.
    pub(super) owner: usize,
    pub(super) sort: Sort,
    pub(super) tracked: bool,
    /// Completed on either side.
    pub(super) closed: bool,
    /// Row and item went separate ways by a rule; their fields are no longer compared.
    pub(super) apart: bool,
    pub(super) copy_differs: bool,
    /// Its item was completed while a part of it had been edited on both sides.
    contested: bool,
    /// An untracked item whose row nobody knew any more when the store was lost: the row may get
    /// another one.
    pub(super) stray: bool,
    /// Its row was there at the last judgement.
    pub(super) row_known: bool,
    /// So was its item.
    item_known: bool,
    /// Somebody changed who sees it since the last judgement: its fields may be anybody's.
    unsure: bool,
    token: String,
    /// What each part may hold at rest, and where that was written.
    allowed: BTreeMap<&'static str, BTreeMap<String, By>>,
    /// Its item was edited since the last judgement.
    edited_there: bool,
    row_gone: bool,
    gone_from: [bool; 2],
    mails: Expected,
}

/// Where a value was written.
#[derive(Debug, Clone, Copy)]
enum By {
    Row,
    Item,
    /// The sides agreed on it at rest: no edit.
    Both,
    /// When the thing was made.
    Anybody,
}

impl By {
    /// Tells whether it may win against a later edit.
    const fn may_outlive(self, at: At) -> bool {
        match (self, at) {
            (Self::Row, At::Row) | (Self::Item, At::Item | At::Copy) | (Self::Both, _) => false,
            (Self::Row, _) | (Self::Item, At::Row) | (Self::Anybody, _) => true,
        }
    }
}

/// Mails that the node may or must have caused since the last judgement.
#[derive(Debug, Clone, Default)]
struct Expected {
    invitations: usize,
    must_invite: bool,
    updates: usize,
    cancellations: usize,
}

impl Thing {
    pub(super) fn new(number: usize, home: usize, sort: Sort, token: String) -> Self {
        let name = BTreeMap::from([(token.clone(), By::Anybody)]);
        let allowed = BTreeMap::from([(key(Part::Name), name)]);
        Self {
            mark: number.to_string(),
            home,
            owner: home,
            sort,
            tracked: true,
            closed: false,
            apart: false,
            copy_differs: false,
            contested: false,
            stray: false,
            row_known: false,
            item_known: false,
            unsure: false,
            token,
            allowed,
            edited_there: false,
            row_gone: false,
            gone_from: [false; 2],
            mails: Expected::default(),
        }
    }

    pub(super) fn name(&self) -> String {
        named(&self.token, &self.mark)
    }

    pub(super) fn is_named(&self, text: &Value) -> bool {
        text.as_str().is_some_and(|text| text.ends_with(&format!(" {}", self.mark)))
    }

    pub(super) fn set(&self) -> &'static str {
        match self.sort {
            Sort::Meeting => "appointments",
            Sort::Contact => "contacts",
            Sort::Task => "tasks",
            Sort::Call => "phonecalls",
        }
    }

    pub(super) fn key(&self) -> &'static str {
        if self.sort == Sort::Contact { "contactid" } else { "activityid" }
    }

    /// Returns where a meeting begins at first.
    pub(super) fn slot(&mut self, _now: DateTime<Utc>) -> DateTime<Utc> {
        let number = self.mark.parse::<i64>().unwrap_or_default() % 1_000 + 200;
        self.allowed.insert(key(Part::When), BTreeMap::from([(number.to_string(), By::Anybody)]));
        later(number)
    }

    // What people did.

    pub(super) fn edited(
        &mut self,
        part: Part,
        value: String,
        before: (Option<String>, Option<String>),
        at: At,
        shaken: bool,
    ) {
        let (own, other) = if at == At::Row { before } else { (before.1, before.0) };
        let open = other.filter(|other| own.is_some_and(|own| own != *other));
        let set = self.allowed.entry(key(part)).or_default();
        // What this side held before is gone. What the other side wrote and has perhaps not told may win
        // all the same (CONF-03).
        set.retain(|held, by| by.may_outlive(at) && (shaken || open.as_ref() == Some(held)));
        set.insert(value, if at == At::Row { By::Row } else { By::Item });
        self.edited_there |= at == At::Item;
        // Whether a write without an answer came before an edit of the item nobody knows: the row may
        // win against that edit, and is written once more (CONF-03).
        if at == At::Row || shaken {
            self.mails.updates += 1;
        }
    }

    pub(super) fn joined(&mut self) {
        self.mails.invitations += 1;
        self.mails.must_invite = true;
    }

    pub(super) fn guest_changed(&mut self, on: bool) {
        self.mails.updates += 1;
        if on {
            self.mails.invitations += 1;
        } else {
            self.mails.cancellations += 1;
            self.mails.must_invite = false;
        }
    }

    /// A guest list changed in Outlook: Exchange mails by itself. Against a change in Dynamics
    /// either may win.
    pub(super) fn guest_changed_there(&mut self) {
        self.mails.must_invite = false;
        self.mails.updates += 1;
        if self.mails.invitations > 0 || self.mails.cancellations > 0 {
            self.mails.invitations += 1;
            self.mails.cancellations += 1;
        }
    }

    /// `left` is what its item says.
    pub(super) fn row_deleted(&mut self, left: Vec<(Part, String)>, shaken: bool) {
        self.row_gone = !shaken;
        // Made without an answer and gone before it was found: it is made again from its item, and
        // what was written to the row alone is gone with it.
        for (part, value) in left.into_iter().filter(|_| shaken) {
            self.allowed.entry(key(part)).and_modify(|set| set.extend([(value, By::Item)]));
        }
        self.mails.must_invite = false;
        self.mails.cancellations += 1;
    }

    pub(super) fn item_deleted(&mut self, who: usize, shaken: bool) {
        self.gone_from[who] = !shaken;
        self.mails.must_invite = false;
        if who == self.home && shaken {
            self.unsure = true;
            // Made without an answer and gone before it was found: it is made again.
            self.mails.invitations += 1;
        }
    }

    /// A create may have lost its answer. What is gone already, and was not there at the last judgement,
    /// is made again.
    pub(super) fn shaken(&mut self) {
        self.mails.updates += usize::from(self.edited_there);
        if self.row_gone && !self.row_known {
            self.row_gone = false;
            self.unsure = true;
        }
        if self.gone_from[self.home] && !self.item_known {
            self.gone_from[self.home] = false;
            self.unsure = true;
            if self.sort == Sort::Meeting {
                self.mails.invitations += 1;
                self.apart = true;
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.unsure = true;
    }

    /// Tells whether a part was edited on both sides, and each has its own value.
    fn is_contested(&self, part: Part, (row, item): (Option<String>, Option<String>)) -> bool {
        let Some(set) = self.allowed.get(key(part)) else { return false };
        let by = |value: Option<String>| value.and_then(|value| set.get(&value));
        row != item && matches!((by(row), by(item)), (Some(By::Row), Some(By::Item)))
    }

    /// A request failed. The row of a completed task leaves the filters when it is closed, and where both
    /// sides were edited each keeps its own, unless both halves of that write succeed.
    pub(super) fn disturbed(&mut self) {
        self.apart |= self.contested;
    }

    /// Tells whether somebody changed who sees it since the last judgement.
    pub(super) const fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// Somebody changed who sees or synchronizes it.
    pub(super) fn unsure(&mut self) {
        self.unsure = true;
        self.row_gone = false;
        self.gone_from = [false; 2];
        self.mails.must_invite = false;
        self.mails.invitations += 1;
        self.mails.updates += 1;
        self.mails.cancellations += 1;
    }

    /// The store was lost: what was deleted in Exchange and kept in Dynamics is made again, and
    /// where the sides differ nobody knows who edited. Of half a pair nobody knows whether the
    /// other half is still to be made, or was deleted.
    pub(super) fn forgotten(&mut self, half: bool) {
        self.gone_from = [false; 2];
        self.unsure = true;
        self.mails.updates += 1;
        self.apart |= half;
    }

    // What is written.

    pub(super) fn row_edit(&self, part: Part, token: &str, _: DateTime<Utc>, number: u32) -> Value {
        let at = later(number.into());
        match (self.sort, part) {
            (Sort::Contact, Part::Name) => json!({ "lastname": named(token, &self.mark) }),
            (_, Part::Name) => json!({ "subject": named(token, &self.mark) }),
            (_, Part::Text) => json!({ "description": format!("Text {token}") }),
            (Sort::Contact, _) => json!({ "address1_city": token }),
            (_, Part::Place) => json!({ "location": token }),
            (Sort::Meeting, Part::When) => json!({ "scheduledstart": utc(at),
                "scheduledend": utc(at + Duration::hours(1)) }),
            (Sort::Task | Sort::Call, Part::When) => {
                json!({ "scheduledend": utc(day(number) + NOON) })
            }
        }
    }

    pub(super) fn item_edit(
        &self,
        part: Part,
        token: &str,
        _: DateTime<Utc>,
        number: u32,
    ) -> Value {
        let at = later(number.into());
        let text = json!({ "contentType": "text", "content": format!("Text {token}") });
        match (self.sort, part) {
            (Sort::Contact, Part::Name) => json!({ "surname": named(token, &self.mark) }),
            (Sort::Meeting, Part::Name) => json!({ "subject": named(token, &self.mark) }),
            (_, Part::Name) => json!({ "title": named(token, &self.mark) }),
            (Sort::Contact, Part::Text) => json!({ "personalNotes": format!("Text {token}") }),
            (_, Part::Text) => json!({ "body": text }),
            (Sort::Contact, _) => json!({ "businessAddress": { "city": token } }),
            (_, Part::Place) => json!({ "location": { "displayName": token } }),
            (Sort::Meeting, Part::When) => {
                json!({ "start": wall(at), "end": wall(at + Duration::hours(1)) })
            }
            (Sort::Task | Sort::Call, Part::When) => json!({ "dueDateTime": wall(day(number)) }),
        }
    }
}

impl Sort {
    /// Returns the part itself, or one that a thing of this sort has.
    pub(super) const fn has(self, part: Part) -> Part {
        match (self, part) {
            (Self::Contact, Part::When) => Part::Place,
            (Self::Task | Self::Call, Part::Place) => Part::Text,
            (_, part) => part,
        }
    }

    pub(super) const fn parts(self) -> &'static [Part] {
        match self {
            Self::Meeting => &[Part::Name, Part::Text, Part::Place, Part::When],
            Self::Contact => &[Part::Name, Part::Text, Part::Place],
            Self::Task | Self::Call => &[Part::Name, Part::Text, Part::When],
        }
    }
}

const fn key(part: Part) -> &'static str {
    match part {
        Part::Name => "name",
        Part::Text => "text",
        Part::Place => "place",
        Part::When => "when",
    }
}

fn named(token: &str, mark: &str) -> String {
    format!("Thing {token} {mark}")
}

fn later(number: i64) -> DateTime<Utc> {
    let begin: DateTime<Utc> = LATER.parse().expect("a valid instant");
    begin + STEP * i32::try_from(number).expect("a small number")
}

fn day(number: u32) -> DateTime<Utc> {
    let begin: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().expect("a valid instant");
    begin + TimeDelta::days(number.into())
}

/// Returns the token in a text, wherever it stands.
fn token_in(text: &Value) -> Option<String> {
    let text = text.as_str()?;
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let is_token = |word: &&str| {
        word.strip_prefix('v')
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    words.find(is_token).map(str::to_owned)
}

fn number_of(text: &Value, begin: DateTime<Utc>, step: TimeDelta) -> Option<String> {
    let text = format!("{}Z", text.as_str()?.get(..19)?);
    let at: DateTime<Utc> = text.parse().ok()?;
    Some(((at - begin).num_minutes().div_euclid(step.num_minutes())).to_string())
}

impl Scene {
    /// Returns what row and item say of a part; absent where there is none or it is empty.
    pub(super) fn values(&self, thing: &Thing, part: Part) -> (Option<String>, Option<String>) {
        let row = self.row(thing).map(|row| row_value(thing.sort, part, &row));
        let item = self.item(thing, thing.home).map(|it| item_value(thing.sort, part, &it));
        (row, item)
    }

    /// The item of a task is completed.
    pub(super) fn note_contested(&self, thing: &mut Thing) {
        let parts = thing.sort.parts().iter();
        thing.contested =
            parts.copied().any(|part| thing.is_contested(part, self.values(thing, part)));
    }

    /// Judges everything at rest and begins a new phase.
    pub(super) fn judge(&mut self) {
        self.judge_sides();
        self.judge_things();
        self.judge_mails();
        let mut things = std::mem::take(&mut self.things);
        for thing in &mut things {
            self.settle(thing);
        }
        self.things = things;
        self.mailed.clear();
        (self.shaken, self.half_told, self.forgotten) = (false, false, false);
    }

    fn judge_sides(&self) {
        let mut options = CompareOptions::default();
        for (thing, who) in self.things.iter().flat_map(|thing| [(thing, 0), (thing, 1)]) {
            if thing.apart || thing.copy_differs || self.is_beyond_filters(thing, who) {
                options.excused.insert((self.address(who).to_owned(), thing.mark.clone()));
            }
        }
        let mut found = compare(self.organization(), self.now(), &options);
        let strays: Vec<String> = self.things.iter().flat_map(|it| self.strays(it)).collect();
        found.problems.retain(|problem| {
            problem.what != What::Duplicate || !problem.ids.iter().all(|id| strays.contains(id))
        });
        assert!(found.is_clean(), "the sides differ\n{}", found.table());
    }

    /// Returns the ids of the items of a task that had an untracked one when the store was lost.
    fn strays(&self, thing: &Thing) -> Vec<String> {
        let items = self.organization().graph().tasks(self.address(thing.home));
        let ours = |item: &Value| thing.stray && thing.is_named(&item["title"]);
        items.iter().filter(|item| ours(item)).map(id_of).collect()
    }

    fn judge_things(&self) {
        for thing in &self.things {
            let (rows, mark) = (self.rows(thing), &thing.mark);
            assert!(rows.len() < 2, "{mark}: {} rows", rows.len());
            assert!(!thing.row_gone || rows.is_empty(), "{mark}: a deleted row is back");
            for who in 0..2 {
                // What a former organizer cancelled stays in the calendar of who attended it, until
                // that person takes it away (ORG-03, CXL-13).
                let is_back = |item: Value| item["isCancelled"] != true;
                let back = thing.gone_from[who] && self.item(thing, who).is_some_and(is_back);
                assert!(!back, "{mark}: a deleted item is back in mailbox {who}");
            }
            if thing.unsure || thing.apart || self.is_beyond_filters(thing, thing.home) {
                continue;
            }
            for part in thing.sort.parts() {
                let (row, item) = self.values(thing, *part);
                let (Some(row), Some(item)) = (row, item) else { continue };
                let Some(allowed) = thing.allowed.get(key(*part)) else { continue };
                let fits = allowed.contains_key(&row) && row == item;
                assert!(
                    fits,
                    "{mark}: an edit of {} is lost: row {row}, item {item}, written {allowed:?}",
                    key(*part)
                );
            }
        }
    }

    /// Each invitation that is due was sent once, and nothing that nobody caused.
    fn judge_mails(&self) {
        for mail in &self.mailed {
            let about = self.things.iter().any(|thing| thing.is_named(&json!(mail.subject)));
            assert!(about, "a mail about nothing: {mail:?}");
        }
        for thing in &self.things {
            let sent = |kind| {
                let mine =
                    |mail: &&MailEntry| mail.kind == kind && thing.is_named(&json!(mail.subject));
                self.mailed.iter().filter(mine).count()
            };
            let mark = &thing.mark;
            let (expected, invited) = (&thing.mails, sent(MailKind::Invitation));
            assert!(invited <= expected.invitations, "{mark}: {invited} invitations, {expected:?}");
            let due = expected.must_invite
                && self.row(thing).is_some()
                && !self.is_beyond_filters(thing, thing.home);
            assert!(!due || invited == 1, "{mark}: {invited} invitations, {expected:?}");
            let updates = sent(MailKind::Update);
            assert!(updates <= expected.updates, "{mark}: {updates} updates, {expected:?}");
            let cancelled = sent(MailKind::Cancellation);
            assert!(
                cancelled <= expected.cancellations,
                "{mark}: {cancelled} cancellations, {expected:?}"
            );
            assert_eq!(sent(MailKind::Response), 0, "{mark}: the node answered an invitation");
        }
    }

    /// What is so at rest stays so until somebody does something.
    fn settle(&self, thing: &mut Thing) {
        let row = self.row(thing);
        thing.row_gone = thing.row_gone || (thing.row_known && row.is_none());
        thing.row_known = row.is_some();
        thing.item_known |= self.item(thing, thing.home).is_some();
        thing.unsure = false;
        thing.contested = false;
        thing.edited_there = false;
        thing.mails = Expected::default();
        thing.allowed.clear();
        for part in thing.sort.parts() {
            if let (Some(row), Some(item)) = self.values(thing, *part) {
                thing
                    .allowed
                    .insert(key(*part), BTreeMap::from([(row, By::Both), (item, By::Both)]));
            }
        }
    }
}

fn row_value(sort: Sort, part: Part, row: &Value) -> String {
    let begin = later(0);
    let found = match (sort, part) {
        (Sort::Contact, Part::Name) => token_in(&row["lastname"]),
        (_, Part::Name) => token_in(&row["subject"]),
        (_, Part::Text) => token_in(&row["description"]),
        (Sort::Contact, _) => token_in(&row["address1_city"]),
        (_, Part::Place) => token_in(&row["location"]),
        (Sort::Meeting, Part::When) => number_of(&row["scheduledstart"], begin, STEP),
        (_, Part::When) => number_of(&row["scheduledend"], day(0) - EAST, TimeDelta::days(1)),
    };
    found.unwrap_or_default()
}

fn item_value(sort: Sort, part: Part, item: &Value) -> String {
    let begin = later(0);
    let found = match (sort, part) {
        (Sort::Contact, Part::Name) => token_in(&item["surname"]),
        (Sort::Meeting, Part::Name) => token_in(&item["subject"]),
        (_, Part::Name) => token_in(&item["title"]),
        (Sort::Contact, Part::Text) => token_in(&item["personalNotes"]),
        (_, Part::Text) => token_in(&item["body"]["content"]),
        (Sort::Contact, _) => token_in(&item["businessAddress"]["city"]),
        (_, Part::Place) => token_in(&item["location"]["displayName"]),
        (Sort::Meeting, Part::When) => number_of(&item["start"]["dateTime"], begin, STEP),
        (_, Part::When) => number_of(&item["dueDateTime"]["dateTime"], day(0), TimeDelta::days(1)),
    };
    found.unwrap_or_default()
}
