//! Files of activities (protocols B12): size, blocked names and types, and whose they are.
//!
//! A file is read and written by whoever may read and write its activity, and goes with it. Whether
//! it changes the activity's version is not documented; here it does not. Absent: `attachmentcount`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::{Table, schema};
use super::store::Row;
use super::value::Cell;

/// The table of the files.
pub(super) const TABLE: &str = "activitymimeattachment";
/// `maxuploadfilesize` of an organization that never set it.
const MAX_BYTES: i64 = 5 * 1024 * 1024;

impl Core {
    /// Returns the activity that a file hangs on; nothing for rows of other tables.
    pub(super) fn activity_of(&self, table: &Table, row: &Row) -> Option<(&'static Table, &Row)> {
        if table.logical != TABLE {
            return None;
        }
        let Some(Cell::Ref(id, index)) = row.named(table, "objectid") else { return None };
        let parent = schema().at(*index)?;
        Some((parent, self.store.get(parent, *id)?))
    }

    /// Checks a file and fills what the service computes.
    pub(super) fn settle_attachment(&self, at: Moment, row: &mut Row) -> Result<(), Refusal> {
        let Some(table) = schema().logical(TABLE) else { return Ok(()) };
        let Some((parent, activity)) = self.activity_of(table, row) else {
            return Err(Refusal::invalid("An attachment needs an existing 'objectid'."));
        };
        if !self.may_write(at.caller, parent, activity) {
            return Err(Refusal::forbidden(at.caller.user, "AppendTo", parent.logical));
        }
        let text = |name: &str| row.named(table, name).and_then(Cell::str).unwrap_or_default();
        let code = text("objecttypecode");
        if !code.is_empty() && code != parent.logical {
            return Err(Refusal::invalid("'objecttypecode' names another table than 'objectid'."));
        }
        let content = STANDARD.decode(text("body"));
        let content = content.map_err(|_| Refusal::payload("'body' is not base64."))?;
        let size = i64::try_from(content.len()).unwrap_or(i64::MAX);
        let name = text("filename").to_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let blocked = self.lists("blockedattachments", extension)
            || self.lists("blockedmimetypes", &text("mimetype").to_lowercase());
        if blocked || size > self.largest() {
            let text = "The attachment is either not a valid type or is too large. It cannot be \
                        uploaded or downloaded.";
            return Err(Refusal::new(400, "0x80043e09", text));
        }
        row.put(table, "objecttypecode", Cell::text(parent.logical));
        row.put(table, "filesize", Cell::Int(size));
        Ok(())
    }

    /// Removes the files of an activity that is gone.
    pub(super) fn drop_attachments(&mut self, parent: &Table, id: Uuid) {
        let Some(table) = schema().logical(TABLE).filter(|_| parent.activity) else { return };
        let hangs = |row: &Row| row.named(table, "objectid").and_then(Cell::uuid) == Some(id);
        let files = self.store.rows(table).rows.values().filter(|row| hangs(row));
        for file in files.map(|row| row.id).collect::<Vec<_>>() {
            self.store.remove(table, file);
        }
    }

    fn organization_cell(&self, column: &str) -> Option<&Cell> {
        let table = schema().logical("organization")?;
        self.store.get(table, self.organization)?.named(table, column)
    }

    fn lists(&self, column: &str, wanted: &str) -> bool {
        let list = self.organization_cell(column).and_then(Cell::str).unwrap_or_default();
        list.split(';').any(|one| !one.is_empty() && one.eq_ignore_ascii_case(wanted))
    }

    fn largest(&self) -> i64 {
        self.organization_cell("maxuploadfilesize").and_then(Cell::int).unwrap_or(MAX_BYTES)
    }
}
