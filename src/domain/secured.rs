//! Column security: what a user may do with the columns that an organization secured (FLD-04).

use std::collections::HashMap;

use super::field::Field;
use super::kind::Kind;

/// What a user may do with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// See its value; else every row shows nothing there.
    pub read: bool,
    /// Give it a value in a new row.
    pub create: bool,
    /// Change its value.
    pub update: bool,
}

/// The columns with which a user may not do everything. A field not named is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secured(HashMap<(Kind, Field), Access>);

impl Access {
    /// Everything.
    pub const OPEN: Self = Self { read: true, create: true, update: true };

    /// Returns what both allow.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            read: self.read && other.read,
            create: self.create && other.create,
            update: self.update && other.update,
        }
    }
}

impl Secured {
    /// Returns what the user may do with a field.
    #[must_use]
    pub fn of(&self, kind: Kind, field: Field) -> Access {
        self.0.get(&(kind, field)).copied().unwrap_or(Access::OPEN)
    }

    /// Narrows what the user may do with a field: a street has three columns.
    pub fn narrow(&mut self, kind: Kind, field: Field, access: Access) {
        if access != Access::OPEN {
            let one = self.0.entry((kind, field)).or_insert(Access::OPEN);
            *one = one.and(access);
        }
    }

    /// Returns how many fields of a kind are not open to the user.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.0.keys().filter(|(one, _)| *one == kind).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fld_04_a_field_of_several_columns_is_as_closed_as_the_most_closed_of_them() {
        // Reading is lost by one line of a street, changing by another; what is open stays unnamed.
        let mut secured = Secured::default();
        secured.narrow(Kind::Contact, Field::Street1, Access { read: false, ..Access::OPEN });
        secured.narrow(Kind::Contact, Field::Street1, Access { update: false, ..Access::OPEN });
        secured.narrow(Kind::Contact, Field::City1, Access::OPEN);
        let street = secured.of(Kind::Contact, Field::Street1);
        assert_eq!(street, Access { read: false, create: true, update: false });
        assert_eq!(secured.of(Kind::Contact, Field::City1), Access::OPEN);
        assert_eq!(secured.of(Kind::Task, Field::Street1), Access::OPEN);
        assert_eq!((secured.count(Kind::Contact), secured.count(Kind::Task)), (1, 0));
    }
}
