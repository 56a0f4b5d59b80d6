//! The people at work: each act on the stand-ins, and what the oracle learns from it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use lockstep::ports::clock::Clock;
use lockstep::sim::graph::MailEntry;
use lockstep::sim::seed::TRACK_SIGNAL;
use lockstep::sim::world::{Organization, World};
use serde_json::{Value, json};
use uuid::Uuid;

use super::acts::{Act, At, Filters, Part, Sort};
use super::node::Time;
use super::oracle::Thing;
use crate::harness::{CATEGORY, guid, id_of};

/// Rows of any owner, for those who may read them.
const EVERYBODYS: &str = "<fetch><entity name=\"{table}\"><attribute name=\"{key}\"/><filter>\
    <condition attribute=\"statecode\" operator=\"eq\" value=\"0\"/></filter></entity></fetch>";
const USUAL: &str = "<fetch><entity name=\"{table}\"><attribute name=\"{key}\"/><filter>\
    <condition attribute=\"ownerid\" operator=\"eq-userid\"/>\
    <condition attribute=\"statecode\" operator=\"eq\" value=\"0\"/></filter></entity></fetch>";
const MEETINGS: &str = "<fetch distinct=\"true\"><entity name=\"appointment\">\
    <attribute name=\"activityid\"/><link-entity name=\"activityparty\" from=\"activityid\" \
    to=\"activityid\" link-type=\"inner\" alias=\"party\"><filter>\
    <condition attribute=\"partyid\" operator=\"eq-userid\"/>\
    <condition attribute=\"participationtypemask\" operator=\"in\"><value>5</value>\
    <value>7</value></condition></filter></link-entity></entity></fetch>";

/// People, their things, and the world that they work in.
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) time: Time,
    pub(super) things: Vec<Thing>,
    /// Mails that the node caused since the last judgement.
    pub(super) mailed: Vec<MailEntry>,
    /// An answer was lost or the node died since the last judgement.
    pub(super) shaken: bool,
    /// A write may have been carried out of which the answer says half, since the last judgement.
    pub(super) half_told: bool,
    /// The store was lost since the last judgement.
    pub(super) forgotten: bool,
    /// Whose filters for which table were changed at some time.
    filtered: BTreeSet<(usize, &'static str)>,
    /// What happened, for a failure's report.
    pub(super) log: Vec<String>,
    tokens: u32,
}

impl Scene {
    pub(super) fn new(world: Arc<World>, time: Time) -> Self {
        Self {
            world,
            time,
            things: Vec::new(),
            mailed: Vec::new(),
            shaken: false,
            half_told: false,
            forgotten: false,
            filtered: BTreeSet::new(),
            log: Vec::new(),
            tokens: 0,
        }
    }

