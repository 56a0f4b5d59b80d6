//! Change tracking: `odata.track-changes`, delta links and deleted rows (protocols.md B5).

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::Depth;
use super::core::{Core, Moment};
use super::error::Refusal;
use super::fetch::MAX_PAGE;
use super::prefer::Prefer;
use super::read::applied;
use super::render::Shape;
use super::schema::Table;
use super::store::Row;
use super::url::Target;
use crate::sim::wire::Response;

/// How long a token may rest (`ExpireChangeTrackingInDays` by default).
const TOKEN_DAYS: i64 = 7;
const STAMP: &str = "%m/%d/%Y %H:%M:%S";

/// Where a walk through several pages stands.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// Changes after this version are wanted; `None` in the first full walk.
    since: Option<u64>,
    /// The version when the walk began: the next token.
    start: u64,
    place: Place,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// After this row of the full walk.
    Row(Uuid),
    /// After this version of the changed rows.
    Change(u64),
    /// After this version of the deleted rows.
    Grave(u64),
}

impl Core {
    /// Answers a first tracked query or a delta query.
    pub(super) fn changes(
        &self,
        at: Moment,
        target: &Target,
        table: &'static Table,
        prefer: &Prefer,
    ) -> Result<Response, Refusal> {
        self.check_tracking(at, target, table)?;
        target.allow(&["$select", "$deltatoken", "$skiptoken"])?;
        let shape = Shape::parse(table, target.option("$select"), None)?;
        let size = prefer.page_size.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let mut walk = self.walk(at.now, target)?;
        let mut value = Vec::new();
        let more = if walk.since.is_none() {
            self.full_page(table, size, &mut walk, |row| {
                let seen = self.masked(at.caller, table, row);
                value.push(Value::Object(self.render(table, &seen, &shape, &prefer.notes)));
            })
        } else {
            let mut page = Page { size, value: &mut value };
            self.delta_page(table, &mut walk, &mut page, |row| {
                let seen = self.masked(at.caller, table, row);
                Value::Object(self.render(table, &seen, &shape, &prefer.notes))
            })
        };
        let mut out = Map::new();
        let end = if walk.since.is_some() { "/$delta" } else { "" };
        out.insert("@odata.context".into(), self.context(table.set, end));
        out.insert("value".into(), value.into());
        let drop = ["$deltatoken", "$skiptoken"];
        if more {
            let link = self.link(table, target, &drop, &[("$skiptoken", &walk.write())]);
            out.insert("@odata.nextLink".into(), link.into());
        } else {
            let token = format!("{}!{}", walk.start, at.now.format(STAMP));
            let link = self.link(table, target, &drop, &[("$deltatoken", &token)]);
            out.insert("@odata.deltaLink".into(), link.into());
        }
        Ok(applied(Response::json(200, &Value::Object(out)), prefer))
    }

    pub(super) fn count_changes(
        &self,
        at: Moment,
        target: &Target,
        table: &'static Table,
    ) -> Result<usize, Refusal> {
        self.check_tracking(at, target, table)?;
        target.allow(&["$deltatoken"])?;
        let since = self.walk(at.now, target)?.since.unwrap_or_default();
        let rows = self.store.rows(table);
        Ok(rows.changes.range(since + 1..).count() + rows.graves.range(since + 1..).count())
    }

    fn check_tracking(
        &self,
        at: Moment,
        target: &Target,
        table: &'static Table,
    ) -> Result<(), Refusal> {
        for name in ["$filter", "$orderby", "$expand", "$top"] {
            if target.option(name).is_some() {
                let text = format!(
                    "The \"{name}\" query parameter isn't supported when tracking changes is \
                     enabled."
                );
                return Err(Refusal::malformed(text));
            }
        }
        if self.untracked.iter().any(|name| name == table.logical) {
            let text = format!("Entity: {}, does not have change tracking enabled.", table.logical);
            return Err(Refusal::malformed(text));
        }
        if at.caller.all || self.privileges(table).read == Depth::Organization {
            return Ok(());
        }
        Err(Refusal::forbidden(at.caller.user, "Read (organization)", table.logical))
    }

