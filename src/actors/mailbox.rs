//! One mailbox: its phase, its timer, its place on the board.

mod asked;
mod doubt;
mod look;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, SpawnHandle};
use uuid::Uuid;

use self::asked::Asked;
use self::doubt::Doubt;
use super::fair::Lane;
use super::messages::{
    CycleEnded, Ended, Hold, MailboxDied, MailboxSpec, Order, Stop, TenantRefused,
};
use super::phase::{Effect, Event, Pace, Phase};
use super::runtime::TenantRuntime;
use super::tenant::TenantSupervisor;
use crate::cluster::ownership::WRITE;
use crate::cycle::{CycleEnd, CycleReport, Left};
use crate::domain::code::Code;
use crate::domain::policy::Mailbox;
use crate::domain::side::Side;
use crate::ports::error::Disposition;

/// The wait after a cycle that the store or a far side ended.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Decides when the cycles of one mailbox run.
pub struct MailboxActor {
    mailbox: Arc<Mailbox>,
    runtime: Arc<TenantRuntime>,
    phase: Phase,
    /// What operators ask.
    asked: Asked,
    /// What the last cycle left behind. A rest is gone with anybody's word that there is more to see.
    left: Option<Left>,
    delay: Duration,
    timer: Option<SpawnHandle>,
    /// It looks soon, whatever else it waits for, unless a cycle begins before.
    look: Option<SpawnHandle>,
    /// The last cycle found that nothing of the tenant works, and the supervisor was told.
    refused: bool,
    /// It waits with its tenant.
    held: bool,
    /// What became of the last cycle when the mailbox was not surely this node's.
    doubt: Doubt,
    /// What its next cycle is for; the store says it before the first.
    lane: Option<Lane>,
    /// Cycles in a row that found nothing.
    quiet: u32,
    /// Tells the supervisor however this actor ends.
    guard: Guard,
}

/// Reports the end of the actor; also runs when a panic unwinds its task.
struct Guard {
    mailbox: Uuid,
    parent: Addr<TenantSupervisor>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let died = MailboxDied { mailbox: self.mailbox, panicked: std::thread::panicking() };
        // A full or closed supervisor finds out at its next roll call.
        let _ = self.parent.try_send(died);
    }
}

impl MailboxActor {
    /// Builds the actor.
    #[must_use]
    pub fn new(
        spec: MailboxSpec,
        runtime: Arc<TenantRuntime>,
        parent: Addr<TenantSupervisor>,
    ) -> Self {
        let guard = Guard { mailbox: spec.mailbox.key.mailbox, parent };
        Self {
            mailbox: spec.mailbox,
            runtime,
            phase: Phase::Idle,
            asked: Asked::default(),
            left: None,
            delay: spec.delay,
            timer: None,
            look: None,
            refused: false,
            held: false,
            doubt: Doubt::None,
            lane: None,
            quiet: 0,
            guard,
        }
    }

    fn on(&mut self, event: Event, context: &mut Context<Self>) {
        let sweep = self.runtime.sweep_of(self.mailbox.key.mailbox, self.quiet);
        let (phase, effect) = self.phase.on(event, &Pace { sweep, ..self.runtime.pace });
        self.phase = phase;
        self.runtime.board.phase(self.mailbox.key.mailbox, phase);
        match effect {
            Effect::None => {}
            Effect::Start => self.start(context),
            Effect::Timer(wait) => self.wait(jittered(wait), context),
            Effect::Hold => {
                self.held = true;
                self.stop_timer(context);
            }
        }
    }

    fn stop_timer(&mut self, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
    }

