//! Undo of files: what was taken off an appointment is put back on both sides, and what took its place
//! goes (OPS-02).

use crate::domain::file::{FileEntry, FileForm};
use crate::domain::ids::NativeId;
use crate::domain::journal::file::KeptFile;
use crate::domain::link::Link;
use crate::domain::side::{PerSide, Side};
use crate::engine::files::{Ahead, FilePlan, Listing, Move};

/// One file that is wanted back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wished {
    /// The side that it was taken off.
    pub side: Side,
    /// The file.
    pub file: KeptFile,
    /// A side has a file of this name and content already.
    pub held: PerSide<bool>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// What took the place of a file goes.
    Remove(Side, FileEntry),
    /// The file comes back.
    Add(Side, KeptFile),
}

/// The files of one pair that come back.
#[derive(Debug, Clone, PartialEq)]
pub struct FilesBack {
    /// The pair.
    pub link: Link,
    /// Its files when this was decided.
    pub now: Listing,
    /// What is done, removals first.
    pub moves: Vec<Back>,
    /// A half of the pair is made anew by the same undo, and holds none of them.
    pub anew: bool,
}

/// Why files are left as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesLeft {
    /// It holds them already.
    Same,
    /// Somebody attached or removed a file of that name since, on this side.
    Changed(Side),
    /// This side takes no files now.
    Closed(Side),
}

impl std::fmt::Display for FilesLeft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Same => f.write_str("it holds those files already"),
            Self::Changed(side) => write!(f, "somebody changed its files since in {side}"),
            Self::Closed(side) => write!(f, "no file can be attached in {side} now"),
        }
    }
}

impl FilesBack {
    /// Returns it as a plan shows it. A file that comes back has no id yet.
    #[must_use]
    pub fn shown(&self) -> Ahead {
        let moves = self.moves.iter().map(|one| match one {
            Back::Remove(on, file) => Move::Remove { on: *on, file: file.clone() },
            Back::Add(on, file) => Move::Copy { from: on.other(), file: entry(file) },
        });
        let plan = FilePlan { moves: moves.collect(), ..FilePlan::default() };
        Ahead { link: self.link.clone(), plan }
    }
}

/// Returns a kept file as a list shows one that is still to be attached.
#[must_use]
pub fn entry(file: &KeptFile) -> FileEntry {
    FileEntry {
        id: NativeId::new("kept"),
        version: None,
        name: file.name.clone(),
        mime: file.mime.clone(),
        size: file.content.len() as u64,
        form: FileForm::Whole,
    }
}

/// Returns what brings files back. The side that lost them must be writable; the other one follows as far
/// as the mailbox may write it.
///
/// # Errors
/// Returns why they are left.
pub fn files_back(
    now: &Listing,
    writable: PerSide<bool>,
    wished: &[Wished],
) -> Result<Vec<Back>, FilesLeft> {
    let mut moves = Vec::new();
    for one in wished {
        for side in [one.side, one.side.other()] {
            if *one.held.get(side) {
                continue;
            }
            if !*writable.get(side) {
                match side == one.side {
                    true => return Err(FilesLeft::Closed(side)),
                    false => continue,
                }
            }
            let mut named = now.get(side).iter().filter(|file| file.name == one.file.name);
            let there = named.next();
            if there.is_some() != one.file.replaced || named.next().is_some() {
                return Err(FilesLeft::Changed(side));
            }
            moves.extend(there.map(|file| Back::Remove(side, file.clone())));
            moves.push(Back::Add(side, one.file.clone()));
        }
    }
    moves.sort_by_key(|one| matches!(one, Back::Add(..)));
    if moves.is_empty() { Err(FilesLeft::Same) } else { Ok(moves) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(replaced: bool) -> KeptFile {
        let (name, mime) = ("offer.txt".to_owned(), String::new());
        KeptFile { name, mime, replaced, content: b"first".to_vec() }
    }

    fn wished(replaced: bool, held: bool) -> [Wished; 1] {
        let held = PerSide { dynamics: held, exchange: held };
        [Wished { side: Side::Exchange, file: kept(replaced), held }]
    }

    fn listing(dynamics: usize, exchange: usize) -> Listing {
        PerSide {
            dynamics: vec![entry(&kept(false)); dynamics],
            exchange: vec![entry(&kept(false)); exchange],
        }
    }

    #[test]
    fn ops_02_a_removed_file_comes_back_and_a_replacement_goes() {
        // On both sides, on the one that may be written, on neither when it is there.
        let both = PerSide { dynamics: true, exchange: true };
        let add = |side, replaced| Back::Add(side, kept(replaced));
        let sides = [Side::Exchange, Side::Dynamics];
        let back = files_back(&listing(0, 0), both, &wished(false, false));
        assert_eq!(back, Ok(sides.map(|side| add(side, false)).to_vec()));
        let back = files_back(&listing(1, 1), both, &wished(true, false)).unwrap();
        let gone = sides.map(|side| Back::Remove(side, entry(&kept(false))));
        assert_eq!(back, [gone.to_vec(), sides.map(|side| add(side, true)).to_vec()].concat());
        let half = PerSide { dynamics: false, exchange: true };
        let back = files_back(&listing(0, 0), half, &wished(false, false));
        assert_eq!(back, Ok(vec![add(Side::Exchange, false)]));
        assert_eq!(files_back(&listing(1, 1), both, &wished(false, true)), Err(FilesLeft::Same));
        let half = PerSide { dynamics: true, exchange: false };
        let closed = files_back(&listing(0, 0), half, &wished(false, false));
        assert_eq!(closed, Err(FilesLeft::Closed(Side::Exchange)));
    }

    #[test]
    fn ops_02_a_file_that_somebody_put_or_took_since_is_left() {
        // One of that name where none is expected, none where one is, or two.
        let both = PerSide { dynamics: true, exchange: true };
        for (replaced, now, side) in [
            (false, listing(0, 1), Side::Exchange),
            (false, listing(1, 0), Side::Dynamics),
            (true, listing(1, 0), Side::Exchange),
            (true, listing(2, 1), Side::Dynamics),
        ] {
            let back = files_back(&now, both, &wished(replaced, false));
            assert_eq!(back, Err(FilesLeft::Changed(side)), "{replaced} {now:?}");
        }
    }
}