    fn walk(&self, now: DateTime<Utc>, target: &Target) -> Result<Walk, Refusal> {
        if let Some(text) = target.option("$skiptoken") {
            let wrong = || Refusal::malformed("The $skiptoken is not one of this service.");
            return Walk::read(text).ok_or_else(wrong);
        }
        let start = self.store.version();
        let Some(text) = target.option("$deltatoken") else {
            return Ok(Walk { since: None, start, place: Place::Row(Uuid::nil()) });
        };
        let wrong = || Refusal::malformed("The $deltatoken is malformed.");
        let (version, stamp) = text.split_once('!').ok_or_else(wrong)?;
        let since: u64 = version.parse().map_err(|_| wrong())?;
        let issued = NaiveDateTime::parse_from_str(stamp, STAMP).map_err(|_| wrong())?.and_utc();
        if since > start {
            return Err(wrong());
        }
        if now - issued > Duration::days(TOKEN_DAYS) || since <= self.oldest_token {
            let text = "Version stamp associated with the client has expired. Please perform a \
                        full sync.";
            return Err(Refusal::new(400, "0x80044352", text));
        }
        Ok(Walk { since: Some(since), start, place: Place::Change(since) })
    }

    fn full_page(
        &self,
        table: &Table,
        size: usize,
        walk: &mut Walk,
        mut write: impl FnMut(&Row),
    ) -> bool {
        let after = if let Place::Row(id) = walk.place { id } else { Uuid::nil() };
        let after = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        let mut rows = self.store.rows(table).rows.range(after);
        for (id, row) in rows.by_ref().take(size) {
            walk.place = Place::Row(*id);
            write(row);
        }
        rows.next().is_some()
    }

    fn delta_page(
        &self,
        table: &Table,
        walk: &mut Walk,
        page: &mut Page<'_>,
        write: impl Fn(&Row) -> Value,
    ) -> bool {
        let rows = self.store.rows(table);
        if let Place::Change(after) = walk.place {
            for (version, id) in rows.changes.range(after.saturating_add(1)..) {
                if *version > walk.start {
                    break;
                }
                if page.full() {
                    return true;
                }
                walk.place = Place::Change(*version);
                page.value.extend(rows.rows.get(id).map(&write));
            }
            walk.place = Place::Grave(walk.since.unwrap_or_default());
        }
        let Place::Grave(after) = walk.place else { return false };
        let context = self.context(table.set, "/$deletedEntity");
        for (version, id) in rows.graves.range(after.saturating_add(1)..) {
            if *version > walk.start {
                break;
            }
            if page.full() {
                return true;
            }
            walk.place = Place::Grave(*version);
            // A row that was made again under its id is a change, not a deletion.
            if !rows.rows.contains_key(id) {
                page.value.push(json!({
                    "@odata.context": context, "id": id, "reason": "deleted",
                }));
            }
        }
        false
    }
}

struct Page<'a> {
    size: usize,
    value: &'a mut Vec<Value>,
}

impl Page<'_> {
    fn full(&self) -> bool {
        self.value.len() >= self.size
    }
}

impl Walk {
    fn write(self) -> String {
        let since = self.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
        let (kind, place) = match self.place {
            Place::Row(id) => ('r', id.to_string()),
            Place::Change(version) => ('c', version.to_string()),
            Place::Grave(version) => ('g', version.to_string()),
        };
        format!("track!{since}!{}!{kind}!{place}", self.start)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("track!")?.split('!');
        let since = match parts.next()? {
            "-" => None,
            text => Some(text.parse().ok()?),
        };
        let start = parts.next()?.parse().ok()?;
        let (kind, place) = (parts.next()?, parts.next()?);
        let place = match kind {
            "r" => Place::Row(Uuid::try_parse(place).ok()?),
            "c" => Place::Change(place.parse().ok()?),
            "g" => Place::Grave(place.parse().ok()?),
            _ => return None,
        };
        Some(Self { since, start, place })
    }
}
