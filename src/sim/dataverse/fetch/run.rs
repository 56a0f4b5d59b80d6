//! Running a query over the rows, without copying them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Entity, Fetch, Link};
use crate::sim::dataverse::access::Caller;
use crate::sim::dataverse::core::Core;
use crate::sim::dataverse::schema::{Table, col, party_table};
use crate::sim::dataverse::store::Row;
use crate::sim::dataverse::value::Cell;

/// One result: the row, and the rows of the links in the order of the query.
#[derive(Debug, Clone)]
pub(in crate::sim::dataverse) struct Found<'a> {
    pub(in crate::sim::dataverse) row: &'a Row,
    pub(in crate::sim::dataverse) linked: Vec<Option<&'a Row>>,
}

impl Core {
    /// Returns everything that matches and that the caller may read, in order.
    pub(in crate::sim::dataverse) fn run(&self, who: Caller, fetch: &Fetch) -> Vec<Found<'_>> {
        let entity = &fetch.entity;
        let mut found = Vec::new();
        if entity.table.logical == "activityparty" {
            self.run_parties(who, entity, &mut found);
            return finish(fetch, found);
        }
        let granted = self.asks_for_filters(who, entity);
        let mut take = |row| {
            if (granted || self.may_read(who, entity.table, row)) && entity.filter.holds(row) {
                self.join(row, entity, &mut found);
            }
        };
        let rows = self.store.rows(entity.table);
        match self.candidates(who, entity) {
            Some(ids) => ids.iter().filter_map(|id| rows.rows.get(id)).for_each(&mut take),
            None => rows.rows.values().for_each(&mut take),
        }
        finish(fetch, found)
    }

    /// Parties are read through their activities.
    fn run_parties<'a>(&'a self, who: Caller, entity: &Entity, found: &mut Vec<Found<'a>>) {
        for table in super::schema().tables.iter().filter(|table| table.activity) {
            let rows = self.store.rows(table).rows.values();
            for party in rows.filter(|row| self.may_read(who, table, row)).flat_map(|r| &r.parties)
            {
                if entity.filter.holds(party) {
                    self.join(party, entity, found);
                }
            }
        }
    }

    /// Narrows the rows by the indexes: owner, party, and what a person can see.
    fn candidates(&self, who: Caller, entity: &Entity) -> Option<BTreeSet<Uuid>> {
        let rows = self.store.rows(entity.table);
        if let Some(id) = entity.filter.pinned(col::KEY) {
            return Some(BTreeSet::from([id]));
        }
        if let Some(ids) = entity.filter.listed(col::KEY) {
            return Some(ids.into_iter().collect());
        }
        if entity.table.owned
            && let Some(owner) = entity.filter.pinned(col::OWNER)
        {
            return Some(rows.by_owner.get(&owner).cloned().unwrap_or_default());
        }
        let partyid = party_table().column("partyid").unwrap_or_default();
        let party = entity.links.iter().filter(|link| !link.outer && is_party_link(link));
        let pinned = party.filter_map(|link| link.entity.filter.pinned(partyid)).next();
        if let Some(party) = pinned {
            return Some(rows.by_party.get(&party).cloned().unwrap_or_default());
        }
        self.visible(who, entity.table)
    }

    fn join<'a>(&'a self, row: &'a Row, entity: &Entity, found: &mut Vec<Found<'a>>) {
        let mut combinations = vec![Vec::new()];
        for link in &entity.links {
            let matches = self.link_rows(row, entity.table, link);
            if matches.is_empty() {
                return;
            }
            combinations = combinations
                .iter()
                .flat_map(|left: &Vec<Option<&Row>>| {
                    matches.iter().map(move |right| [left.as_slice(), right].concat())
                })
                .collect();
        }
        found.extend(combinations.into_iter().map(|linked| Found { row, linked }));
    }

    /// The combinations one link (with the links inside it) adds; empty drops the row.
    fn link_rows<'a>(
        &'a self,
        above: &'a Row,
        table: &Table,
        link: &Link,
    ) -> Vec<Vec<Option<&'a Row>>> {
        let mut all = Vec::new();
        for row in self.link_targets(above, table, link) {
            if !link.entity.filter.holds(row) {
                continue;
            }
            let mut inner = Vec::new();
            self.join(row, &link.entity, &mut inner);
            for found in inner {
                let mut rows = vec![Some(row)];
                rows.extend(found.linked);
                all.push(rows);
            }
        }
        if all.is_empty() && link.outer {
            all.push(vec![None; width(link)]);
        }
        all
    }

    fn link_targets<'a>(&'a self, above: &'a Row, table: &Table, link: &Link) -> Vec<&'a Row> {
        let Some(value) = above.get(link.to) else { return Vec::new() };
        if is_party_link(link) && table.activity && link.to == col::KEY {
            return above.parties.iter().collect();
        }
        let target = link.entity.table;
        if link.from == col::KEY && target.logical != "activityparty" {
            return value.uuid().and_then(|id| self.store.get(target, id)).into_iter().collect();
        }
        let equal = |row: &&Row| {
            row.get(link.from).and_then(|cell| cell.order(value)) == Some(Ordering::Equal)
        };
        if target.logical == "activityparty" {
            let tables = super::schema().tables.iter().filter(|table| table.activity);
            let rows = tables.flat_map(|table| self.store.rows(table).rows.values());
            return rows.flat_map(|row| row.parties.iter()).filter(equal).collect();
        }
        self.store.rows(target).rows.values().filter(equal).collect()
    }
}