    /// Tells the supervisor when nothing of the tenant works, and when that is over. What a full
    /// supervisor does not take in is told after the next cycle.
    fn tell_tenant(&mut self, ended: &Ended) {
        let code = match ended {
            Ended::End(CycleEnd::Side(_, error)) => match error.disposition() {
                Disposition::Fatal(code) => Some(code),
                Disposition::Retry { .. }
                | Disposition::Reauthenticate
                | Disposition::Resync
                | Disposition::Park(_) => None,
            },
            Ended::End(
                CycleEnd::Store(_)
                | CycleEnd::Halted(_)
                | CycleEnd::Stuck
                | CycleEnd::InDoubt
                | CycleEnd::HandedOver,
            )
            | Ended::Report(_)
            | Ended::Panicked => None,
        };
        if code.is_some() || self.refused {
            let told = TenantRefused { mailbox: self.mailbox.key.mailbox, code };
            let heard = self.guard.parent.try_send(told).is_ok();
            self.refused = code.is_some() || !heard;
        }
    }

    /// The cycle runs on the I/O runtime; only its end comes back as a message.
    fn start(&mut self, context: &mut Context<Self>) {
        self.stop_timer(context);
        self.looks(context);
        let orders = self.asked.give();
        let left = self.left.take();
        if !self.begins() {
            return context.notify(CycleEnded(Ended::End(CycleEnd::InDoubt), left, None));
        }
        let (runtime, mailbox, known) = (self.runtime.clone(), self.mailbox.clone(), self.lane);
        let me = context.address();
        self.runtime.io.spawn(async move {
            let lane = match known {
                Some(lane) => Some(lane),
                None => runtime.lane_of(&mailbox.key).await,
            };
            // What ails the store it tells the cycle as well; then it is asked again.
            let first = lane.unwrap_or(Lane::Changes);
            let (ended, left) = runtime.cycle_from(mailbox, orders, left, first).await;
            // An actor that is gone needs no answer.
            let _ = me.send(CycleEnded(ended, left, lane)).await;
        });
    }

    fn wait(&mut self, wait: Duration, context: &mut Context<Self>) {
        self.stop_timer(context);
        self.timer = Some(context.run_later(wait, |me, context| {
            me.timer = None;
            me.on(Event::Timer, context);
        }));
    }

    fn keep_orders(&mut self, ended: &Ended) {
        let id = self.mailbox.key.mailbox;
        match ended {
            Ended::Report(_) => {
                self.asked.carried_out();
                self.runtime.board.halted(id, None);
            }
            Ended::End(CycleEnd::Halted(halt)) => {
                self.asked.halted(&halt.stakes);
                self.runtime.board.halted(id, Some(halt));
            }
            Ended::End(
                CycleEnd::Side(..)
                | CycleEnd::Store(_)
                | CycleEnd::Stuck
                | CycleEnd::InDoubt
                | CycleEnd::HandedOver,
            )
            | Ended::Panicked => self.asked.put_off(),
        }
    }

