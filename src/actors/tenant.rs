//! One tenant: reads its profile, starts and stops its mailboxes, respawns those that died.

mod look;
mod sure;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler};
use futures_util::FutureExt;
use uuid::Uuid;

use super::mailbox::MailboxActor;
use super::messages::{
    Hold, MailboxDied, MailboxSpec, OwnershipMoved, ProfileRead, Stop, StopTenant, TenantRefused,
    ToMailbox, Wake, WakeMailbox,
};
use super::runtime::TenantRuntime;
use crate::cluster::ownership::Tidings;
use crate::domain::code::Code;
use crate::domain::ids::Fence;
use crate::domain::policy::Mailbox;

/// How often the profile is read again: settings, mailbox records and users change by hand.
const PROFILE_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// The wait before a failed read of the profile is repeated.
const PROFILE_RETRY: Duration = Duration::from_secs(15);
/// Mailboxes start this far apart where they are few; what many ask at once is bounded by the slots.
const START_SPACING: Duration = Duration::from_millis(2);
/// All mailboxes that come together start within this time: a dead node's work waits already.
const START_SPAN: Duration = Duration::from_millis(250);
/// Respawns of one mailbox between two readings of the profile, before it is left alone.
const RESPAWNS: u32 = 3;
/// Messages a supervisor takes in at once: every child may report its end together.
const CAPACITY: usize = 4_096;
/// What operators read when reading the profile panicked.
const PANICKED: &str = "reading the profile panicked; this is a defect of Lockstep";

/// Supervises the mailboxes of one tenant.
pub struct TenantSupervisor {
    runtime: Arc<TenantRuntime>,
    children: HashMap<Uuid, Child>,
    /// The mailbox that finds out when the tenant works again, while nothing of it does.
    probe: Option<Uuid>,
    /// What was last heard of the ownership.
    heard: Tidings,
    /// Hears of changes of the ownership, as long as this supervisor lives.
    listener: Option<tokio::task::JoinHandle<()>>,
}

struct Child {
    mailbox: Arc<Mailbox>,
    address: Addr<MailboxActor>,
    respawns: u32,
    /// The fence of its shard when it was last told that it is sure.
    sure: Option<Fence>,
}

impl TenantSupervisor {
    /// Builds the supervisor.
    #[must_use]
    pub fn new(runtime: Arc<TenantRuntime>) -> Self {
        let (children, heard) = (HashMap::new(), *runtime.ownership.tidings().borrow());
        Self { runtime, children, probe: None, heard, listener: None }
    }

    fn read_profile(&self, context: &mut Context<Self>) {
        let runtime = self.runtime.clone();
        let me = context.address();
        self.runtime.io.spawn(async move {
            let read = AssertUnwindSafe(runtime.read_profile()).catch_unwind().await;
            let read = match read {
                Ok(read) => read.map(Box::new).map_err(|error| (error.code(), error.to_string())),
                // Without an answer the profile would never be read again.
                Err(_panic) => Err((Code::AnswerUnreadable, PANICKED.to_owned())),
            };
            let _ = me.send(ProfileRead(read)).await;
        });
    }

    fn again_in(wait: Duration, context: &mut Context<Self>) {
        context.run_later(wait, |me, context| me.read_profile(context));
    }

    /// Passes on what is heard of the ownership. A message waits for the answer to the one before, so
    /// that changes in a row are heard of once.
    fn listen(&mut self, context: &mut Context<Self>) {
        let (mut tidings, me) = (self.runtime.ownership.tidings(), context.address());
        self.listener = Some(self.runtime.io.spawn(async move {
            while tidings.changed().await.is_ok() {
                let news = *tidings.borrow_and_update();
                if me.send(OwnershipMoved(news)).await.is_err() {
                    return;
                }
            }
        }));
    }

