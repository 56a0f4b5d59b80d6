//! One mailbox: its phase, its timer, its place on the board.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, SpawnHandle};
use uuid::Uuid;

use super::messages::{CycleEnded, Ended, MailboxDied, MailboxSpec, Release, Stop, Wake};
use super::phase::{Effect, Event, Phase};
use super::runtime::TenantRuntime;
use super::tenant::TenantSupervisor;
use crate::cycle::{CycleEnd, CycleReport, Rest};
use crate::domain::code::Code;
use crate::domain::policy::Mailbox;
use crate::domain::side::Side;
use crate::ports::error::Disposition;

/// The wait after a cycle that panicked or lost its ownership.
const SHORT_WAIT: Duration = Duration::from_secs(5);

/// Decides when the cycles of one mailbox run.
pub struct MailboxActor {
    mailbox: Arc<Mailbox>,
    runtime: Arc<TenantRuntime>,
    phase: Phase,
    /// An operator released a halt; the next cycle's brakes let it pass.
    released: bool,
    /// What the last cycle left behind when it found nothing; gone with anybody's word that there
    /// is more to see.
    rest: Option<Box<Rest>>,
    delay: Duration,
    timer: Option<SpawnHandle>,
    /// Tells the supervisor however this actor ends.
    _guard: Guard,
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
            released: false,
            rest: None,
            delay: spec.delay,
            timer: None,
            _guard: guard,
        }
    }

    fn on(&mut self, event: Event, context: &mut Context<Self>) {
        let (phase, effect) = self.phase.on(event, &self.runtime.pace);
        self.phase = phase;
        self.runtime.board.phase(self.mailbox.key.mailbox, phase);
        match effect {
            Effect::None => {}
            Effect::Start => self.start(context),
            Effect::Timer(wait) => self.wait(jittered(wait), context),
        }
    }

    /// The cycle runs on the I/O runtime; only its end comes back as a message.
    fn start(&mut self, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        let released = std::mem::take(&mut self.released);
        let rest = self.rest.take();
        let cycle = self.runtime.clone().cycle_from(self.mailbox.clone(), released, rest);
        let me = context.address();
        self.runtime.io.spawn(async move {
            let (ended, rest) = cycle.await;
            // An actor that is gone needs no answer.
            let _ = me.send(CycleEnded(ended, rest)).await;
        });
    }

    fn wait(&mut self, wait: Duration, context: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            context.cancel_future(timer);
        }
        self.timer = Some(context.run_later(wait, |me, context| {
            me.timer = None;
            me.on(Event::Timer, context);
        }));
    }

    fn ended(&mut self, ended: Ended) -> Event {
        match ended {
            Ended::Report(report) => self.reported(*report),
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
                Event::Failed { after: SHORT_WAIT, code: Code::CyclePanicked }
            }
        }
    }

    fn reported(&mut self, report: CycleReport) -> Event {
        let wrote = Side::BOTH.into_iter().any(|side| *report.done.get(side) > 0);
        let unsettled = report.soon;
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
        CycleEnd::Store(_) => Event::Failed { after: SHORT_WAIT, code },
        CycleEnd::Side(_, error) => match error.disposition() {
            Disposition::Retry { after } => Event::Failed { after, code },
            // Adapters get new tokens and restart feeds by themselves; if it still comes up here,
            // waiting is all that is left.
            Disposition::Reauthenticate | Disposition::Resync | Disposition::SkipItem(_) => {
                Event::Failed { after: SHORT_WAIT, code }
            }
            Disposition::Fatal(code) => Event::Failed { after: SHORT_WAIT, code },
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

impl Handler<Wake> for MailboxActor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Self::Context) {
        self.rest = None;
        self.on(Event::Wake, context);
    }
}

impl Handler<Release> for MailboxActor {
    type Result = ();

    fn handle(&mut self, _: Release, context: &mut Self::Context) {
        // The plan of a running cycle was seen by nobody: a second click must not release the next.
        self.released |= !matches!(self.phase, Phase::Running { .. });
        self.rest = None;
        self.on(Event::Release, context);
    }
}

impl Handler<CycleEnded> for MailboxActor {
    type Result = ();

    fn handle(&mut self, message: CycleEnded, context: &mut Self::Context) {
        // A wake-up or release that came meanwhile wants to be looked at in full.
        let undisturbed = matches!(self.phase, Phase::Running { dirty: false, .. });
        self.rest = message.1.filter(|_| undisturbed);
        let event = self.ended(message.0);
        self.on(event, context);
    }
}

impl Handler<Stop> for MailboxActor {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Self::Context) {
        context.stop();
    }
}
