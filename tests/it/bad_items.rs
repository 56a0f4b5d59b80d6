//! Items that go wrong alone: each is put aside with a code, and its mailbox goes on (ERR-02).

use lockstep::actors::fair::Lane;
use lockstep::actors::messages::Ended;
use lockstep::app::once::MailboxResult;
use lockstep::cycle::{Orders, Retry};
use lockstep::domain::code::Code;
use lockstep::domain::link::{Link, LinkState, Trouble};
use lockstep::domain::side::Side;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use lockstep::sim::poison::Harm;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, tracked_event, two};

/// A system in which two contacts and two tasks are in step.
fn agreed() -> System {
    let system = two();
    system.organization().graph().set_delta_noise(0);
    for name in ["Mitchell", "Young"] {
        system.create(0, "contacts", &json!({ "lastname": name }));
    }
    for subject in ["Call", "Write"] {
        system.create(0, "tasks", &json!({ "subject": subject }));
    }
    system.settled();
    system.lines();
    system
}

/// The id of the item whose property has this value.
fn item(items: &[Value], name: &str, value: &str) -> String {
    id_of(items.iter().find(|item| item[name] == value).expect("an item"))
}

/// The id of the row whose column has this value.
fn row(system: &System, set: &str, name: &str, value: &str, key: &str) -> Uuid {
    guid(system.rows(set).iter().find(|row| row[name] == value).expect("a row"), key)
}

/// Runs one cycle of the first mailbox, which must come to its end.
fn pass(system: &System) -> MailboxResult {
    system.advance(60);
    let result = system.one_pass(0);
    assert!(result.end.is_none(), "the mailbox stops: {result:?}");
    result
}

/// The troubles of the first mailbox.
fn troubles(system: &System) -> Vec<(Link, Trouble)> {
    let links = system.links(0).into_iter();
    links.filter_map(|link| link.trouble.map(|trouble| (link, trouble))).collect()
}

/// The one link in trouble, which must have this code.
fn only(system: &System, code: Code) -> (Link, Trouble) {
    let mut all = troubles(system);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0].1.code, code);
    all.remove(0)
}

/// Runs cycles until the bad item is parked with its cause; another pass then does not look at it.
fn parked_alone(system: &System, code: Code) -> Link {
    for _ in 0..10 {
        pass(system);
    }
    let (link, trouble) = only(system, code);
    assert!(trouble.parked, "{trouble:?}");
    assert_eq!(pass(system).parked, 1);
    assert_eq!(only(system, code).1, trouble);
    link
}

/// An operator tries one item again, as `lockstep retry-item` does; then everything is in step.
fn retried(system: &System, link: &Link) {
    let address = system.address(0);
    let mailbox = system.enrol().into_iter().find(|one| one.address.as_str() == address);
    let retry = Retry::Items([link.id].into());
    let orders = Orders { retry, ..Orders::default() };
    let cycle = system.tenant.clone().cycle_from(
        mailbox.expect("it takes part"),
        orders,
        None,
        Lane::Changes,
    );
    let (ended, _) = system.io.block_on(cycle);
    assert!(matches!(ended, Ended::Report(_)), "{ended:?}");
    system.settled();
    assert_eq!(troubles(system), []);
}

#[test]
fn cxl_12_a_mailbox_with_very_many_tasks_goes_on_while_one_of_them_is_looked_for() {
    // A linked task vanishes among more pages than one cycle reads: its pair waits with a code and
    // is not taken for deleted, the rest of the mailbox is carried, and the next cycle knows.
    let system = agreed();
    let rows = system.rows("tasks").len();
    for number in 0..230 {
        system.new_task(0, &json!({ "title": format!("Mine {number}") }));
    }
    system.settled();
    system.delete_task(0, &item(&system.tasks(0), "title", "Call"));
    system.create(0, "contacts", &json!({ "lastname": "New" }));
    system.organization().graph().set_largest_page(1);
    pass(&system);
    assert_eq!(system.contacts(0).len(), 3);
    only(&system, Code::ReadUnfinished);
    assert_eq!(system.rows("tasks").len(), rows);
    system.organization().graph().set_largest_page(1_000);
    system.settled();
    assert_eq!(troubles(&system), []);
    assert_eq!(system.rows("tasks").len(), rows - 1, "TASK-IN-04 takes the row");
}

