//! Identifiers as types of their own: no bare `String` or `Uuid` id crosses a module.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the text as it came from the wire; compared exactly. Clones share the text.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id!(
    /// The id an item has on its own side: a row's guid in Dataverse, an immutable id in Graph.
    /// Case-sensitive (Graph: outlook-immutable-id).
    NativeId
);
text_id!(
    /// The version of an item on its own side: `versionnumber` in Dataverse, the etag in Graph.
    Version
);
text_id!(
    /// The identity a meeting has in every mailbox: `iCalUId` / `globalobjectid` (APPT-IN-11).
    GlobalId
);
uuid_id!(
    /// A `systemuser` of Dataverse.
    UserId
);
uuid_id!(
    /// One link between an item here and an item there. It is the guid of a row that Lockstep
    /// creates, the `transactionId` of an event and the marker on the item (architecture §2).
    LinkId
);

uuid_id!(
    /// One cycle: what it decided and overwrote carries it.
    CycleId
);

/// The name of one tenant: `[a-z0-9-]{1,63}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Wraps a validated name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One mailbox of one tenant. Everything that is stored or scheduled hangs on this key, so that
/// no id of one tenant is ever looked up in another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailboxKey {
    /// The tenant.
    pub tenant: TenantId,
    /// `mailbox.mailboxid` in Dataverse.
    pub mailbox: Uuid,
}

impl fmt::Display for MailboxKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.mailbox)
    }
}

/// An e-mail address, lower case, without surrounding space.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address(Box<str>);

impl Address {
    /// Returns the address in its comparable form, or nothing when the text holds no `@`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        trimmed.contains('@').then(|| Self(trimmed.to_lowercase().into_boxed_str()))
    }

    /// Returns the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address is personal data: it never reaches a log by accident.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(***)")
    }
}

/// The epoch of an ownership; a commit that carries an older one is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fence(pub u64);
