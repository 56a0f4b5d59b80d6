//! What a sweep without news leaves behind (`ports::rest`): the digest of its answers, and the rows
//! that it watched, so that the next sweep asks the same without the store.

use uuid::Uuid;

use super::sweep::Row;
use crate::domain::kind::Kind;
use crate::ports::rest::SideRest;
use crate::ports::side::Known;

/// Bytes of the digest, and of a row: the place of its kind in `Kind::ALL`, then its guid.
const DIGEST: usize = 16;
const ROW: usize = 17;

/// A sweep at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SweepRest {
    /// Of the answers.
    pub(super) digest: u128,
    /// Known rows that no filter returned, and known series.
    pub(super) watched: Vec<Row>,
}

impl SweepRest {
    /// Returns the form in which it is kept.
    pub(super) fn write(&self) -> SideRest {
        let mut bytes = Vec::with_capacity(DIGEST + self.watched.len() * ROW);
        bytes.extend(self.digest.to_le_bytes());
        for (kind, id) in &self.watched {
            let place = Kind::ALL.iter().position(|one| one == kind);
            bytes.push(place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX));
            bytes.extend(id.as_bytes());
        }
        SideRest::new(bytes)
    }

    /// Reads that form; nothing when it is none.
    pub(super) fn read(rest: &SideRest) -> Option<Self> {
        let (digest, rows) = rest.bytes().split_first_chunk::<DIGEST>()?;
        let (rows, []) = rows.as_chunks::<ROW>() else { return None };
        let row = |[place, id @ ..]: &[u8; ROW]| {
            Some((*Kind::ALL.get(usize::from(*place))?, Uuid::from_bytes(*id)))
        };
        let watched = rows.iter().map(row).collect::<Option<_>>()?;
        Some(Self { digest: u128::from_le_bytes(*digest), watched })
    }
}

/// Returns the known rows that no filter is expected to return, and the known series, whose
/// exceptions are watched.
pub(super) fn watched(known: &[Known]) -> Vec<Row> {
    let series = |known: &&Known| known.kind == Kind::RecurringAppointment;
    let apart = known.iter().filter(|known| !known.expected || series(known));
    apart.filter_map(|known| Some((known.kind, Uuid::try_parse(known.id.as_str()).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_reads_back() {
        // Digest and rows of every kind come back; anything else is no rest.
        let watched = Kind::ALL.into_iter().zip((1..).map(Uuid::from_u128)).collect();
        let rest = SweepRest { digest: u128::MAX - 7, watched };
        assert_eq!(SweepRest::read(&rest.write()), Some(rest.clone()));
        let bytes = rest.write();
        assert_eq!(SweepRest::read(&SideRest::new(&bytes.bytes()[1..])), None);
        assert_eq!(SweepRest::read(&SideRest::new([])), None);
        let foreign = [&[0; DIGEST][..], &[99; ROW]].concat();
        assert_eq!(SweepRest::read(&SideRest::new(foreign)), None);
    }
}