    pub(super) fn organization(&self) -> &Organization {
        &self.world.organizations[0]
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    pub(super) fn address(&self, who: usize) -> &str {
        &self.organization().people[who].address
    }

    pub(super) fn user(&self, who: usize) -> Uuid {
        self.organization().people[who].user_id
    }

    /// Notes that an answer was lost.
    pub(super) fn shake(&mut self) {
        self.log.push("  an answer was lost".to_owned());
        self.shaken = true;
        self.things.iter_mut().for_each(Thing::shaken);
    }

    /// Notes that the store was lost.
    pub(super) fn forget(&mut self) {
        self.shake();
        self.forgotten = true;
        let mut things = std::mem::take(&mut self.things);
        for thing in &mut things {
            let whole = self.row(thing).is_some() && self.item(thing, thing.home).is_some();
            thing.forgotten(!whole);
        }
        self.things = things;
        self.note_strays();
    }

    pub(super) fn mails(&self) -> usize {
        self.organization().graph().ledger().len()
    }

    /// Notes the mails that a request of the node has caused.
    pub(super) fn note_mails(&mut self, from: usize) {
        let entries = self.organization().graph().ledger()[from..].to_vec();
        for mail in entries {
            self.log.push(format!("  the node mails: {:?} to {}", mail.kind, mail.to));
            self.mailed.push(mail);
        }
    }

    // What is there.

    /// Returns the row of a thing.
    pub(super) fn row(&self, thing: &Thing) -> Option<Value> {
        self.rows(thing).into_iter().next()
    }

    /// Returns all rows of a thing; more than one is a duplicate.
    pub(super) fn rows(&self, thing: &Thing) -> Vec<Value> {
        let column = if thing.sort == Sort::Contact { "lastname" } else { "subject" };
        let ours = |row: &Value| thing.is_named(&row[column]);
        let mut rows: Vec<Value> =
            self.organization().dataverse().rows(thing.set()).into_iter().filter(ours).collect();
        // A phone call is a phone call, a task may have been made from an item.
        if rows.is_empty() && thing.sort == Sort::Call {
            rows = self.organization().dataverse().rows("tasks").into_iter().filter(ours).collect();
        }
        rows
    }

    /// Returns the item of a thing in a person's mailbox.
    pub(super) fn item(&self, thing: &Thing, who: usize) -> Option<Value> {
        let graph = self.organization().graph();
        let address = self.address(who);
        let (items, name) = match thing.sort {
            Sort::Meeting => (graph.events(address), "subject"),
            Sort::Contact => (graph.contacts(address), "surname"),
            Sort::Task | Sort::Call => (graph.tasks(address), "title"),
        };
        let mut mine: Vec<Value> =
            items.into_iter().filter(|item| thing.is_named(&item[name])).collect();
        // What a former organizer cancelled may stand beside the meeting.
        mine.sort_by_key(|item| item["isCancelled"] == true);
        mine.into_iter().next()
    }

    /// Tells whether a row is beyond filters that somebody changed: whether it matched them before
    /// is then a matter of the moment.
    pub(super) fn is_beyond_filters(&self, thing: &Thing, who: usize) -> bool {
        let table = table_of(thing.sort);
        if !self.filtered.contains(&(who, table)) {
            return false;
        }
        !self.is_returned(thing, who)
    }

    /// Tells whether the filters of a person return the row of a thing.
    fn is_returned(&self, thing: &Thing, who: usize) -> bool {
        let Some(row) = self.row(thing) else { return false };
        let mut dataverse = self.organization().dataverse();
        let found = dataverse.filter_rows(self.user(who), table_of(thing.sort), self.now());
        found.contains(&guid(&row, thing.key()))
    }

    // What people do.

    /// Lets somebody do something; what is not possible at the moment does not happen.
    pub(super) fn act(&mut self, act: &Act) {
        let now = self.now();
        self.log.push(format!("{} {act:?}", now.format("%m-%d %H:%M:%S")));
        match *act {
            Act::NewRow { who, sort, guest } => self.new_row(who, sort, guest),
            Act::NewItem { who, sort, guest, tracked } => self.new_item(who, sort, guest, tracked),
            Act::Edit { of, at, part } => self.with(of, |it, thing| it.edit(thing, at, part)),
            Act::Delete { of, at } => self.with(of, |it, thing| it.delete(thing, at)),
            Act::Complete { of, at } => self.with(of, |it, thing| it.complete(thing, at)),
            Act::Track { of, on } => self.with(of, |it, thing| it.track(thing, on)),
            Act::Reassign { of } => self.with(of, Self::reassign),
            Act::Share { of, on } => self.with(of, |it, thing| it.share(thing, on)),
            Act::Organizer { of } => self.with(of, Self::change_organizer),
            Act::Guest { of, at, on } => self.with(of, |it, thing| it.invite(thing, at, on)),
            Act::Respond { of, answer } => self.with(of, |it, thing| it.respond(thing, answer)),
            Act::Look { of, at } => self.with(of, |it, thing| it.look(thing, at)),
            Act::Filter { who, sort, filters } => self.filter(who, sort, filters),
            Act::Wait { minutes } => self.time.wait(minutes),
            Act::Expire => self.organization().graph().expire_delta_tokens(None),
        }
        if self.forgotten {
            self.note_strays();
        }
    }

    /// After the loss of the store nobody knows which row an untracked to-do task had, unless the row is
    /// among those that look for their items then.
    fn note_strays(&mut self) {
        let mut things = std::mem::take(&mut self.things);
        for thing in things.iter_mut().filter(|thing| !thing.tracked) {
            let task = matches!(thing.sort, Sort::Task | Sort::Call);
            thing.stray |= task && !self.is_returned(thing, thing.home);
        }
        self.things = things;
    }

    /// Lends a thing to an act.
    fn with(&mut self, of: usize, act: impl FnOnce(&mut Self, &mut Thing) -> Option<()>) {
        if self.things.is_empty() {
            return;
        }
        let at = of % self.things.len();
        let mut thing = self.things[at].clone();
        let done = act(self, &mut thing).is_some();
        self.log.push(format!("    {} {}", thing.mark, if done { "done" } else { "nothing" }));
        if done {
            self.things[at] = thing;
        }
    }

    /// Returns a text that nobody has written before.
    fn token(&mut self) -> String {
        self.tokens += 1;
        format!("v{}", self.tokens)
    }

    fn thing(&mut self, who: usize, sort: Sort) -> Thing {
        let token = self.token();
        Thing::new(500_001 + self.things.len(), who, sort, token)
    }

    fn new_row(&mut self, who: usize, sort: Sort, guest: bool) {
        let mut thing = self.thing(who, sort);
        let (name, now) = (thing.name(), self.now());
        let body = match sort {
            Sort::Contact => json!({ "lastname": name, "firstname": "Noor" }),
            Sort::Task | Sort::Call => json!({ "subject": name }),
            Sort::Meeting => {
                let start = thing.slot(now);
                let mut parties = vec![party(self.user(who), 7)];
                if guest {
                    parties.push(party(self.user(1 - who), 5));
                    thing.joined();
                }
                json!({ "subject": name, "scheduledstart": utc(start),
                    "scheduledend": utc(start + TimeDelta::hours(1)), "statecode": 3,
                    "statuscode": 5, "appointment_activity_parties": parties })
            }
        };
        let made =
            self.organization().dataverse().user_create(self.user(who), thing.set(), &body, now);
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
        self.log.push(format!("    {} is made", thing.mark));
        self.things.push(thing);
    }

    fn new_item(&mut self, who: usize, sort: Sort, guest: bool, tracked: bool) {
        let sort = if sort == Sort::Call { Sort::Task } else { sort };
        let mut thing = self.thing(who, sort);
        thing.tracked = tracked;
        let (name, now) = (thing.name(), self.now());
        let categories = if tracked { json!([CATEGORY]) } else { json!([]) };
        let address = self.address(who).to_owned();
        let mut graph = self.organization().graph();
        let made = match sort {
            Sort::Contact => {
                let mut body = json!({ "surname": name, "givenName": "Noor" });
                if tracked {
                    let signal = json!([{ "id": TRACK_SIGNAL, "value": "1" }]);
                    body["singleValueExtendedProperties"] = signal;
                }
                graph.user_create_contact(&address, &body, now)
            }
            Sort::Task | Sort::Call => {
                let body = json!({ "title": name, "categories": categories });
                graph.user_create_task(&address, &body, now)
            }
            Sort::Meeting => {
                let start = thing.slot(now);
                let mut body = json!({ "subject": name, "categories": categories,
                    "showAs": "busy", "start": wall(start),
                    "end": wall(start + TimeDelta::hours(1)) });
                if guest {
                    body["attendees"] = json!([attendee(self.address(1 - who))]);
                }
                graph.user_create_event(&address, &body, now)
            }
        };
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
        drop(graph);
        self.log.push(format!("    {} is made", thing.mark));
        self.things.push(thing);
    }

    fn edit(&mut self, thing: &mut Thing, at: At, part: Part) -> Option<()> {
        // A closed row takes nothing from Exchange and a closed task has left the filters.
        if thing.closed {
            return None;
        }
        let part = thing.sort.has(part);
        let (before, token) = (self.values(thing, part), self.token());
        match at {
            At::Row => {
                let row = self.row(thing)?;
                let body = thing.row_edit(part, &token, self.now(), self.tokens);
                self.change_row(thing, &row, &body)?;
            }
            At::Item => {
                let item = self.own_item(thing)?;
                let body = thing.item_edit(part, &token, self.now(), self.tokens);
                self.change_item(thing, thing.home, &item, &body)?;
            }
            At::Copy => return self.edit_copy(thing, part, &token),
        }
        let value = if part == Part::When { self.tokens.to_string() } else { token };
        thing.edited(part, value, before, at, self.shaken || self.half_told);
        Some(())
    }

    /// What a guest writes into the copy of a meeting stays there.
    fn edit_copy(&mut self, thing: &mut Thing, part: Part, token: &str) -> Option<()> {
        let copy = self.copy(thing)?;
        if part == Part::Name {
            return None;
        }
        let body = thing.item_edit(part, token, self.now(), self.tokens);
        self.change_item(thing, 1 - thing.home, &copy, &body)?;
        // The copy then differs until the organizer changes the same again.
        thing.copy_differs = true;
        Some(())
    }

    /// Returns the item of a thing where it is at home; of a meeting only what its organizer has there, and
    /// not what he attended before it was handed to him.
    fn own_item(&self, thing: &Thing) -> Option<Value> {
        let item = self.item(thing, thing.home)?;
        (thing.sort != Sort::Meeting || item["isOrganizer"] == true).then_some(item)
    }

    /// Returns the guest's copy.
    pub(super) fn copy(&self, thing: &Thing) -> Option<Value> {
        let copy = self.item(thing, 1 - thing.home)?;
        (copy["isOrganizer"] == false).then_some(copy)
    }

    fn change_row(&self, thing: &Thing, row: &Value, body: &Value) -> Option<()> {
        let (id, now) = (guid(row, thing.key()), self.now());
        let user = self.user(thing.owner);
        self.organization().dataverse().user_update(user, thing.set(), id, body, now).ok()
    }

    fn change_item(&self, thing: &Thing, who: usize, item: &Value, body: &Value) -> Option<()> {
        let (id, now) = (id_of(item), self.now());
        let address = self.address(who);
        let mut graph = self.organization().graph();
        match thing.sort {
            Sort::Meeting => graph.user_update_event(address, &id, body, now).ok(),
            Sort::Contact => graph.user_update_contact(address, &id, body, now).ok(),
            Sort::Task | Sort::Call => graph.user_update_task(address, &id, body, now).ok(),
        }
    }

    fn delete(&mut self, thing: &mut Thing, at: At) -> Option<()> {
        let now = self.now();
        let who = match at {
            At::Row => {
                let row = self.row(thing)?;
                let (user, id) = (self.user(thing.owner), guid(&row, thing.key()));
                let mut dataverse = self.organization().dataverse();
                dataverse.user_delete(user, thing.set(), id, now).ok()?;
                drop(dataverse);
                let said = |part: &Part| Some((*part, self.values(thing, *part).1?));
                let left = thing.sort.parts().iter().filter_map(said).collect();
                thing.row_deleted(left, self.shaken || self.half_told);
                // Whose item it was stood in the store alone.
                thing.apart |= self.forgotten;
                return Some(());
            }
            At::Item => thing.home,
            At::Copy => 1 - thing.home,
        };
        let item = if at == At::Copy { self.copy(thing)? } else { self.own_item(thing)? };
        let (id, address) = (id_of(&item), self.address(who));
        let mut graph = self.organization().graph();
        match thing.sort {
            Sort::Meeting => graph.user_delete_event(address, &id, now).ok()?,
            Sort::Contact => graph.user_delete_contact(address, &id, now).ok()?,
            Sort::Task | Sort::Call => graph.user_delete_task(address, &id, now).ok()?,
        }
        drop(graph);
        // A copy comes back with the organizer's next change: Exchange sends it anew.
        if at == At::Item {
            thing.item_deleted(who, self.shaken);
            // Without the store a row that names its meeting does not tell a delete from a
            // meeting that was never here; to make it anew would invite everybody once more.
            thing.apart |= self.forgotten && thing.sort == Sort::Meeting;
            // One that was made without an answer and is gone before it was found is made again;
            // the guest then has the cancelled meeting and the new one.
            thing.apart |= self.shaken && thing.sort == Sort::Meeting;
            thing.apart |= self.keeps_its_row(thing);
            // A contact may be out of its filter for a moment: its item is then the user's own, and who
            // deletes that gets no other one (CONT-06, CONT-10).
            thing.apart |= thing.sort == Sort::Contact && thing.is_unsure();
        }
        Some(())
    }

    fn complete(&mut self, thing: &mut Thing, at: At) -> Option<()> {
        match (thing.sort, at) {
            (Sort::Task, At::Row) => {
                let row = self.row(thing)?;
                // A closed row has left the filters: what waits in Exchange stays there.
                thing.apart |= thing.sort.parts().iter().any(|part| {
                    let (row, item) = self.values(thing, *part);
                    item.is_some() && row != item
                });
                self.change_row(thing, &row, &json!({ "statecode": 1, "statuscode": 5 }))?;
            }
            (Sort::Task | Sort::Call, At::Item) => {
                let item = self.own_item(thing)?;
                self.note_contested(thing);
                let body = json!({ "status": "completed" });
                self.change_item(thing, thing.home, &item, &body)?;
                thing.apart |= thing.owner != thing.home;
            }
            (Sort::Meeting | Sort::Contact | Sort::Call, _) | (Sort::Task, At::Copy) => {
                return None;
            }
        }
        thing.close();
        Some(())
    }

    fn look(&mut self, thing: &mut Thing, at: At) -> Option<()> {
        let who = if at == At::Copy { 1 - thing.home } else { thing.home };
        let item = self.item(thing, who)?;
        let (now, address) = (self.now(), self.address(who));
        self.organization().graph().user_open_item(address, &id_of(&item), now).ok()
    }

    // What changes who sees a thing.

    fn track(&mut self, thing: &mut Thing, on: bool) -> Option<()> {
        let item = self.own_item(thing)?;
        if thing.sort == Sort::Contact || thing.tracked == on && thing.row_known {
            return None;
        }
        let body = json!({ "categories": if on { json!([CATEGORY]) } else { json!([]) } });
        self.change_item(thing, thing.home, &item, &body)?;
        thing.tracked = on;
        thing.unsure();
        // An item that is no longer tracked goes its own way.
        thing.apart |= !on;
        Some(())
    }

    fn reassign(&mut self, thing: &mut Thing) -> Option<()> {
        let row = self.row(thing)?;
        let heir = format!("/systemusers({})", self.user(1 - thing.owner));
        self.change_row(thing, &row, &json!({ "ownerid@odata.bind": heir }))?;
        thing.owner = 1 - thing.owner;
        thing.unsure();
        // A row that was never seen in the filter cannot leave it (rules.md §6, question 3).
        // What was completed in To Do stays there as it is when the row goes (TASK-OUT-09).
        // After the loss of the store nobody knows that it was seen there.
        thing.apart |= !thing.row_known || thing.closed || self.forgotten;
        thing.apart |= self.item(thing, thing.home).is_none() && self.keeps_its_row(thing);
        Some(())
    }

    /// A contact that somebody deletes who is not its owner stays in Dynamics and is not made again
    /// (CONT-04, CONT-10), also where a filter of that person shows it.
    fn keeps_its_row(&self, thing: &Thing) -> bool {
        let shown = self.filtered.contains(&(thing.home, table_of(thing.sort)));
        thing.sort == Sort::Contact && thing.owner != thing.home && shown
    }

    fn share(&mut self, thing: &mut Thing, on: bool) -> Option<()> {
        let row = self.row(thing)?;
        let (id, with, now) = (guid(&row, thing.key()), self.user(1 - thing.owner), self.now());
        let mut dataverse = self.organization().dataverse();
        if on {
            dataverse.share(thing.set(), id, with, now);
        } else {
            dataverse.unshare(thing.set(), id, with, now);
        }
        drop(dataverse);
        thing.unsure();
        Some(())
    }

    fn change_organizer(&mut self, thing: &mut Thing) -> Option<()> {
        let row = self.row(thing).filter(|_| thing.sort == Sort::Meeting)?;
        let organizes = |who: usize| {
            row["parties"].as_array().into_iter().flatten().any(|party| {
                party["participationtypemask"] == 7
                    && party["partyid"] == self.user(who).to_string().as_str()
            })
        };
        let heir = if organizes(0) { 1 } else { 0 };
        let parties = [party(self.user(heir), 7), party(self.user(1 - heir), 5)];
        self.change_row(thing, &row, &json!({ "appointment_activity_parties": parties }))?;
        thing.unsure();
        // The former organizer's meeting goes and the other one's comes (ORG-03).
        thing.home = heir;
        Some(())
    }

    fn invite(&mut self, thing: &mut Thing, at: At, on: bool) -> Option<()> {
        if thing.sort != Sort::Meeting {
            return None;
        }
        let guest = 1 - thing.home;
        let listed = |list: &Value, address: &str| list.to_string().contains(address);
        match at {
            At::Row => {
                let row = self.row(thing)?;
                if listed(&row["parties"], self.address(guest)) == on {
                    return None;
                }
                let mut parties = vec![party(self.user(thing.home), 7)];
                parties.extend(on.then(|| party(self.user(guest), 5)));
                self.change_row(thing, &row, &json!({ "appointment_activity_parties": parties }))?;
                thing.guest_changed(on);
            }
            At::Item => {
                let item = self.own_item(thing)?;
                if listed(&item["attendees"], self.address(guest)) == on {
                    return None;
                }
                let list: Vec<Value> =
                    on.then(|| attendee(self.address(guest))).into_iter().collect();
                self.change_item(thing, thing.home, &item, &json!({ "attendees": list }))?;
                thing.guest_changed_there();
            }
            At::Copy => return None,
        }
        Some(())
    }

    fn respond(&mut self, thing: &mut Thing, answer: usize) -> Option<()> {
        let copy = self.copy(thing).filter(|_| thing.sort == Sort::Meeting)?;
        let answer = ["accept", "decline", "tentativelyAccept"][answer % 3];
        let (now, who) = (self.now(), 1 - thing.home);
        let address = self.address(who);
        self.organization().graph().user_respond(address, &id_of(&copy), answer, now).ok()?;
        Some(())
    }

    fn filter(&mut self, who: usize, sort: Sort, filters: Filters) {
        let table = table_of(sort);
        let key = if sort == Sort::Contact { "contactid" } else { "activityid" };
        let made = |text: &str| text.replace("{table}", table).replace("{key}", key);
        let text = match (filters, sort) {
            (Filters::Nothing, _) => None,
            (_, Sort::Meeting) => Some(MEETINGS.to_owned()),
            (Filters::Usual, _) => Some(made(USUAL)),
            (Filters::Everybodys, _) => Some(made(EVERYBODYS)),
        };
        let texts: Vec<&str> = text.iter().map(String::as_str).collect();
        self.organization().dataverse().set_user_filters(self.user(who), table, &texts);
        self.filtered.insert((who, table));
        for thing in self.things.iter_mut().filter(|thing| thing.sort == sort) {
            thing.unsure();
        }
    }
}

const fn table_of(sort: Sort) -> &'static str {
    match sort {
        Sort::Meeting => "appointment",
        Sort::Contact => "contact",
        Sort::Task => "task",
        Sort::Call => "phonecall",
    }
}

fn party(user: Uuid, mask: i64) -> Value {
    let bind = format!("/systemusers({user})");
    json!({ "partyid_systemuser@odata.bind": bind, "participationtypemask": mask })
}

fn attendee(address: &str) -> Value {
    json!({ "type": "required", "emailAddress": { "address": address, "name": "Guest" } })
}

pub(super) fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn wall(at: DateTime<Utc>) -> Value {
    json!({ "dateTime": at.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC" })
}
