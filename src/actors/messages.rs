//! The messages between actors.

use std::sync::Arc;

use actix::Message;
use uuid::Uuid;

use super::fair::Lane;
use crate::cycle::{CycleEnd, CycleReport, Left};
use crate::domain::code::Code;
use crate::domain::ids::LinkId;
use crate::domain::policy::Mailbox;
use crate::ports::organization::Profile;
use crate::ports::wake::Heard;

macro_rules! message {
    ($name:ty => $result:ty) => {
        impl Message for $name {
            type Result = $result;
        }
    };
}

/// To a mailbox: something changed, look soon.
#[derive(Debug, Clone, Copy)]
pub struct Wake;
message!(Wake => ());

/// To a mailbox: something may have changed, look within this time.
#[derive(Debug, Clone, Copy)]
pub struct Look(pub std::time::Duration);
message!(Look => ());

/// To a mailbox: what an operator wants of it.
#[derive(Debug)]
pub enum Order {
    /// Lets the plan of a halt pass, or retries a parked mailbox and all its parked items.
    Release {
        /// Plan anew, with brakes: nothing that halted passes.
        with_brakes: bool,
        /// Only the halted plan of this digest passes.
        plan: Option<String>,
    },
    /// Tries a parked item again in a cycle that starts now.
    Retry(LinkId),
    /// Starts a cycle now (SCH-03) and says when it ended, or at once when none will start soon.
    Sync(tokio::sync::oneshot::Sender<()>),
}
message!(Order => ());

/// To a mailbox: wait with the tenant, of which nothing works for this reason; without one, go on.
#[derive(Debug, Clone, Copy)]
pub struct Hold(pub Option<Code>);
message!(Hold => ());

/// To a mailbox: it surely is this node's. When its last cycle was left in doubt it goes on, the more
/// gently the less it had begun, within this time at the latest; otherwise it waits on.
#[derive(Debug, Clone, Copy)]
pub struct Sure(pub std::time::Duration);
message!(Sure => ());

/// To a mailbox: no further cycle, the actor ends.
#[derive(Debug, Clone, Copy)]
pub struct Stop;
message!(Stop => ());

/// To a mailbox: its cycle ended, what it left to the next one, and the lane that the store named, if it did.
#[derive(Debug)]
pub struct CycleEnded(pub Ended, pub Option<Left>, pub Option<Lane>);
message!(CycleEnded => ());

/// How a cycle ended.
#[derive(Debug)]
pub enum Ended {
    /// With a commit.
    Report(Box<CycleReport>),
    /// Early.
    End(CycleEnd),
    /// By a panic, which was caught.
    Panicked,
}

/// To a tenant: one of its mailbox actors is gone.
#[derive(Debug, Clone, Copy)]
pub struct MailboxDied {
    /// The mailbox.
    pub mailbox: Uuid,
    /// A panic took it.
    pub panicked: bool,
}
message!(MailboxDied => ());

/// To a tenant: one of its mailboxes found that nothing of the tenant works, or, without a code,
/// that it no longer finds so.
#[derive(Debug, Clone, Copy)]
pub struct TenantRefused {
    /// The mailbox.
    pub mailbox: Uuid,
    /// Why nothing works.
    pub code: Option<Code>,
}
message!(TenantRefused => ());

/// To a tenant: its profile was read, or could not be.
#[derive(Debug)]
pub struct ProfileRead(pub Result<Box<Profile>, (Code, String)>);
message!(ProfileRead => ());

/// To a tenant: what this node owns changed, or it is sure of it again.
#[derive(Debug, Clone, Copy)]
pub struct OwnershipMoved(pub crate::cluster::ownership::Tidings);
message!(OwnershipMoved => ());

/// To a tenant: wake one mailbox, or all at once.
#[derive(Debug, Clone, Copy)]
pub struct WakeMailbox(pub Option<Uuid>);
message!(WakeMailbox => bool);

/// To a tenant: anything may have changed in any of its mailboxes. They look one by one, the more slowly
/// the more of this node do so at once: these, at least its own.
#[derive(Debug, Clone, Copy)]
pub struct LookAll(pub usize);
message!(LookAll => ());

/// To a tenant: an order for one mailbox.
#[derive(Debug)]
pub struct ToMailbox {
    /// The mailbox.
    pub mailbox: Uuid,
    /// The order.
    pub order: Order,
}
message!(ToMailbox => bool);

/// To a tenant: stop all mailboxes and end.
#[derive(Debug, Clone, Copy)]
pub struct StopTenant;
message!(StopTenant => ());

/// To the node: the tenants as the files say now. Files that are broken are not listed; their
/// last good version goes on.
#[derive(Debug, Clone)]
pub struct TenantsRead {
    /// Good files.
    pub tenants: Vec<super::node::TenantEntry>,
    /// Tenants whose file is there but broken; their last good version goes on.
    pub broken: Vec<String>,
}
message!(TenantsRead => ());

/// To the node: a command for one tenant.
#[derive(Debug, Clone)]
pub struct ToTenant<M> {
    /// The tenant's name.
    pub tenant: String,
    /// The command.
    pub command: M,
}
impl Message for ToTenant<WakeMailbox> {
    type Result = Option<bool>;
}
impl Message for ToTenant<ToMailbox> {
    type Result = Option<bool>;
}

/// To the node: stop everything, wait for running cycles.
#[derive(Debug, Clone, Copy)]
pub struct StopNode;
message!(StopNode => ());

/// To the node: what another node, or this one, told all of them.
#[derive(Debug, Clone)]
pub struct HintCame(pub Heard);
message!(HintCame => ());

/// What a mailbox actor is made of.
#[derive(Debug, Clone)]
pub struct MailboxSpec {
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// The first cycle starts after this long, so that a restart is no stampede.
    pub delay: std::time::Duration,
}
