//! Edits of single occurrences. Each series is edited on one side only, because what two people do
//! to one series between two cycles is one conflict (CONF-03).

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::{Done, Edit, Play, Turn, mark};
use crate::sim::compare::Kind;
use crate::sim::seed::TRACKED_CATEGORY;

/// Occurrences this far ahead surely have rows in Dynamics (REC-05).
const AHEAD_DAYS: i64 = 40;

/// One occurrence in hand.
struct Hand {
    id: String,
    subject: String,
    original: DateTime<Utc>,
}

impl Hand {
    /// Reads an occurrence when it lies near and belongs to the series of this side.
    fn read(id: &Value, subject: &Value, original: &Value, even: bool) -> Option<Self> {
        let subject = subject.as_str()?.to_owned();
        let number: u32 = mark(&subject)?.parse().ok()?;
        let original = original.as_str()?.parse().ok()?;
        let hand = Self { id: id.as_str()?.to_owned(), subject, original };
        // Seeds make series by turns, one here and one there.
        ((number / 2).is_multiple_of(2) == even).then_some(hand)
    }

    fn is_near(&self, now: DateTime<Utc>) -> bool {
        self.original > now + Duration::hours(2) && self.original < now + Duration::days(AHEAD_DAYS)
    }

    fn done(self, what: &str) -> Done {
        let day = self.original.format("%d %B");
        let what = format!("{what} “{}” of {day}", self.subject);
        Done { kind: Kind::Appointment, id: self.id, what, excuses: None }
    }
}

impl Play {
    pub(super) fn occurrence_in_dynamics(&mut self, turn: Turn<'_>, edit: Edit) -> Option<Done> {
        let mut dataverse = turn.organization.dataverse();
        let me = turn.person.user_id.to_string();
        let mut rows = dataverse.rows("appointments");
        rows.retain(|row| {
            let open = matches!(row["statecode"].as_i64(), Some(0 | 3));
            let alone = row["parties"].as_array().is_some_and(|list| {
                !list.iter().any(|one| matches!(one["participationtypemask"].as_i64(), Some(5 | 6)))
            });
            let his = row["_ownerid_value"] == me.as_str() && row["seriesid"].is_string();
            his && open && alone && row["isalldayevent"] == false
        });
        let read = |row: &Value| {
            Hand::read(&row["activityid"], &row["subject"], &row["originalstartdate"], true)
        };
        let hands = rows.iter().filter_map(read).filter(|hand| hand.is_near(turn.now));
        let hand = self.choose(hands.collect())?;
        let id = hand.id.parse().ok()?;
        if edit == Edit::DropOccurrence {
            dataverse.user_delete(turn.person.user_id, "appointments", id, turn.now).ok()?;
            return Some(hand.done("drops the occurrence"));
        }
        let (start, end) = self.shifted(&hand);
        let text = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let body = json!({ "scheduledstart": text(start), "scheduledend": text(end) });
        dataverse.user_update(turn.person.user_id, "appointments", id, &body, turn.now).ok()?;
        Some(hand.done("moves the occurrence"))
    }

    pub(super) fn occurrence_in_exchange(&mut self, turn: Turn<'_>, edit: Edit) -> Option<Done> {
        let mut graph = turn.organization.graph();
        let (from, to) =
            (turn.now.to_rfc3339(), (turn.now + Duration::days(AHEAD_DAYS)).to_rfc3339());
        let mut shown = graph.shown(&turn.person.address, &from, &to);
        shown.retain(|event| {
            let tracked = event["categories"].as_array();
            let tracked = tracked.is_some_and(|all| all.iter().any(|it| it == TRACKED_CATEGORY));
            let alone = event["attendees"].as_array().is_none_or(Vec::is_empty);
            let own = event["isOrganizer"] == true && event["seriesMasterId"].is_string();
            own && tracked && alone && event["isAllDay"] == false
        });
        let read = |event: &Value| {
            Hand::read(&event["id"], &event["subject"], &event["originalStart"], false)
        };
        let hands = shown.iter().filter_map(read).filter(|hand| hand.is_near(turn.now));
        let hand = self.choose(hands.collect())?;
        if edit == Edit::DropOccurrence {
            graph.user_delete_event(&turn.person.address, &hand.id, turn.now).ok()?;
            return Some(hand.done("drops the occurrence"));
        }
        let (start, end) = self.shifted(&hand);
        let wall = |at: DateTime<Utc>| {
            let text = at.format("%Y-%m-%dT%H:%M:%S").to_string();
            json!({ "dateTime": text, "timeZone": "UTC" })
        };
        let body = json!({ "start": wall(start), "end": wall(end) });
        graph.user_update_event(&turn.person.address, &hand.id, &body, turn.now).ok()?;
        Some(hand.done("moves the occurrence"))
    }

    fn choose(&mut self, mut hands: Vec<Hand>) -> Option<Hand> {
        if hands.is_empty() {
            return None;
        }
        Some(hands.swap_remove(self.rng.usize(..hands.len())))
    }

    /// Some quarters of an hour later than the pattern says: on the same day in every zone.
    fn shifted(&mut self, hand: &Hand) -> (DateTime<Utc>, DateTime<Utc>) {
        let start = hand.original + Duration::minutes(15 * self.rng.i64(1..8));
        (start, start + Duration::minutes(50))
    }
}
