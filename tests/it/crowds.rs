//! How much of Outlook one mailbox is asked at once.

use futures_util::future::join_all;
use lockstep::domain::ids::NativeId;
use lockstep::domain::kind::Kind;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::json;

use crate::harness::{id_of, two};

#[test]
fn four_requests_at_once_in_a_mailbox_are_never_exceeded() {
    // Outlook runs up to four requests of a batch at once (throttling-limits). A cycle and what
    // operators ask beside it send several batches; none of their requests is refused for that.
    let system = two();
    for number in 0..30 {
        system.create(0, "contacts", &json!({ "lastname": format!("N{number}") }));
    }
    system.settled();
    assert_eq!(system.contacts(0).len(), 30);
    let items: Vec<(Kind, NativeId)> = system
        .contacts(0)
        .iter()
        .map(|contact| (Kind::Contact, NativeId::new(id_of(contact))))
        .collect();
    let mailboxes = system.enrol();
    let paul = mailboxes.iter().find(|one| one.address.as_str() == system.address(0)).unwrap();
    let slow = FaultPlan::new(1).with(FaultKind::Delay(80), 1.0, Scope::Side(FarSide::Graph));
    system.organization().set_faults(slow);
    let exchange = &system.tenant.deps.exchange;
    system.io.block_on(async {
        let reads = join_all((0..4).map(|_| exchange.fetch(paul, &items)));
        let finds = exchange.search(paul, "N1", 5);
        let (reads, finds) = tokio::join!(reads, finds);
        assert!(reads.into_iter().all(|read| read.unwrap().len() == 30));
        assert!(!finds.unwrap().is_empty());
    });
    assert_eq!(system.organization().graph().crowded_count(), 0);
    assert_eq!(system.organization().in_flight(), 0);
}
