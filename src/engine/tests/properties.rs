//! Properties: two far sides in memory, random edits and random answers, and what must hold.
//!
//! The model knows versions, filters, deletes and answers that get lost. It shows the engine only
//! what a feed would: what changed, the halves that the engine asks for, and unsettled links.

mod model;

use proptest::prelude::*;

use crate::domain::side::Side;
use model::{Act, Answer, Model};

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Done),
        1 => Just(Answer::Stale),
        1 => Just(Answer::UnknownDone),
        1 => Just(Answer::UnknownNotDone),
        1 => Just(Answer::NotSent),
        1 => Just(Answer::Refused),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Dynamics), Just(Side::Exchange)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (side(), 0..3_usize).prop_map(|(side, kind)| Act::Create { side, kind }),
        8 => (side(), any::<u8>(), 0..4_usize)
            .prop_map(|(side, at, field)| Act::Edit { side, at, field }),
        1 => (side(), any::<u8>()).prop_map(|(side, at)| Act::Delete { side, at }),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(at, owner)| Act::Leave { at, owner }),
        1 => any::<u8>().prop_map(|at| Act::Return { at }),
        1 => any::<u8>().prop_map(|at| Act::Retrack { at }),
        6 => proptest::collection::vec(answer(), 1..6)
            .prop_map(|answers| Act::Pass { answers, crash: false }),
        1 => proptest::collection::vec(answer(), 1..6)
            .prop_map(|answers| Act::Pass { answers, crash: true }),
    ]
}

proptest! {
    // Failing cases are copied into table tests, no files of seeds are kept.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conf_05_two_quiet_passes_leave_nothing_to_do(
        choices in any::<u8>(),
        acts in proptest::collection::vec(act(), 1..40)
    ) {
        // After any edits and answers, two undisturbed passes bring both sides to rest: nothing
        // left to write, no link unsettled, no duplicate, and every linked pair says the same.
        let mut model = Model::new(choices);
        for act in &acts {
            model.act(act);
        }
        model.quiet_pass();
        model.quiet_pass();
        prop_assert!(model.rests(), "{}", model.describe());
        model.check_no_duplicates();
        model.check_pairs_say_the_same();
    }

    #[test]
    fn inv_7_the_loss_of_the_store_makes_no_duplicate(
        choices in any::<u8>(),
        acts in proptest::collection::vec(act(), 1..25)
    ) {
        // When all links are lost, markers and meeting identities bring every settled pair back.
        let mut model = Model::new(choices);
        for act in &acts {
            model.act(act);
        }
        model.quiet_pass();
        model.quiet_pass();
        model.lose_store();
        model.quiet_pass();
        model.quiet_pass();
        prop_assert!(model.rests(), "{}", model.describe());
        model.check_no_duplicates();
        model.check_pairs_say_the_same();
    }
}

#[test]
fn conf_03_an_edit_survives_a_farewell_that_failed() {
    // The row of an imported contact leaves the filter while its item, not marked yet, is edited; the mark
    // is refused, the row comes back and is edited: two edits of one address, and the lost one is told.
    use Answer::{Done, Stale, UnknownDone, UnknownNotDone};
    let pass = |answers: &[Answer]| Act::Pass { answers: answers.to_vec(), crash: false };
    let mut model = Model::new(0);
    for act in [
        Act::Create { side: Side::Exchange, kind: 1 },
        Act::Create { side: Side::Dynamics, kind: 1 },
        Act::Create { side: Side::Dynamics, kind: 0 },
        Act::Leave { at: 29, owner: false },
        pass(&[Done, UnknownNotDone]),
        pass(&[UnknownDone]),
        Act::Create { side: Side::Dynamics, kind: 0 },
        pass(&[UnknownNotDone]),
        Act::Edit { side: Side::Exchange, at: 104, field: 2 },
        Act::Leave { at: 3, owner: false },
        pass(&[Stale]),
        Act::Return { at: 19 },
        Act::Edit { side: Side::Dynamics, at: 71, field: 2 },
    ] {
        model.act(&act);
    }
    model.quiet_pass();
    model.quiet_pass();
    assert!(model.rests(), "{}", model.describe());
    model.check_pairs_say_the_same();
}
