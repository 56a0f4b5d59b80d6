//! Tests of the phase table.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const CODE: Code = Code::FarSideUnreachable;

fn pace() -> Pace {
    Pace {
        sweep: secs(900),
        settle: secs(5),
        backoff: secs(5),
        backoff_max: secs(600),
        park_after: 4,
    }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn running(dirty: bool, failures: u32) -> Phase {
    Phase::Running { dirty, failures }
}

const fn backoff(failures: u32) -> Phase {
    Phase::Backoff { failures, code: CODE }
}

fn failed(after: u64) -> Event {
    Event::Failed { after: secs(after), code: CODE }
}

const fn done(unsettled: bool, wrote: bool) -> Event {
    Event::Done { unsettled, wrote }
}

const fn left(soon: bool) -> Event {
    Event::Left { soon }
}

fn check(table: &[(Phase, Event, Phase, Effect)]) {
    for (from, event, phase, effect) in table {
        assert_eq!(from.on(*event, &pace()), (*phase, *effect), "{from:?} on {event:?}");
    }
}

#[test]
fn a_waiting_mailbox_starts_by_its_timer() {
    // Idle starts for anybody, back-off only when its time is over or an operator says so.
    check(&[
        (Phase::Idle, Event::Wake, running(false, 0), Effect::Start),
        (Phase::Idle, Event::Timer, running(false, 0), Effect::Start),
        (Phase::Idle, Event::Release, running(false, 0), Effect::Start),
        (backoff(2), Event::Timer, running(false, 2), Effect::Start),
        (backoff(2), Event::Release, running(false, 2), Effect::Start),
        (backoff(2), Event::Wake, backoff(2), Effect::None),
    ]);
}

#[test]
fn a_running_cycle_remembers_one_wake_up() {
    // Wake-ups coalesce into one further cycle, which follows at once.
    check(&[
        (running(false, 1), Event::Wake, running(true, 1), Effect::None),
        (running(true, 1), Event::Wake, running(true, 1), Effect::None),
        (running(false, 1), Event::Release, running(true, 1), Effect::None),
        (running(false, 1), Event::Timer, running(false, 1), Effect::None),
        (running(true, 1), done(false, false), running(false, 0), Effect::Start),
    ]);
}

#[test]
fn the_end_of_a_cycle_sets_the_timer() {
    // Quiet mailboxes sleep long, those that wrote or have work left sleep shortly.
    check(&[
        (running(false, 3), done(false, false), Phase::Idle, Effect::Timer(secs(900))),
        (running(false, 0), done(true, false), Phase::Idle, Effect::Timer(secs(5))),
        (running(false, 0), done(false, true), Phase::Idle, Effect::Timer(secs(5))),
        (running(true, 0), failed(1), backoff(1), Effect::Timer(secs(5))),
        (running(false, 0), Event::Halt(CODE), Phase::Halted(CODE), Effect::None),
        (running(true, 0), Event::Halt(CODE), Phase::Halted(CODE), Effect::None),
        (running(false, 0), Event::Park(CODE), Phase::Parked(CODE), Effect::Timer(secs(600))),
    ]);
}

#[test]
fn a_cycle_that_was_left_is_no_failure_and_no_success() {
    // What failed before still counts, a parked mailbox is parked again by one more failure, and a
    // wake-up starts nothing here: who says that the lease is sure again does.
    let waits = |failures| Phase::Backoff { failures, code: Code::LeaseInDoubt };
    check(&[
        (running(false, 0), left(false), Phase::Idle, Effect::Timer(secs(900))),
        (running(true, 0), left(false), Phase::Idle, Effect::Timer(secs(900))),
        (running(true, 0), left(true), Phase::Idle, Effect::Timer(secs(5))),
        (running(false, 3), left(true), waits(3), Effect::Timer(secs(5))),
        (running(false, 4), left(false), waits(4), Effect::Timer(secs(900))),
        (waits(4), Event::Timer, running(false, 4), Effect::Start),
    ]);
}

#[test]
fn err_01_back_off_doubles_then_parks() {
    // The wait doubles, obeys the far side's demand, and the fourth failure parks here.
    check(&[
        (running(false, 0), failed(0), backoff(1), Effect::Timer(secs(5))),
        (running(false, 1), failed(0), backoff(2), Effect::Timer(secs(10))),
        (running(false, 2), failed(0), backoff(3), Effect::Timer(secs(20))),
        (running(false, 2), failed(300), backoff(3), Effect::Timer(secs(300))),
        (running(false, 3), failed(0), Phase::Parked(CODE), Effect::Timer(secs(600))),
        (running(false, 3), failed(900), Phase::Parked(CODE), Effect::Timer(secs(900))),
    ]);
}

#[test]
fn a_parked_mailbox_is_probed_once_per_wait() {
    // One failed probe parks it again at once; one good probe heals it; a release starts afresh.
    let parked = Phase::Parked(CODE);
    let probe = running(false, 4);
    check(&[
        (parked, Event::Timer, probe, Effect::Start),
        (parked, Event::Wake, parked, Effect::None),
        (parked, Event::Release, running(false, 0), Effect::Start),
        (probe, failed(0), parked, Effect::Timer(secs(600))),
        (probe, done(false, false), Phase::Idle, Effect::Timer(secs(900))),
    ]);
}

#[test]
fn a_mailbox_waits_with_its_tenant() {
    // Whoever waits goes on waiting without a timer; what runs ends first, what is halted stays so.
    let (hold, held) = (Event::Hold(CODE), Phase::Parked(CODE));
    let other = Code::AnswerTooLarge;
    check(&[
        (Phase::Idle, hold, held, Effect::Hold),
        (backoff(2), hold, held, Effect::Hold),
        (Phase::Parked(other), hold, held, Effect::Hold),
        (running(false, 1), hold, running(false, 1), Effect::None),
        (running(true, 1), hold, running(true, 1), Effect::None),
        (Phase::Halted(other), hold, Phase::Halted(other), Effect::None),
        (held, Event::Release, running(false, 0), Effect::Start),
    ]);
}

#[test]
fn a_halted_mailbox_waits_for_an_operator() {
    // Only a release starts it.
    let halted = Phase::Halted(CODE);
    check(&[
        (halted, Event::Wake, halted, Effect::None),
        (halted, Event::Timer, halted, Effect::None),
        (halted, Event::Release, running(false, 0), Effect::Start),
    ]);
}

#[test]
fn late_ends_are_ignored() {
    // The end of a cycle that the phase does not know of changes nothing.
    for phase in [Phase::Idle, backoff(1), Phase::Parked(CODE), Phase::Halted(CODE)] {
        for event in [done(true, true), left(true), failed(9), Event::Park(CODE), Event::Halt(CODE)]
        {
            assert_eq!(phase.on(event, &pace()), (phase, Effect::None), "{phase:?} on {event:?}");
        }
    }
}

#[test]
fn names_and_codes_are_shown() {
    // Every phase has a name, and those that do not work a code.
    let table = [
        (Phase::Idle, "idle", None),
        (running(true, 3), "running", None),
        (backoff(1), "backoff", Some(CODE)),
        (Phase::Parked(CODE), "parked", Some(CODE)),
        (Phase::Halted(CODE), "halted", Some(CODE)),
    ];
    for (phase, name, code) in table {
        assert_eq!((phase.name(), phase.code()), (name, code));
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => Just(Event::Wake),
        4 => Just(Event::Timer),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(unsettled, wrote)| done(unsettled, wrote)),
        2 => any::<bool>().prop_map(left),
        4 => (0..2_000u64).prop_map(failed),
        1 => Just(Event::Park(CODE)),
        1 => Just(Event::Halt(CODE)),
        1 => Just(Event::Release),
        1 => Just(Event::Hold(CODE)),
    ];
    prop::collection::vec(event, 0..80)
}

