//! Attachments in a preview: the moves of an item's files, beside the writes to the item itself.

use serde::{Deserialize, Serialize};

use super::{ItemView, verb};
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::files::{Ahead, Move};

/// One move of a file. What is replaced is deleted and created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileView {
    /// The side that is written.
    pub side: String,
    /// `create`: a copy of the other side's file; `delete`: the file goes.
    pub op: String,
    /// The id of the file that is copied or goes; `kept` of one that an undo brings back.
    pub file: String,
    /// Its version, where files have one.
    pub version: Option<String>,
    /// Its name.
    pub name: String,
    /// Its size in bytes, as the side counts on which it is.
    pub size: u64,
}

/// Adds the moves of files to the items of a preview. An item of which nothing but files is moved gets
/// a place of its own.
pub fn add_files(items: &mut Vec<ItemView>, ahead: &[Ahead]) {
    for one in ahead {
        let files: Vec<FileView> = one.plan.moves.iter().map(view).collect();
        if let Some(item) = items.iter_mut().find(|item| item.link == one.link.id.0) {
            item.files = files;
            let said = one.plan.code().map(|code| code.as_str().to_owned());
            item.code = item.code.take().or(said);
            continue;
        }
        let Some(named) = one.plan.verb().map(verb) else { continue };
        let native =
            |side: Side| one.link.native.get(side).as_ref().map(|id| id.as_str().to_owned());
        items.push(ItemView {
            link: one.link.id.0,
            kind: one.link.kind.table().to_owned(),
            dynamics: native(Side::Dynamics),
            exchange: native(Side::Exchange),
            verb: named.to_owned(),
            rules: vec![rule::ATT_02.0.to_owned(), rule::ATT_05.0.to_owned()],
            code: one.plan.code().map(|code| code.as_str().to_owned()),
            notes: Vec::new(),
            steps: Vec::new(),
            files,
        });
    }
}

fn view(one: &Move) -> FileView {
    let (op, file) = match one {
        Move::Copy { file, .. } => ("create", file),
        Move::Remove { file, .. } => ("delete", file),
    };
    FileView {
        side: one.target().name().to_owned(),
        op: op.to_owned(),
        file: file.id.as_str().to_owned(),
        version: file.version.clone(),
        name: file.name.clone(),
        size: file.size,
    }
}
