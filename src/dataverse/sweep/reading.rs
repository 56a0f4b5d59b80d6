//! The rows that a sweep found, read in full.

use std::collections::HashSet;

use tracing::warn;
use uuid::Uuid;

use super::{Wanted, native};
use crate::dataverse::DataverseSide;
use crate::dataverse::errors::{self, Verdict};
use crate::dataverse::lookup::ROWS_PER_STRIDE;
use crate::dataverse::map::{Table, read};
use crate::dataverse::wire::json;
use crate::domain::ids::NativeId;
use crate::domain::kind::Kind;
use crate::domain::observation::Observation;
use crate::ports::error::SideError;
use crate::ports::side::{Known, Pulled};

impl DataverseSide {
    /// Reads what a sweep found, in strides.
    pub(super) async fn read_all(
        &self,
        caller: Uuid,
        known: &[Known],
        wanted: &[Wanted],
        mut missing: Vec<(Kind, NativeId)>,
    ) -> Result<Pulled, SideError> {
        let known: HashSet<(Kind, &str)> =
            known.iter().map(|known| (known.kind, known.id.as_str())).collect();
        let mut observations = Vec::with_capacity(wanted.len());
        for group in wanted.chunks(ROWS_PER_STRIDE) {
            match self.read_wanted(caller, group).await {
                Ok(rows) => {
                    for (row, seen) in rows {
                        match seen {
                            Some(seen) => observations.push(seen),
                            // It went away between the query and the read.
                            None if known.contains(&(row.0, row.1.as_str())) => missing.push(row),
                            None => {}
                        }
                    }
                }
                // A first load larger than the budget makes progress: what was not read now is
                // as new in the next sweep.
                Err(error @ SideError::Throttled { .. }) if !observations.is_empty() => {
                    let (read, wanted) = (observations.len(), wanted.len());
                    warn!(%error, read, wanted, "the rest of the rows is read in the next cycle");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Pulled { observations, missing, ..Pulled::default() })
    }

    /// Reads rows in full; `None` stands for a row that the user cannot see any more.
    async fn read_wanted(
        &self,
        user: Uuid,
        wanted: &[Wanted],
    ) -> Result<Vec<((Kind, NativeId), Option<Observation>)>, SideError> {
        let ids: Vec<(&'static Table, NativeId)> =
            wanted.iter().map(|((kind, id), ..)| (Table::of(*kind), native(*id))).collect();
        let replies = self.rows(Some(user), &ids).await?;
        let mut rows = Vec::with_capacity(ids.len());
        let (mut places, mut series) = (Vec::new(), Vec::new());
        let beside = errors::any_answered(&replies);
        for ((table, id), ((_, presence, version), reply)) in
            ids.into_iter().zip(wanted.iter().zip(&replies))
        {
            // At the version that the query showed it is no news until it changes.
            let unreadable = |id: &NativeId| Observation {
                version: Some(version.clone()),
                presence: *presence,
                ..read::unreadable(table.kind, id)
            };
            let seen = match errors::judge(reply) {
                Verdict::Fine => match json(reply) {
                    Ok(row) if table.kind == Kind::RecurringAppointment => {
                        places.push(rows.len());
                        series.push((id.clone(), row, *presence));
                        None
                    }
                    Ok(row) => Some(read::observe(table, &id, &row, *presence)),
                    Err(_) => Some(unreadable(&id)),
                },
                Verdict::Missing | Verdict::Denied => None,
                Verdict::Unavailable | Verdict::Precondition | Verdict::Refused
                    if errors::is_of_the_row(reply, beside) =>
                {
                    Some(unreadable(&id))
                }
                Verdict::Throttled(_)
                | Verdict::Unavailable
                | Verdict::Precondition
                | Verdict::Refused => return Err(errors::into_side_error(reply)),
            };
            rows.push(((table.kind, id), seen));
        }
        for (at, seen) in places.into_iter().zip(self.observe_series(Some(user), series).await?) {
            rows[at].1 = Some(seen);
        }
        Ok(rows)
    }
}