    const fn runs(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    fn ended(&mut self, ended: Ended) -> Event {
        self.keep_orders(&ended);
        self.tell_tenant(&ended);
        match ended {
            Ended::Report(report) => self.reported(*report),
            // No failure of the mailbox's: who owns it next goes on from what is stored.
            Ended::End(end @ (CycleEnd::InDoubt | CycleEnd::HandedOver)) => {
                tracing::debug!(lockstep.code = end.code().as_str(), "the cycle was left");
                let (id, now) = (self.mailbox.key.mailbox, self.runtime.deps.clock.now());
                self.runtime.board.ended(id, now, end.code());
                self.left()
            }
            Ended::End(end) => {
                let id = self.mailbox.key.mailbox;
                tracing::warn!(
                    lockstep.tenant = self.runtime.options.tenant.as_str(),
                    lockstep.mailbox = %id,
                    lockstep.code = end.code().as_str(),
                    error = %end,
                    "the cycle ended early"
                );
                self.runtime.board.ended(id, self.runtime.deps.clock.now(), end.code());
                event_of(&end)
            }
            Ended::Panicked => {
                let now = self.runtime.deps.clock.now();
                self.runtime.board.ended(self.mailbox.key.mailbox, now, Code::CyclePanicked);
                // What it had on its way has landed by then, or never will.
                Event::Failed { after: WRITE, code: Code::CyclePanicked }
            }
        }
    }

    fn reported(&mut self, report: CycleReport) -> Event {
        let wrote = Side::BOTH.into_iter().any(|side| *report.done.get(side) > 0);
        let unsettled = report.soon;
        self.lane = Some(Lane::Changes);
        self.quiet = if report.is_quiet() && !unsettled { self.quiet.saturating_add(1) } else { 0 };
        self.runtime.board.report(&report);
        // Nobody listening is fine.
        let _ = self.runtime.reports.send(Arc::new(report));
        Event::Done { unsettled, wrote }
    }
}

/// Translates the end of a cycle by its disposition, in this one place.
fn event_of(end: &CycleEnd) -> Event {
    let code = end.code();
    match end {
        CycleEnd::Halted(_) => Event::Halt(code),
        CycleEnd::InDoubt | CycleEnd::HandedOver => Event::Left { soon: false },
        CycleEnd::Store(_) => Event::Failed { after: SHORT_WAIT, code },
        CycleEnd::Stuck => Event::Failed { after: WRITE, code },
        CycleEnd::Side(_, error) => match error.disposition() {
            Disposition::Retry { after } => Event::Failed { after, code },
            // The session got a new token and the adapter restarted the feed, once; what still
            // comes up here does so again in the next cycle. A fatal end stops the tenant beside
            // this (`tell_tenant`); the mailbox that is told nothing is its probe.
            Disposition::Reauthenticate | Disposition::Resync | Disposition::Fatal(_) => {
                Event::Failed { after: SHORT_WAIT, code }
            }
            Disposition::Park(code) => Event::Park(code),
        },
    }
}

/// Up to a tenth more, so that mailboxes that waited together do not start together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(1.0 + fastrand::f64() / 10.0)
}

impl Actor for MailboxActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        // Its predecessor may have left another phase behind.
        self.runtime.board.phase(self.mailbox.key.mailbox, self.phase);
        self.wait(self.delay, context);
    }
}

impl Handler<Hold> for MailboxActor {
    type Result = ();

    fn handle(&mut self, hold: Hold, context: &mut Self::Context) {
        match hold.0 {
            Some(code) => {
                self.left = None;
                self.on(Event::Hold(code), context);
            }
            None if self.held => {
                self.held = false;
                self.left = None;
                self.on(Event::Release, context);
            }
            None => {}
        }
    }
}

impl Handler<Order> for MailboxActor {
    type Result = ();

    fn handle(&mut self, order: Order, context: &mut Self::Context) {
        self.left = None;
        match order {
            Order::Release { with_brakes, plan } => {
                self.asked.release(!self.runs(), with_brakes, plan.as_deref());
                self.on(Event::Release, context);
            }
            Order::Retry(item) => {
                self.asked.retry(item);
                self.on(Event::Wake, context);
            }
            Order::Sync(waiter) => {
                // The cycle that runs may have read before what is waited for was written.
                let cycles = if self.runs() { 2 } else { 1 };
                self.on(Event::Wake, context);
                self.asked.wait(cycles, waiter);
                if !self.runs() {
                    self.asked.tell(false);
                }
            }
        }
    }
}

impl Handler<CycleEnded> for MailboxActor {
    type Result = ();

    fn handle(&mut self, message: CycleEnded, context: &mut Self::Context) {
        // A wake-up or release that came meanwhile wants to be looked at in full.
        let undisturbed =
            self.look.is_none() && matches!(self.phase, Phase::Running { dirty: false, .. });
        self.left = message.1.and_then(|left| if undisturbed { Some(left) } else { left.woken() });
        // What the store said holds until a cycle reports, however many fail before.
        self.lane = self.lane.or(message.2);
        let event = self.ended(message.0);
        self.on(event, context);
        self.asked.tell(self.runs());
    }
}

impl Handler<Stop> for MailboxActor {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Self::Context) {
        context.stop();
    }
}