fn finish<'a>(fetch: &Fetch, mut found: Vec<Found<'a>>) -> Vec<Found<'a>> {
    sort(&fetch.entity, &mut found);
    if fetch.distinct {
        distinct(&fetch.entity, &mut found);
    }
    found
}

fn is_party_link(link: &Link) -> bool {
    link.entity.table.logical == "activityparty"
        && Some(link.from) == party_table().column("activityid")
}

/// How many rows a link adds to a result.
fn width(link: &Link) -> usize {
    1 + link.entity.links.iter().map(width).sum::<usize>()
}

fn sort(entity: &Entity, found: &mut [Found<'_>]) {
    if entity.orders.is_empty() {
        return;
    }
    found.sort_by(|a, b| {
        for (column, descending) in &entity.orders {
            let order = compare(a.row.get(*column), b.row.get(*column));
            let order = if *descending { order.reverse() } else { order };
            if order != Ordering::Equal {
                return order;
            }
        }
        a.row.id.cmp(&b.row.id)
    });
}

/// Rows without a value come first, as in the service's database.
pub(in crate::sim::dataverse) fn compare(a: Option<&Cell>, b: Option<&Cell>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.order(b).unwrap_or(Ordering::Equal),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Drops results whose returned columns are the same as an earlier one's.
fn distinct(entity: &Entity, found: &mut Vec<Found<'_>>) {
    let mut columns = Vec::new();
    entity.columns_of(&mut columns);
    let mut seen = BTreeSet::new();
    found.retain(|one| {
        let rows = std::iter::once(Some(one.row)).chain(one.linked.iter().copied());
        let key: Vec<String> = rows
            .zip(&columns)
            .flat_map(|(row, columns)| {
                columns.iter().map(move |column| format!("{:?}", row.and_then(|r| r.get(*column))))
            })
            .collect();
        seen.insert(key)
    });
}

impl Entity {
    /// The returned columns of this table and of its links, one list per row of a result.
    fn columns_of(&self, all: &mut Vec<Vec<usize>>) {
        let own = if self.all {
            (0..self.table.columns.len()).collect()
        } else {
            self.attributes.iter().map(|(column, _)| *column).collect()
        };
        // A query that names no column returns the key.
        all.push(if all.is_empty() && Vec::is_empty(&own) { vec![col::KEY] } else { own });
        for link in &self.links {
            link.entity.columns_of(all);
        }
    }
}
