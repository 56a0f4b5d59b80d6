//! Conditions on rows: what `$filter` and FetchXML have in common.
//!
//! Relative dates and the caller are resolved before; a condition only looks at one row.

use std::cmp::Ordering;

use uuid::Uuid;

use super::fetch::fiscal::quarter_of;
use super::store::Row;
use super::value::{Cell, fold};

/// A tree of conditions.
#[derive(Debug, Clone)]
pub(super) enum Cond {
    And(Vec<Cond>),
    Or(Vec<Cond>),
    Not(Box<Cond>),
    Test(usize, Op),
}

/// What is asked of one column.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Eq(Cell),
    Ne(Cell),
    Lt(Cell),
    Le(Cell),
    Gt(Cell),
    Ge(Cell),
    Null,
    NotNull,
    In(Vec<Cell>),
    NotIn(Vec<Cell>),
    Like(Vec<char>),
    NotLike(Vec<char>),
    Between(Cell, Cell),
    NotBetween(Cell, Cell),
    /// From the first (included) to the second (not included).
    Within(Cell, Cell),
    /// In this quarter of whatever year.
    Quarter(u32),
}

impl Cond {
    /// Tells whether the row fulfils the condition.
    pub(super) fn holds(&self, row: &Row) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Test(column, op) => op.holds(row.get(*column)),
        }
    }

    /// The id that a column must equal for any row to match, if the condition says so.
    pub(super) fn pinned(&self, wanted: usize) -> Option<Uuid> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.pinned(wanted)),
            Self::Test(column, Op::Eq(cell)) if *column == wanted => cell.uuid(),
            Self::Or(parts) if parts.len() == 1 => parts.first()?.pinned(wanted),
            Self::Or(_) | Self::Not(_) | Self::Test(..) => None,
        }
    }

    /// The ids of which a column must have one for any row to match, if the condition lists them.
    pub(super) fn listed(&self, wanted: usize) -> Option<Vec<Uuid>> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.listed(wanted)),
            Self::Test(column, Op::In(cells)) if *column == wanted => {
                cells.iter().map(Cell::uuid).collect()
            }
            Self::Or(parts) if parts.len() == 1 => parts.first()?.listed(wanted),
            Self::Or(_) | Self::Not(_) | Self::Test(..) => None,
        }
    }

    /// All tests, when nothing but "and" joins them.
    pub(super) fn conjuncts(&self) -> Option<Vec<(usize, &Op)>> {
        match self {
            Self::And(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(part.conjuncts()?);
                }
                Some(all)
            }
            Self::Or(parts) if parts.len() == 1 => parts.first()?.conjuncts(),
            Self::Test(column, op) => Some(vec![(*column, op)]),
            Self::Or(_) | Self::Not(_) => None,
        }
    }
}

impl Op {
    fn holds(&self, cell: Option<&Cell>) -> bool {
        use Ordering::{Equal, Greater, Less};
        let Some(cell) = cell else {
            // The negative operators also find rows without a value.
            return matches!(self, Self::Null | Self::Ne(_) | Self::NotIn(_) | Self::NotLike(_));
        };
        let is = |other: &Cell, wanted: &[Ordering]| {
            cell.order(other).is_some_and(|found| wanted.contains(&found))
        };
        match self {
            Self::Eq(other) => is(other, &[Equal]),
            Self::Ne(other) => !is(other, &[Equal]),
            Self::Lt(other) => is(other, &[Less]),
            Self::Le(other) => is(other, &[Less, Equal]),
            Self::Gt(other) => is(other, &[Greater]),
            Self::Ge(other) => is(other, &[Greater, Equal]),
            Self::Null => false,
            Self::NotNull => true,
            Self::In(list) => list.iter().any(|other| is(other, &[Equal])),
            Self::NotIn(list) => !list.iter().any(|other| is(other, &[Equal])),
            Self::Like(pattern) => cell.str().is_some_and(|text| like(text, pattern)),
            Self::NotLike(pattern) => cell.str().is_some_and(|text| !like(text, pattern)),
            Self::Between(low, high) => is(low, &[Greater, Equal]) && is(high, &[Less, Equal]),
            Self::NotBetween(low, high) => is(low, &[Less]) || is(high, &[Greater]),
            Self::Within(from, to) => is(from, &[Greater, Equal]) && is(to, &[Less]),
            Self::Quarter(number) => cell.day().is_some_and(|day| quarter_of(day) == *number),
        }
    }
}

/// Makes a pattern of a LIKE text; `%` and `_` are the wildcards.
pub(super) fn pattern(text: &str) -> Vec<char> {
    fold(text).collect()
}

/// Makes a pattern that takes its text literally between open or closed ends.
pub(super) fn literal_pattern(text: &str, open_start: bool, open_end: bool) -> Vec<char> {
    let start = open_start.then_some('%');
    let end = open_end.then_some('%');
    let escaped = fold(text).map(|c| if c == '%' || c == '_' { escape(c) } else { c });
    start.into_iter().chain(escaped).chain(end).collect()
}

/// Literal wildcards travel as private-use characters.
fn escape(c: char) -> char {
    if c == '%' { '\u{e025}' } else { '\u{e05f}' }
}

fn like(text: &str, pattern: &[char]) -> bool {
    let text: Vec<char> = fold(text).collect();
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('%') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(c) if same(*c, text[t]) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = back else { return false };
                back = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}

fn same(pattern: char, c: char) -> bool {
    match pattern {
        '_' => true,
        '\u{e025}' => c == '%',
        '\u{e05f}' => c == '_',
        other => other == c,
    }
}
