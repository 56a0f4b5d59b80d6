//! Tests of the passes over all mailboxes.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::broadcast;

use super::*;
use crate::actors::fair::Fair;
use crate::actors::phase::Pace;
use crate::actors::runtime::RuntimeParts;
use crate::cluster::ownership::Ownership;
use crate::cycle::TenantOptions;
use crate::cycle::tests::fakes::{Fault, World, mailbox};
use crate::domain::ids::TenantId;
use crate::domain::mailbox::{DeliveryMethod, MailboxRecord, MailboxSource, Regarding};
use crate::domain::policy::{Directions, Limits};
use crate::memory::MemoryStore;
use crate::ports::error::SideError;
use crate::ports::organization::{Organization, Profile};

/// An organization with two mailboxes, the second of a queue.
struct Org;

#[async_trait::async_trait]
impl Organization for Org {
    async fn profile(&self) -> Result<Profile, SideError> {
        let record = |number: u128, regarding| MailboxRecord {
            id: mailbox(number).key.mailbox,
            address: Some(mailbox(number).address),
            active: true,
            regarding,
            approved: true,
            approved_by_admin: true,
            tested: true,
            enabled_for_act: true,
            delivery: DeliveryMethod::ServerSide,
            server_type: Some(3),
            owned_elsewhere: false,
            last_sync_started: None,
        };
        let one = mailbox(1);
        let (user, object_id) = (one.user, Some(one.object_id));
        Ok(Profile {
            organization: uuid::Uuid::from_u128(1),
            settings: crate::domain::setting::Values::new(),
            not_before: None,
            files: Default::default(),
            directions: Directions::default(),
            personal: std::collections::HashMap::new(),
            mailboxes: vec![
                record(1, Regarding::User { user, enabled: true, object_id }),
                record(2, Regarding::Queue),
            ],
            users: Vec::new(),
        })
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn pass(&self, number: u32, mailboxes: usize) {
        self.0.lock().unwrap().push(format!("pass {number} of {mailboxes}"));
    }

    fn cycle(&self, report: Option<&CycleReport>) {
        let what = if report.is_some() { "cycle" } else { "failed" };
        self.0.lock().unwrap().push(what.to_owned());
    }
}

async fn tenant(world: &World) -> Arc<TenantRuntime> {
    let ownership = Ownership::new(Arc::new(MemoryStore::new(world.clock.clone())), "node");
    assert!(ownership.hold().await.unwrap());
    let second = Duration::from_secs(1);
    Arc::new(TenantRuntime::new(RuntimeParts {
        key: None,
        options: TenantOptions {
            tenant: TenantId::new("contoso"),
            source: MailboxSource::Dataverse,
            takeover: false,
            policy: Arc::new(|_| crate::domain::policy::Choices::default()),
            directions: crate::domain::policy::Directions::default(),
            limits: Limits::default(),
            window_back: chrono::Duration::days(30),
            window_ahead: chrono::Duration::days(365),
        },
        deps: world.deps(),
        organization: Arc::new(Org),
        sightings: Arc::new(MemoryStore::new(world.clock.clone())),
        io: tokio::runtime::Handle::current(),
        share: Fair::new(4).share(1),
        reports: broadcast::channel(4).0,
        ownership: Arc::new(ownership),
        pace: Pace {
            sweep: second,
            settle: second,
            backoff: second,
            backoff_max: second,
            park_after: 10,
        },
    }))
}

async fn passes(world: &World, passes: u32) -> (MailboxResult, Vec<String>) {
    let tenant = tenant(world).await;
    let judged = enrol(&tenant).await.unwrap();
    assert_eq!(judged.iter().map(|one| one.reasons.len()).collect::<Vec<_>>(), [0, 1]);
    let mailboxes = judged.into_iter().filter_map(|one| one.mailbox).collect();
    let told = Told::default();
    let mut results = run(&tenant, mailboxes, passes, &told).await;
    assert_eq!(results.len(), 1);
    (results.remove(0), told.0.into_inner().unwrap())
}

#[tokio::test]
async fn passes_end_when_one_changes_nothing() {
    // Two passes of five: one that writes, one that finds nothing to do; the sums cover both.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.exchange.add("Call Bert");
    let (result, told) = passes(&world, 5).await;
    assert_eq!(told, ["pass 1 of 1", "cycle", "pass 2 of 1", "cycle"]);
    // To Exchange go a new item and the mark of the imported one (INV-7).
    assert_eq!((result.cycles, result.done.dynamics, result.done.exchange), (2, 1, 2));
    assert!(result.quiet && result.end.is_none());
    assert_eq!(world.exchange.subjects(), world.dynamics.subjects());
}

/// How often each item of the mailbox that waits was tried.
async fn attempts(world: &World) -> Vec<u8> {
    let links = world.state().await.links;
    links.iter().filter_map(|link| link.trouble).map(|trouble| trouble.attempts).collect()
}

#[tokio::test]
async fn err_02_a_run_tries_an_item_that_is_refused_once() {
    // The next cycle comes minutes later, the next pass at once: it leaves the item, which still waits,
    // while what goes well goes on. Another run is another attempt.
    let world = World::new();
    world.dynamics.add("Bad");
    world.dynamics.add("Good");
    world.exchange.poison("Bad");
    for run in 1..=2 {
        let (result, _) = passes(&world, 8).await;
        assert_eq!((result.unsettled, result.parked, result.quiet), (1, 0, false), "run {run}");
        assert_eq!(attempts(&world).await, [run]);
        assert_eq!(world.exchange.subjects(), ["Good"]);
    }
}

#[tokio::test]
async fn err_02_a_run_looks_once_for_what_got_no_answer() {
    // Done although no answer came: the next pass finds it. Without an answer again, it waits for another
    // run. What changed meanwhile is read and written in the next pass.
    for (faults, cycles, waits) in [
        (&[Fault::UnknownDone][..], 2, &[][..]),
        (&[Fault::UnknownNotDone; 8], 3, &[2]),
        (&[Fault::NotSent; 2], 4, &[]),
    ] {
        let world = World::new();
        world.dynamics.add("Call Anna");
        world.exchange.faults(faults);
        let (result, _) = passes(&world, 8).await;
        assert_eq!((result.cycles, &*attempts(&world).await), (cycles, waits), "{faults:?}");
        assert_eq!(result.unsettled as usize, waits.len(), "{faults:?}");
    }
}

#[tokio::test]
async fn passes_are_bounded_and_say_why() {
    // An outage and a defect both end the passes at their number, with the reason of the last.
    let failures: [(fn() -> SideError, Code); 2] = [
        (|| SideError::Unreachable { reason: "no route".to_owned() }, Code::FarSideUnreachable),
        (|| panic!("a defect"), Code::CyclePanicked),
    ];
    for (failure, code) in failures {
        let world = World::new();
        world.exchange.fail(Some(failure));
        let (result, told) = passes(&world, 3).await;
        assert_eq!(told.iter().filter(|it| *it == "failed").count(), 3);
        assert_eq!((result.cycles, result.quiet), (3, false));
        assert_eq!(result.end.unwrap().0, code);
    }
}
