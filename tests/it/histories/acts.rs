//! What may happen in a history, and how often.

use lockstep::sim::faults::FaultKind;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

use super::line::Script;

/// Kinds of things that people make. A phone call is made in Dynamics only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Meeting,
    Contact,
    Task,
    Call,
}

/// What of a thing is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Subject, title or family name.
    Name,
    /// The text.
    Text,
    /// The place of a meeting, the city of a contact.
    Place,
    /// The time of a meeting, the day on which a task is due.
    When,
}

/// The side on which somebody works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    Row,
    Item,
    /// The guest's copy of a meeting.
    Copy,
}

/// The filters of one person for one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filters {
    Usual,
    Everybodys,
    Nothing,
}

/// One thing that somebody does. `of` chooses among all things that were ever made.
#[derive(Debug, Clone)]
pub(super) enum Act {
    NewRow { who: usize, sort: Sort, guest: bool },
    NewItem { who: usize, sort: Sort, guest: bool, tracked: bool },
    Edit { of: usize, at: At, part: Part },
    Delete { of: usize, at: At },
    Complete { of: usize, at: At },
    Track { of: usize, on: bool },
    Reassign { of: usize },
    Share { of: usize, on: bool },
    Organizer { of: usize },
    Guest { of: usize, at: At, on: bool },
    Respond { of: usize, answer: usize },
    Look { of: usize, at: At },
    Filter { who: usize, sort: Sort, filters: Filters },
    Wait { minutes: i64 },
    Expire,
}

/// One step of a history.
#[derive(Debug, Clone)]
pub(super) enum Step {
    People(Act),
    Cycle {
        who: usize,
        script: Script,
    },
    /// The process ends and starts again.
    Restart,
    /// The store is lost.
    Lose,
    /// From now on people see of each other's things what is shared with them.
    Narrow,
    /// Faults stop; two quiet cycles of each mailbox; all is judged.
    Settle,
}

fn sort() -> impl Strategy<Value = Sort> {
    prop_oneof![
        3 => Just(Sort::Meeting),
        2 => Just(Sort::Contact),
        2 => Just(Sort::Task),
        1 => Just(Sort::Call),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![Just(Part::Name), Just(Part::Text), Just(Part::Place), Just(Part::When)]
}

fn at() -> impl Strategy<Value = At> {
    prop_oneof![5 => Just(At::Row), 5 => Just(At::Item), 1 => Just(At::Copy)]
}

/// Chooses among the things; few numbers, so that they meet.
fn of() -> impl Strategy<Value = usize> {
    0..6_usize
}

/// What people do every day.
fn daily() -> Vec<(u32, BoxedStrategy<Act>)> {
    vec![
        (
            6,
            (0..2_usize, sort(), any::<bool>())
                .prop_map(|(who, sort, guest)| Act::NewRow { who, sort, guest })
                .boxed(),
        ),
        (
            5,
            (0..2_usize, sort(), any::<bool>(), prop::bool::weighted(0.8))
                .prop_map(|(who, sort, guest, tracked)| Act::NewItem { who, sort, guest, tracked })
                .boxed(),
        ),
        (16, (of(), at(), part()).prop_map(|(of, at, part)| Act::Edit { of, at, part }).boxed()),
        (4, (of(), at()).prop_map(|(of, at)| Act::Delete { of, at }).boxed()),
        (2, (of(), at()).prop_map(|(of, at)| Act::Complete { of, at }).boxed()),
        (2, (of(), at()).prop_map(|(of, at)| Act::Look { of, at }).boxed()),
        (3, (of(), at(), any::<bool>()).prop_map(|(of, at, on)| Act::Guest { of, at, on }).boxed()),
        (1, (of(), 0..3_usize).prop_map(|(of, answer)| Act::Respond { of, answer }).boxed()),
        (2, (1..90_i64).prop_map(|minutes| Act::Wait { minutes }).boxed()),
        (1, Just(Act::Expire).boxed()),
    ]
}

/// What changes who sees or synchronizes a thing.
fn structural() -> Vec<(u32, BoxedStrategy<Act>)> {
    let filters =
        prop_oneof![Just(Filters::Usual), Just(Filters::Everybodys), Just(Filters::Nothing)];
    vec![
        (3, (of(), any::<bool>()).prop_map(|(of, on)| Act::Track { of, on }).boxed()),
        (3, of().prop_map(|of| Act::Reassign { of }).boxed()),
        (1, (of(), any::<bool>()).prop_map(|(of, on)| Act::Share { of, on }).boxed()),
        (2, of().prop_map(|of| Act::Organizer { of }).boxed()),
        (
            1,
            (0..2_usize, sort(), filters)
                .prop_map(|(who, sort, filters)| Act::Filter { who, sort, filters })
                .boxed(),
        ),
    ]
}

/// What people do. Half of the histories are of everyday work alone, which is judged the most
/// strictly; in the other half anything happens.
fn act(all: bool) -> BoxedStrategy<Act> {
    let mut acts = daily();
    if all {
        acts.extend(structural());
    }
    Union::new_weighted(acts).boxed()
}

fn fault() -> impl Strategy<Value = FaultKind> {
    prop_oneof![
        Just(FaultKind::ResetBefore),
        Just(FaultKind::ResetAfterCommit),
        Just(FaultKind::ResetAfterCommit),
        Just(FaultKind::TruncateBody),
        Just(FaultKind::MalformedJson),
        Just(FaultKind::Refuse(500)),
        Just(FaultKind::Refuse(503)),
        Just(FaultKind::Throttle { status: 429, retry_after_s: 2 }),
        Just(FaultKind::Throttle { status: 503, retry_after_s: 2 }),
        (0..6_usize).prop_map(|nth| FaultKind::InnerThrottle { nth, retry_after_s: 1 }),
        (0..6_usize).prop_map(|nth| FaultKind::InnerThrottle { nth, retry_after_s: 90 }),
    ]
}

/// The number of a request within a cycle; an idle cycle has about five, a busy one a dozen.
fn request() -> impl Strategy<Value = usize> {
    0..14_usize
}

fn script(all: bool, faults: bool) -> BoxedStrategy<Script> {
    let between = vec((request(), act(all)), 0..3);
    let most = if faults { 4 } else { 1 };
    let crash = if faults {
        option::weighted(0.15, (request(), any::<bool>())).boxed()
    } else {
        Just(None).boxed()
    };
    (vec((request(), fault()), 0..most), crash, between)
        .prop_map(|(faults, crash, between)| Script { faults, crash, between })
        .boxed()
}

fn step(all: bool, faults: bool) -> BoxedStrategy<Step> {
    let (lost, restarts) = if faults { (1, 2) } else { (0, 1) };
    let cycle =
        (0..2_usize, script(all, faults)).prop_map(|(who, script)| Step::Cycle { who, script });
    prop_oneof![
        24 => act(all).prop_map(Step::People),
        12 => cycle,
        restarts => Just(Step::Restart),
        lost => Just(Step::Lose),
        2 => Just(Step::Settle),
    ]
    .boxed()
}

/// A whole history.
pub(super) fn history() -> impl Strategy<Value = Vec<Step>> {
    (any::<bool>(), any::<bool>()).prop_flat_map(|(all, faults)| {
        let narrow = vec(Just(Step::Narrow), 0..=usize::from(all));
        (narrow, vec(step(all, faults), 1..40))
            .prop_map(|(first, steps)| first.into_iter().chain(steps).collect())
    })
}