    /// Makes the children equal to the mailboxes of the roster that this node owns. At a roll call
    /// those that died too often are tried again.
    fn enrol(&mut self, roll_call: bool, context: &mut Context<Self>) {
        let runtime = self.runtime.clone();
        let mailboxes = runtime.own_mailboxes();
        let wanted: HashMap<Uuid, &Arc<Mailbox>> =
            mailboxes.iter().map(|mailbox| (mailbox.key.mailbox, mailbox)).collect();
        self.children.retain(|id, child| {
            let stays = wanted.get(id).is_some_and(|mailbox| **mailbox == child.mailbox);
            if !stays {
                let _ = child.address.try_send(Stop);
                runtime.tell_leaving(&child.mailbox);
            }
            stays
        });
        let mut newcomers = Vec::new();
        for (id, mailbox) in wanted {
            if let Some(child) = self.children.get_mut(&id) {
                if roll_call {
                    child.respawns = 0;
                }
                if !roll_call || child.address.connected() {
                    continue;
                }
            }
            newcomers.push(mailbox.clone());
        }
        let count = u32::try_from(newcomers.len()).unwrap_or(u32::MAX);
        let spacing = START_SPACING.min(START_SPAN / count.max(1));
        let delays = std::iter::successors(Some(spacing), |delay| Some(*delay + spacing));
        for (mailbox, delay) in newcomers.into_iter().zip(delays) {
            self.spawn(MailboxSpec { mailbox, delay }, 0, context);
        }
        if self.probe.is_some_and(|probe| !self.children.contains_key(&probe)) {
            self.resume();
        }
    }

    /// Nothing of the tenant works: all its mailboxes wait, but for the one that found it out first.
    fn hold(&mut self, mailbox: Uuid, code: Code) {
        match self.probe {
            Some(probe) if probe == mailbox => {}
            Some(_) => {
                if let Some(child) = self.children.get(&mailbox) {
                    let _ = child.address.try_send(Hold(Some(code)));
                }
            }
            None => {
                tracing::error!(
                    lockstep.tenant = self.runtime.options.tenant.as_str(),
                    lockstep.code = code.as_str(),
                    "nothing of this tenant works; one of its mailboxes goes on asking"
                );
                self.probe = Some(mailbox);
                for (_, child) in self.children.iter().filter(|(id, _)| **id != mailbox) {
                    let _ = child.address.try_send(Hold(Some(code)));
                }
            }
        }
    }

    /// All mailboxes that waited go on.
    fn resume(&mut self) {
        if self.probe.take().is_some() {
            for child in self.children.values() {
                let _ = child.address.try_send(Hold(None));
            }
        }
    }

    fn spawn(&mut self, spec: MailboxSpec, respawns: u32, context: &mut Context<Self>) {
        let (id, mailbox) = (spec.mailbox.key.mailbox, spec.mailbox.clone());
        let actor = MailboxActor::new(spec, self.runtime.clone(), context.address());
        let child = Child { mailbox, address: actor.start(), respawns, sure: None };
        self.children.insert(id, child);
    }

    fn failed(&self, code: Code, reason: String) {
        let tenant = self.runtime.options.tenant.as_str();
        tracing::warn!(
            lockstep.tenant = tenant,
            lockstep.code = code.as_str(),
            error = reason,
            "the organization's profile cannot be read"
        );
        self.runtime.board.profile(self.runtime.deps.clock.now(), Some((code, reason)));
    }
}

impl Actor for TenantSupervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(CAPACITY);
        self.listen(context);
        self.read_profile(context);
    }
}

