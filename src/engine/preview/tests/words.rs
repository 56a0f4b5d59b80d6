//! The words of a view, what it leaves out, and where two of them part.

use super::super::diff::differences;
use super::super::{ItemView, people, preview};
use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::plan::{MailClass, Op, Verb};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::plan::Plan;
use crate::engine::testing::*;

fn changed(world: &World) -> Plan {
    let other = row(Task).text(Field::Subject, "Other");
    world.plan(vec![world.then(world.linked(&row(Task), &item(Task)), &other)])
}

fn view(plan: &Plan) -> Vec<ItemView> {
    preview(plan, now())
}

#[test]
fn every_verb_has_its_word() {
    // As the files of plans name them.
    use crate::domain::side::Side::Exchange;
    let mut plan = changed(&World::new());
    for (verb, word) in [
        (Verb::Create(Exchange), "create"),
        (Verb::Update(Exchange), "update"),
        (Verb::Merge, "merge"),
        (Verb::Delete(Exchange), "delete"),
        (Verb::Link, "link"),
        (Verb::Unlink, "unlink"),
        (Verb::Acknowledge, "acknowledge"),
        (Verb::LeaveAlone, "leave-alone"),
        (Verb::Forget, "forget"),
    ] {
        plan.entries[0].verdict.decision.verb = verb;
        assert_eq!(view(&plan)[0].verb, word);
    }
}

#[test]
fn what_neither_writes_nor_says_anything_is_left_out() {
    // An echo without a code, a foreign item, a thing that was never known: not shown, unless one writes.
    let world = World::new();
    let quiet = || world.plan(vec![world.linked(&row(Task), &item(Task))]);
    for (verb, code, after, known, shown) in [
        (Verb::Acknowledge, None, After::Agreed, true, false),
        (Verb::Acknowledge, Some(Code::PercentKept), After::Agreed, true, true),
        (Verb::LeaveAlone, None, After::Nothing, true, false),
        (Verb::LeaveAlone, None, After::LeftAlone(Code::PutOff), true, true),
        (Verb::Forget, None, After::Nothing, true, true),
        (Verb::Forget, None, After::Forgotten, false, false),
        (Verb::Unlink, None, After::Nothing, false, true),
    ] {
        for mut plan in [quiet(), changed(&world)] {
            let entry = &mut plan.entries[0];
            (entry.verdict.decision.verb, entry.verdict.decision.code) = (verb, code);
            entry.verdict.after = after;
            if !known {
                entry.verdict.pairing.link = None;
            }
            let writes = entry.steps.exchange.is_some();
            assert_eq!(view(&plan).len() == 1, shown || writes, "{verb:?} {code:?} {after:?}");
        }
    }
}

#[test]
fn addr_04_a_push_is_shown_where_it_writes() {
    // The rule with a step; neither without the other.
    let world = World::new();
    for (cited, writes, pushes) in
        [(true, true, true), (false, true, false), (true, false, false), (false, false, false)]
    {
        let mut plan = changed(&world);
        let entry = &mut plan.entries[0];
        if cited {
            entry.verdict.decision.rules.push(rule::ADDR_04);
        }
        entry.verdict.decision.code = Some(Code::PercentKept);
        if !writes {
            entry.steps.exchange = None;
        }
        assert_eq!(view(&plan)[0].pushes_addresses(), pushes, "{cited} {writes}");
    }
}