/// The actor around the table, reduced to what it must keep: is a cycle running, is a timer set.
#[derive(Default)]
struct Actor {
    cycle: bool,
    timer: bool,
    /// A wake-up came during the cycle that runs or ran last.
    owed: bool,
    /// The tenant says when to go on.
    held: bool,
}

proptest! {
    #[test]
    fn any_life_keeps_the_promises(list in events()) {
        // One cycle at a time, no wake-up is lost, a halt holds, back-off stays in its bounds.
        let pace = pace();
        let mut phase = Phase::Idle;
        let mut actor = Actor { timer: true, ..Actor::default() };
        for event in list {
            let ends = matches!(
                event,
                Event::Done { .. }
                    | Event::Left { .. }
                    | Event::Failed { .. }
                    | Event::Park(_)
                    | Event::Halt(_)
            );
            // The world: no end without a cycle, no ring without a timer.
            if (ends && !actor.cycle) || (event == Event::Timer && !actor.timer) {
                continue;
            }
            actor.timer &= event != Event::Timer;
            actor.owed |= actor.cycle && event == Event::Wake;
            actor.cycle &= !ends;
            let (next, effect) = phase.on(event, &pace);
            let halted = matches!(phase, Phase::Halted(_));
            match effect {
                Effect::Start => {
                    prop_assert!(!actor.cycle, "a second cycle from {phase:?} on {event:?}");
                    prop_assert!(!halted || event == Event::Release);
                    actor = Actor { cycle: true, ..Actor::default() };
                }
                Effect::Timer(wait) => {
                    actor.timer = true;
                    if let Event::Failed { after, .. } = event {
                        prop_assert!(wait >= after && wait >= pace.backoff);
                        prop_assert!(wait <= pace.backoff_max.max(after));
                    }
                }
                Effect::Hold => {
                    prop_assert!(!actor.cycle && !halted);
                    (actor.timer, actor.held) = (false, true);
                }
                Effect::None => {}
            }
            prop_assert_eq!(actor.cycle, matches!(next, Phase::Running { .. }));
            let held = actor.held || matches!(next, Phase::Halted(_));
            // Whoever does not run has a timer, so that a wake-up is answered in the end.
            prop_assert!(actor.cycle || actor.timer || held, "{phase:?} on {event:?} sleeps for ever");
            prop_assert!(!actor.owed || actor.cycle || actor.timer || held);
            if actor.owed && matches!(event, Event::Done { .. }) {
                prop_assert!(false, "a wake-up was forgotten");
            }
            phase = next;
        }
    }
}
