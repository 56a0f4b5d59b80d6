//! Series as one item: a master read with what deviates from it, and writes to single
//! occurrences (REC-01, REC-02).
//!
//! An occurrence is found by the day on which the pattern puts it. Absent: which occurrences must
//! change; the engine says it occurrence by occurrence.

use std::collections::HashMap;

use chrono::{NaiveDate, SecondsFormat, TimeDelta};
use serde::Deserialize;

use super::GraphSide;
use super::batch::{Inner, InnerReply};
use super::client::Answer;
use super::errors::{self, Write};
use super::fetch::{Read, read_one};
use super::lists::no_page;
use super::map::{event, series};
use super::url::Paths;
use super::wire::{Event, Page};
use crate::domain::code::Code;
use crate::domain::field::Value;
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::{Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::recurrence::{Exception, Recurrence};
use crate::ports::error::SideError;

impl GraphSide {
    /// Replaces the reads of masters by reads of whole series.
    pub(super) async fn whole_series(
        &self,
        mailbox: &Address,
        reads: &mut [Read],
    ) -> Result<(), SideError> {
        let masters = |read: &mut Read| matches!(read, Read::There(seen) if is_series(seen));
        let mut places: Vec<&mut Read> =
            reads.iter_mut().filter_map(|read| masters(read).then_some(read)).collect();
        let ids: Vec<NativeId> = places
            .iter()
            .filter_map(
                |read| if let Read::There(seen) = read { Some(seen.id.clone()) } else { None },
            )
            .collect();
        let replies = self.series_replies(mailbox, &ids).await?;
        for (place, reply) in places.iter_mut().zip(replies) {
            match (read_one(Collection::Calendar, reply, true)?, &mut **place) {
                // The master was read, what deviates from it was not.
                (Read::Unreadable, Read::There(seen)) => seen.unfit = Some(Code::ItemUnreadable),
                (read, place) => *place = read,
            }
        }
        Ok(())
    }

    async fn series_replies(
        &self,
        mailbox: &Address,
        ids: &[NativeId],
    ) -> Result<Vec<Option<InnerReply>>, SideError> {
        let paths = Paths::new(mailbox);
        let requests: Vec<Inner> =
            ids.iter().map(|id| Inner::get(paths.series(id.as_str()))).collect();
        let mut replies = self.client.read_items(mailbox, &requests).await?;
        for (id, reply) in ids.iter().zip(replies.iter_mut().flatten()) {
            self.add_telling(mailbox, id, reply).await?;
        }
        Ok(replies)
    }

    /// Where the first occurrence of a series begins or ends in an hour that the clocks skip, only
    /// another one tells what was meant: some are read beside it.
    async fn add_telling(
        &self,
        mailbox: &Address,
        master: &NativeId,
        reply: &mut InnerReply,
    ) -> Result<(), SideError> {
        let Ok(event) = Event::deserialize(&reply.body) else { return Ok(()) };
        let Some((first, last, series)) = series::telling_days(&event) else { return Ok(()) };
        let paths = Paths::new(mailbox);
        let ask = Inner::page(instances(&paths, master, &series, (first, last)));
        let page = self.client.read::<Option<Page>>(mailbox, &[ask]).await?.pop();
        let rows = page.filter(|page| page.status == 200).and_then(|page| page.body);
        if let (Some(rows), Some(body)) = (rows, reply.body.as_object_mut()) {
            body.insert("instances".into(), rows.value.into());
        }
        Ok(())
    }

    /// Carries out what a step says of single occurrences, and reads the series as it is then.
    pub(super) async fn finish_series(
        &self,
        mailbox: &Address,
        step: &Step,
        master: &NativeId,
    ) -> Outcome {
        let patch = match &step.op {
            Op::Create { patch } | Op::Update { patch, .. } => patch,
            Op::Unmark { .. } | Op::Delete { .. } => return Outcome::Done(None),
        };
        let list = patch.iter().find_map(|(_, value)| match value {
            Some(Value::Exceptions(list)) => Some(list.as_slice()),
            _ => None,
        });
        if let Some(list) = list
            && let Err(outcome) = self.write_occurrences(mailbox, master, list).await
        {
            // A created series is there, whatever became of its occurrences.
            let created = matches!(step.op, Op::Create { .. });
            return if created { Outcome::Unknown } else { outcome };
        }
        let item = (Kind::RecurringAppointment, master.clone());
        match self.fetch_items(mailbox, &[item]).await {
            Ok(items) => match items.into_iter().next() {
                Some(seen) if seen.presence == Presence::Present => {
                    Outcome::Done(Some(Box::new(seen)))
                }
                _ => Outcome::Unknown,
            },
            Err(error) => {
                tracing::warn!(%error, "a written series cannot be read again");
                Outcome::Unknown
            }
        }
    }

    async fn write_occurrences(
        &self,
        mailbox: &Address,
        master: &NativeId,
        list: &[Exception],
    ) -> Result<(), Outcome> {
        let found = self.occurrences(mailbox, master, list).await.map_err(|error| {
            tracing::warn!(%error, "the occurrences of a series cannot be read");
            Outcome::Unknown
        })?;
        let paths = Paths::new(mailbox);
        let (mut requests, mut writes) = (Vec::new(), Vec::new());
        for one in list {
            let Some(id) = found.get(&one.day) else {
                // Gone already is what a delete wants.
                if one.change.is_none() {
                    continue;
                }
                return Err(Outcome::Refused(Code::OccurrenceGone));
            };
            let url = paths.item(Collection::Calendar, "", id);
            match &one.change {
                None => (requests.push(Inner::delete(url)), writes.push(Write::Delete)),
                Some(change) => {
                    let body = event::body(change, None);
                    if body.is_empty() {
                        continue;
                    }
                    (requests.push(Inner::patch(url, body)), writes.push(Write::Update))
                }
            };
        }
        for (answer, write) in self.client.write(mailbox, &requests).await.into_iter().zip(writes) {
            match answer {
                Answer::Reply(reply) if (200..300).contains(&reply.status) => {}
                Answer::Reply(reply) => {
                    match errors::refused_write(write, reply.status, &reply.body) {
                        Outcome::Missing if write == Write::Delete => {}
                        Outcome::Refused(code) => return Err(Outcome::Refused(code)),
                        Outcome::Done(_)
                        | Outcome::Stale
                        | Outcome::Missing
                        | Outcome::Unknown
                        | Outcome::NotSent => return Err(Outcome::Unknown),
                    }
                }
                // Others of the list may have been written: everything is read again.
                Answer::NotSent | Answer::Lost => return Err(Outcome::Unknown),
            }
        }
        Ok(())
    }

    /// Returns the ids of the occurrences of these days, as far as they exist.
    async fn occurrences(
        &self,
        mailbox: &Address,
        master: &NativeId,
        list: &[Exception],
    ) -> Result<HashMap<NaiveDate, String>, SideError> {
        let reply =
            self.series_replies(mailbox, std::slice::from_ref(master)).await?.pop().flatten();
        let unreadable = || SideError::Unreadable { reason: "a series without its rule".into() };
        let reply = reply.ok_or_else(unreadable)?;
        if reply.status != 200 {
            return Err(errors::refused_read(reply.status, &reply.body));
        }
        let whole: Event = serde_json::from_value(reply.body).map_err(|_| unreadable())?;
        let seen = event::observe(&whole);
        let recurrence = seen.fields.recurrence().ok_or_else(unreadable)?;
        let mut found = HashMap::new();
        // One that was changed may have been moved far away from its day.
        for one in whole.exception_occurrences.iter().flatten() {
            found.extend(series::day_of(recurrence, one).map(|day| (day, one.id.clone())));
        }
        let paths = Paths::new(mailbox);
        let wanted = list.iter().filter(|one| !found.contains_key(&one.day));
        let requests: Vec<Inner> = wanted
            .map(|one| Inner::page(instances(&paths, master, recurrence, (one.day, one.day))))
            .collect();
        for reply in self.client.read::<Option<Page>>(mailbox, &requests).await? {
            if reply.status != 200 {
                return Err(errors::refused_read(reply.status, &reply.body));
            }
            for row in reply.body.ok_or_else(no_page)?.value {
                let Ok(one) = serde_json::from_value::<Event>(row) else { continue };
                if let Some(day) = series::day_of(recurrence, &one) {
                    found.entry(day).or_insert(one.id);
                }
            }
        }
        Ok(found)
    }
}

fn is_series(seen: &Observation) -> bool {
    seen.kind == Kind::RecurringAppointment
}

/// Asks for the occurrences from a day to a day: a day more on each side covers every zone.
fn instances(
    paths: &Paths,
    master: &NativeId,
    series: &Recurrence,
    (first, last): (NaiveDate, NaiveDate),
) -> String {
    let (start, end) = (series.times(first).0, series.times(last).1);
    let text = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let (from, to) = (start - TimeDelta::days(1), end + TimeDelta::days(1));
    paths.instances(master.as_str(), &text(from), &text(to))
}
