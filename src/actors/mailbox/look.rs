//! Somebody says that there may be something to see: a mailbox looks now, or within a time.

use actix::{AsyncContext, Context, Handler};

use super::MailboxActor;
use crate::actors::messages::{Look, Wake};
use crate::actors::phase::Event;
use crate::cycle::Left;

impl MailboxActor {
    /// What the last cycle left no longer says that nothing changed.
    fn stir(&mut self) {
        self.left = self.left.take().and_then(Left::woken);
    }

    /// A cycle begins, and sees whatever was to be looked at.
    pub(super) fn looks(&mut self, context: &mut Context<Self>) {
        if let Some(look) = self.look.take() {
            context.cancel_future(look);
        }
    }
}

impl Handler<Wake> for MailboxActor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Self::Context) {
        self.stir();
        self.quiet = 0;
        self.on(Event::Wake, context);
    }
}

impl Handler<Look> for MailboxActor {
    type Result = ();

    fn handle(&mut self, Look(within): Look, context: &mut Self::Context) {
        // The look itself tells whether there is something: until then its sweeps are as far apart as before.
        self.stir();
        // A look that is still to come sees this, too.
        if self.look.is_none() {
            let wait = within.mul_f64(fastrand::f64());
            self.look = Some(context.run_later(wait, |me, context| {
                me.look = None;
                me.on(Event::Wake, context);
            }));
        }
    }
}