impl Handler<ProfileRead> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, message: ProfileRead, context: &mut Self::Context) {
        let profile = match message.0 {
            Ok(profile) => profile,
            Err((code, reason)) => {
                self.failed(code, reason);
                return Self::again_in(PROFILE_RETRY, context);
            }
        };
        // The store is asked; its answer returns here before anything is enrolled.
        let runtime = self.runtime.clone();
        let (send, receive) = tokio::sync::oneshot::channel();
        self.runtime.io.spawn(async move {
            let _ = send.send(runtime.adopt(&profile).await);
        });
        let answer = actix::fut::wrap_future::<_, Self>(receive);
        context.spawn(actix::fut::ActorFutureExt::map(
            answer,
            |roster, me, context| match roster {
                Ok(Ok(roster)) => {
                    me.runtime.board.profile(me.runtime.deps.clock.now(), None);
                    me.enrol(true, context);
                    if let Some(freshness) = me.runtime.freshness() {
                        let mailboxes = roster.mailboxes().cloned();
                        freshness.adopt(mailboxes, &roster.view.key, &me.runtime.io);
                    }
                    let runtime = me.runtime.clone();
                    let keys =
                        me.children.values().map(|child| child.mailbox.key.clone()).collect();
                    me.runtime.io.spawn(async move { runtime.prune(keys).await });
                    Self::again_in(PROFILE_INTERVAL, context);
                }
                Ok(Err(error)) => {
                    me.failed(error.code(), error.to_string());
                    Self::again_in(PROFILE_RETRY, context);
                }
                Err(_closed) => Self::again_in(PROFILE_RETRY, context),
            },
        ));
    }
}

impl Handler<OwnershipMoved> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, message: OwnershipMoved, context: &mut Self::Context) {
        let OwnershipMoved(news) = message;
        let regained = news.regained > self.heard.regained;
        if news.losses > self.heard.losses {
            let runtime = self.runtime.clone();
            self.runtime.io.spawn(async move { runtime.tell_again().await });
        }
        self.heard = news;
        self.enrol(false, context);
        self.assure(regained);
    }
}

impl Handler<MailboxDied> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, died: MailboxDied, context: &mut Self::Context) {
        // An actor that was replaced reports its end late; its successor is alive.
        let Some(child) = self.children.get(&died.mailbox) else { return };
        if child.address.connected() {
            return;
        }
        let (mailbox, respawns) = (child.mailbox.clone(), child.respawns + 1);
        if self.probe == Some(died.mailbox) {
            // Its successor knows of nothing that it could take back.
            self.resume();
        }
        if respawns > RESPAWNS {
            let phase = super::phase::Phase::Parked(Code::MailboxParked);
            self.runtime.board.phase(died.mailbox, phase);
            return;
        }
        let delay = self.runtime.pace.backoff.saturating_mul(1 << respawns.min(8));
        self.spawn(MailboxSpec { mailbox, delay }, respawns, context);
    }
}

impl Handler<TenantRefused> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, told: TenantRefused, _: &mut Self::Context) {
        match told.code {
            Some(code) => self.hold(told.mailbox, code),
            None => self.resume(),
        }
    }
}

impl Handler<WakeMailbox> for TenantSupervisor {
    type Result = bool;

    fn handle(&mut self, message: WakeMailbox, _: &mut Self::Context) -> bool {
        match message.0 {
            Some(id) => {
                self.children.get(&id).is_some_and(|child| child.address.try_send(Wake).is_ok())
            }
            None => {
                for child in self.children.values() {
                    let _ = child.address.try_send(Wake);
                }
                true
            }
        }
    }
}

impl Handler<ToMailbox> for TenantSupervisor {
    type Result = bool;

    fn handle(&mut self, message: ToMailbox, _: &mut Self::Context) -> bool {
        let child = self.children.get(&message.mailbox);
        child.is_some_and(|child| child.address.try_send(message.order).is_ok())
    }
}

impl Handler<StopTenant> for TenantSupervisor {
    type Result = ();

    fn handle(&mut self, _: StopTenant, context: &mut Self::Context) {
        context.stop();
    }
}

/// Runs however the supervisor ends, by `StopTenant` or by a panic: no child outlives it.
impl Drop for TenantSupervisor {
    fn drop(&mut self) {
        self.runtime.close();
        if let Some(listener) = &self.listener {
            listener.abort();
        }
        for child in self.children.values() {
            // A child that does not hear it gets no cycle from a closed runtime.
            let _ = child.address.try_send(Stop);
        }
    }
}