#[test]
fn err_02_an_exchange_item_that_cannot_be_read_is_parked_alone_and_retried() {
    // One contact's read by id fails whenever it is asked for: the other's change arrives, the bad
    // one is parked with its code, and an operator's retry carries what it waited with.
    let system = agreed();
    let bad = item(&system.contacts(0), "surname", "Mitchell");
    system.organization().graph().poison(Some((&bad, Harm::Request(400))));
    for name in ["Mitchell", "Young"] {
        let id = item(&system.contacts(0), "surname", name);
        system.edit_contact(0, &id, &json!({ "jobTitle": "Chief" }));
    }
    pass(&system);
    let chiefs = || system.rows("contacts").iter().filter(|it| it["jobtitle"] == "Chief").count();
    assert_eq!(chiefs(), 1);
    let link = parked_alone(&system, Code::ItemUnreadable);
    assert_eq!(link.native.exchange.as_ref().map(|id| id.to_string()), Some(bad));
    assert_eq!((link.state, chiefs()), (LinkState::Agreed, 1));
    system.organization().graph().poison(None);
    pass(&system);
    assert_eq!(chiefs(), 1, "a parked item waits");
    retried(&system, &link);
    assert_eq!(chiefs(), 2);
}

#[test]
fn err_02_a_new_exchange_item_that_cannot_be_read_is_remembered() {
    // Nobody knows yet whether it is tracked, and its feed will not tell it again: it waits with a
    // code and is imported when it can be read, as its neighbour was at once.
    let system = agreed();
    for (title, start) in [("Bad", "2026-12-01T10:00:00Z"), ("Good", "2026-12-02T10:00:00Z")] {
        system.new_event(0, &tracked_event(title, start));
    }
    let bad = item(&system.events(0), "subject", "Bad");
    system.organization().graph().poison(Some((&bad, Harm::Request(503))));
    pass(&system);
    assert_eq!(system.rows("appointments").len(), 1);
    assert_eq!(only(&system, Code::ItemUnreadable).0.state, LinkState::LeftAlone);
    system.organization().graph().poison(None);
    system.settled();
    assert_eq!(system.rows("appointments").len(), 2);
    assert_eq!(troubles(&system), []);
}

#[test]
fn err_02_a_contact_nobody_tracks_is_forgotten_once_it_can_be_read() {
    // While it cannot be read it may be tracked; afterwards it is nobody's business again (LINK-02).
    let system = agreed();
    let rows = system.rows("contacts").len();
    let bad = system.new_contact(0, &json!({ "givenName": "Private" }));
    system.organization().graph().poison(Some((&bad, Harm::Request(500))));
    pass(&system);
    only(&system, Code::ItemUnreadable);
    system.organization().graph().poison(None);
    system.settled();
    assert_eq!(system.rows("contacts").len(), rows);
    assert_eq!(troubles(&system), []);
}

#[test]
fn err_02_a_batch_to_exchange_that_one_item_spoils_is_halved_until_it_is_alone() {
    // 400 and 413 for the whole batch: nothing of it was done. The others are made in the same
    // cycle, the bad one is refused alone and parked; a retry makes it once.
    for status in [400, 413] {
        let system = agreed();
        system.organization().graph().poison(Some(("Poison", Harm::Batch(status))));
        for subject in ["One", "Poison", "Two", "Three"] {
            system.create(0, "tasks", &json!({ "subject": subject }));
        }
        pass(&system);
        assert_eq!(system.tasks(0).len(), 5, "{status}");
        let link = parked_alone(&system, Code::WriteRefused);
        assert_eq!(link.state, LinkState::Creating(Side::Exchange));
        system.organization().graph().poison(None);
        retried(&system, &link);
        assert_eq!(system.tasks(0).len(), 6, "{status}");
    }
}

#[test]
fn err_05_failures_of_one_item_are_told_apart_by_their_codes() {
    // A request that is wrong, a permission that is missing, an error after which nobody knows.
    for (status, code) in
        [(400, Code::WriteRefused), (403, Code::PrivilegeMissing), (500, Code::ResultUnknown)]
    {
        let system = agreed();
        system.organization().graph().poison(Some(("Poison", Harm::Request(status))));
        for subject in ["Poison", "One"] {
            system.create(0, "tasks", &json!({ "subject": subject }));
        }
        pass(&system);
        only(&system, code);
        assert_eq!(system.tasks(0).len(), 3, "{status}");
    }
}