#[test]
fn a_mark_is_shown_on_exchanges_item_only() {
    // A create marks its item; a new row carries no mark, and neither does a plain change.
    let world = World::new();
    let marks = |plan: &Plan| {
        let steps = view(plan).remove(0).steps;
        steps.into_iter().map(|step| (step.side, step.marks)).collect::<Vec<_>>()
    };
    let side = |name: &str, marks| (name.to_lowercase(), marks);
    let lower = |list: Vec<(String, bool)>| {
        list.into_iter().map(|(name, marks)| side(&name, marks)).collect::<Vec<_>>()
    };
    assert_eq!(lower(marks(&world.plan(vec![world.alone(&row(Task))]))), [side("exchange", true)]);
    assert_eq!(lower(marks(&changed(&world))), [side("exchange", false)]);
    let imported = world.plan(vec![world.alone(&item(Contact))]);
    assert!(lower(marks(&imported)).contains(&side("dynamics", false)));
    assert_eq!((people(MailClass::Silent), people(MailClass::Mails(3))), (0, 3));
}

#[test]
fn two_views_part_where_a_value_differs_and_nowhere_else() {
    // Each leaf by its path; lists of unequal length as a whole; another item by its own key.
    let world = World::new();
    let old = view(&changed(&world));
    assert_eq!(differences(&old, &old), Vec::<String>::new());
    let mut new = old.clone();
    new[0].rules.push("X".to_owned());
    let told = differences(&old, &new);
    assert!(told.len() == 1 && told[0].contains("rules was ["), "{told:?}");
    let mut new = old.clone();
    new[0].rules[0] = "X".to_owned();
    let told = differences(&old, &new);
    assert!(told.len() == 1 && told[0].contains("rules[0] was"), "{told:?}");
    let mut other = old.clone();
    other[0].link = row_guid(99);
    let told = differences(&old, &other);
    assert_eq!(told.len(), 2, "another row is another item: {told:?}");
    assert!(told[0].contains("is not planned any more") && told[1].contains("is planned now"));
    // A row that is still to be made has another id in each plan.
    let (mut then, mut now) = (old.clone(), old);
    for (views, id) in [(&mut then, 1), (&mut now, 2)] {
        views[0].dynamics = None;
        views[0].link = row_guid(id);
    }
    assert_eq!(differences(&then, &now), Vec::<String>::new());
    now[0].exchange = Some("item-9".to_owned());
    assert_eq!(differences(&then, &now).len(), 2);
}

#[test]
fn values_are_shown_whole() {
    // A party with its row, a deleted and a changed occurrence; an empty list is nothing.
    let world = World::new();
    let shown = |plan: &Plan, name: &str| {
        let steps = view(plan).remove(0).steps;
        let all = steps.into_iter().flat_map(|step| step.fields);
        all.into_iter().find(|field| field.field == name).and_then(|field| field.after)
    };
    let row = there(&[gone(12), named(13, "Thirteen")]);
    let plan = world.plan(vec![world.then(world.linked(&there(&[]), &here(&[])), &row)]);
    let text = shown(&plan, "exceptions").unwrap().to_string();
    for part in ["2026-03-12", "deleted", "2026-03-13", "Thirteen"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let invited = item(Appointment).invites(&["served@contoso.test"]);
    let mut plan = world.plan(vec![world.alone(&invited)]);
    let text = shown(&plan, "requiredAttendees").unwrap().to_string();
    for part in ["served@contoso.test", "systemuser"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let step = plan.entries[0].steps.dynamics.as_mut().unwrap();
    let Op::Create { patch } = &mut step.op else { panic!("no create") };
    patch.retain(|(field, _)| *field != Field::RequiredAttendees);
    patch.push((Field::RequiredAttendees, Some(Value::Parties(Vec::new()))));
    assert_eq!(shown(&plan, "requiredAttendees"), None);
    // TASK-IN-03: the very instant of the plan is that of the write, in that field alone.
    let Op::Create { patch } = &mut plan.entries[0].steps.dynamics.as_mut().unwrap().op else {
        panic!("no create")
    };
    patch.push((Field::ActualStart, Some(Value::Time(now()))));
    patch.push((Field::ActualEnd, Some(Value::Time(now()))));
    assert!(shown(&plan, "actualStart").unwrap().to_string().contains("instant of the write"));
    assert!(shown(&plan, "actualEnd").unwrap().to_string().contains("2026-03-02"));
}