#[test]
fn err_02_a_row_that_cannot_be_read_is_parked_alone_and_retried() {
    // The same on the other side: one row's read fails, alone and in a list; the other row's change
    // arrives.
    let system = agreed();
    let bad = row(&system, "tasks", "subject", "Call", "activityid");
    let good = row(&system, "tasks", "subject", "Write", "activityid");
    for name in [format!("tasks({bad})"), format!("%27{bad}%27")] {
        system.organization().dataverse().poison(Some((&name, Harm::Request(500))));
    }
    system.update(0, "tasks", bad, &json!({ "subject": "Call back" }));
    system.update(0, "tasks", good, &json!({ "subject": "Write back" }));
    pass(&system);
    let titles = || {
        let tasks = system.tasks(0);
        let mut titles: Vec<String> =
            tasks.iter().filter_map(|it| it["title"].as_str().map(str::to_owned)).collect();
        titles.sort();
        titles
    };
    assert_eq!(titles(), ["Call", "Write back"]);
    let link = parked_alone(&system, Code::ItemUnreadable);
    assert_eq!((link.id.0, link.state), (bad, LinkState::Agreed));
    system.organization().dataverse().poison(None);
    retried(&system, &link);
    assert_eq!(titles(), ["Call back", "Write back"]);
}

#[test]
fn filt_17_a_row_that_cannot_be_read_did_not_leave_its_filter() {
    // The filter no longer returns it and its read fails: nothing is proven, so nothing is removed
    // from Exchange. Once it can be read the rule decides.
    let system = agreed();
    let bad = row(&system, "contacts", "lastname", "Mitchell", "contactid");
    let name = format!("contacts({bad})");
    system.update(0, "contacts", bad, &system.owner(1));
    for status in [400, 500] {
        system.organization().dataverse().poison(None);
        system.organization().dataverse().poison(Some((&name, Harm::Request(status))));
        system.create(0, "contacts", &json!({ "lastname": format!("New {status}") }));
        pass(&system);
        only(&system, Code::ItemUnreadable);
        assert!(system.contacts(0).iter().any(|it| it["surname"] == "Mitchell"), "{status}");
    }
    assert_eq!(system.contacts(0).len(), 4);
    system.organization().dataverse().poison(None);
    system.settled();
    assert!(system.contacts(0).iter().all(|it| it["surname"] != "Mitchell"));
}

#[test]
fn err_02_a_batch_to_dynamics_that_one_item_spoils_is_halved_until_it_is_alone() {
    // As for Exchange: the rows of the others are made in the same cycle.
    for status in [400, 413] {
        let system = agreed();
        system.organization().dataverse().poison(Some(("Poison", Harm::Batch(status))));
        for title in ["One", "Poison", "Two", "Three"] {
            system.new_task(0, &json!({ "title": title, "categories": [CATEGORY] }));
        }
        pass(&system);
        assert_eq!(system.rows("tasks").len(), 5, "{status}");
        let link = parked_alone(&system, Code::WriteRefused);
        system.organization().dataverse().poison(None);
        retried(&system, &link);
        assert_eq!(system.rows("tasks").len(), 6, "{status}");
    }
}

#[test]
fn err_02_an_item_that_leaves_its_batch_without_an_answer_goes_alone_the_next_time() {
    // Whatever batch holds it fails with 500, so nobody knows what was done: the next cycle looks
    // all of them up and sends each alone. The others are made once, the bad one is parked.
    for (side, set) in [(FarSide::Graph, true), (FarSide::Dataverse, false)] {
        let system = agreed();
        let scope = Scope::Writes.and(Scope::Side(side)).and(Scope::PathContains("Poison".into()));
        system.organization().set_faults(FaultPlan::new(1).with(
            FaultKind::Refuse(500),
            1.0,
            scope,
        ));
        for name in ["One", "Poison", "Two", "Three"] {
            if set {
                system.create(0, "tasks", &json!({ "subject": name }));
            } else {
                system.new_task(0, &json!({ "title": name, "categories": [CATEGORY] }));
            }
        }
        let both = || (system.rows("tasks").len(), system.tasks(0).len());
        pass(&system);
        pass(&system);
        assert_eq!(both(), if set { (6, 5) } else { (5, 6) });
        let link = parked_alone(&system, Code::ResultUnknown);
        system.organization().set_faults(FaultPlan::none());
        retried(&system, &link);
        assert_eq!(both(), (6, 6));
    }
}
