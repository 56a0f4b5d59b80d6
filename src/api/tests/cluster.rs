//! The whole cluster as one of its nodes shows it.

use std::time::Duration;

use super::*;
use crate::actors::hints;
use crate::actors::tests::fakes::on_paused;
use crate::memory::LocalBus;
use crate::ports::wake::{Channel, Hint, WakeBus};

/// Mailboxes of the tenant; enough that each of three nodes has some.
const MANY: u128 = 40;

/// Two nodes that hear one another, and a member of the cluster that says nothing.
struct Three {
    one: Node,
    two: Node,
    mute: Arc<Ownership>,
    bus: Arc<dyn WakeBus>,
}

impl Three {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::new(World::new().clock));
        let bus: Arc<dyn WakeBus> = Arc::new(LocalBus::new());
        let (mut one, mut two) = (Node::of(&store, "one"), Node::of(&store, "two"));
        let mute = Arc::new(Ownership::new(store, "mute"));
        for node in [&mut one, &mut two] {
            let relay = Relay::new(bus.clone()).telling(node.state.teller.tell());
            node.state.relay = Some(relay.clone());
            node.state.shared = true;
            actix_rt::spawn(hints::hear(bus.listen(), node.state.node.clone(), relay));
        }
        for _ in 0..4 {
            for own in [&one.state.ownership, &two.state.ownership, &mute] {
                assert!(own.hold().await.unwrap());
            }
        }
        for node in [&one, &two] {
            node.run(&["contoso"]).await;
            let rows = (1..=MANY).map(|number| (id(number), None, Vec::new()));
            let excluded = (id(99), None, vec![(rule::ELIG_04, Code::QueueMailbox)]);
            node.state.list()[0].board.roster(rows.chain([excluded]).collect());
        }
        Self { one, two, mute, bus }
    }

    /// The mailboxes that a node owns.
    fn of(own: &Ownership) -> Vec<u128> {
        (1..=MANY).filter(|number| own.owns(&mailbox(*number).key)).collect()
    }
}

fn named<'a>(list: &'a Value, key: &str, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list:#}"))
}

#[test]
fn a_node_alone_says_so_and_shows_what_stands_still() {
    // One member with all shards, the counts of its tenant, its parked and halted mailboxes; no address.
    on_system(async {
        let node = Node::new().await;
        let told = node.json("/api/v1/cluster").await;
        let members = told["members"].as_array().unwrap();
        assert_eq!(members.len(), 1);
        for (key, value) in [("node", "node"), ("role", "serving"), ("state", "answered")] {
            assert_eq!(members[0][key], value, "{told:#}");
        }
        assert_eq!((&members[0]["shards"], &members[0]["mailboxes"]), (&1_024.into(), &3.into()));
        assert_eq!((&told["shared"], &told["member"]), (&false.into(), &true.into()));
        assert_eq!(told["shards"], serde_json::json!({ "all": 1_024, "withoutOwner": [] }));
        assert!(told["fence"].as_u64() > Some(0) && told["generation"].is_string(), "{told:#}");
        let tenant = &told["tenants"][0];
        assert_eq!((&tenant["mailboxes"], &tenant["parkedItems"]), (&4.into(), &1.into()));
        for (phase, count) in [("idle", 1), ("halted", 1), ("parked", 1), ("excluded", 1)] {
            assert_eq!(tenant["phases"][phase], count, "{tenant:#}");
        }
        assert_eq!((&tenant["phases"]["unknown"], &tenant["unseen"]), (&0.into(), &2.into()));
        let stuck = told["stuck"].as_array().unwrap();
        let of = |one: &Value| ["phase", "code", "node"].map(|key| one[key].clone());
        let stuck: Vec<_> = stuck.iter().map(of).collect();
        let expected = [
            ["halted", "delete-budget", "node"].map(Value::from),
            ["parked", "mailbox-unreachable", "node"].map(Value::from),
        ];
        assert_eq!(stuck, expected);
        assert!(!told.to_string().contains('@'));
        let (.., page) = node.get("/").await;
        assert!(page.contains("its state store is its own"), "{page}");
    });
}

#[test]
fn each_mailbox_is_counted_by_its_owner_and_who_is_silent_is_shown() {
    // Two nodes tell of their own, a third says nothing: it stands there as silent, and its mailboxes
    // are unknown. What a former owner still remembers of a mailbox counts for nothing.
    on_paused(async {
        let three = Three::new().await;
        let (one, two) = (&three.one, &three.two);
        let owned =
            [&one.state.ownership, &two.state.ownership, &three.mute].map(|it| Three::of(it));
        assert!(owned.iter().all(|list| !list.is_empty()), "{owned:?}");
        assert_eq!(owned.iter().map(Vec::len).sum::<usize>(), MANY as usize);
        for node in [one, two] {
            let board = &node.state.list()[0].board;
            board.phase(id(owned[1][0]), Phase::Halted(Code::DeleteBudget));
            board.phase(id(owned[2][0]), Phase::Parked(Code::MailboxUnreachable));
        }
        for (asked, other) in [(one, two), (two, one)] {
            let asked_at = tokio::time::Instant::now();
            let told = asked.json("/api/v1/cluster").await;
            assert!(asked_at.elapsed() <= std::time::Duration::from_secs(2));
            assert_eq!((&told["shared"], &told["member"]), (&true.into(), &true.into()));
            let name = |node: &Node| node.state.ownership.view().node;
            assert_eq!(told["node"], name(asked));
            for (node, list) in [(one, &owned[0]), (two, &owned[1])] {
                let row = named(&told["members"], "node", &name(node));
                assert_eq!(
                    (&row["state"], &row["mailboxes"]),
                    (&"answered".into(), &list.len().into())
                );
            }
            let row = named(&told["members"], "node", "mute");
            assert_eq!(
                (&row["state"], &row["mailboxes"]),
                (&"silent".into(), &Value::Null),
                "{row:#}"
            );
            assert!(row["shards"].as_u64() > Some(0));
            let tenant = &told["tenants"][0];
            assert_eq!(tenant["mailboxes"], MANY as u64 + 1);
            let expected = [
                ("halted", 1),
                ("parked", 0),
                ("excluded", 1),
                ("unknown", owned[2].len()),
                ("idle", owned[0].len() + owned[1].len() - 1),
            ];
            for (phase, count) in expected {
                assert_eq!(tenant["phases"][phase], count, "{phase}: {tenant:#}");
            }
            let stuck = told["stuck"].as_array().unwrap();
            assert_eq!(stuck.len(), 1, "{stuck:?}");
            assert_eq!((&stuck[0]["node"], &stuck[0]["phase"]), (&"two".into(), &"halted".into()));
            let (.., page) = asked.get("/").await;
            for part in ["silent", "mute", name(other).as_str()] {
                assert!(page.contains(part), "{part}: {page}");
            }
        }
    });
}

#[test]
fn a_node_shows_and_commands_only_mailboxes_that_it_owns() {
    // Another node's stand there as elsewhere, with the node; they are no alert, no count, and a
    // command for one is refused with the owner's name.
    on_paused(async {
        let three = Three::new().await;
        let (one, two) = (&three.one, &three.two);
        let elsewhere = Three::of(&two.state.ownership)[0];
        one.state.list()[0].board.phase(id(elsewhere), Phase::Halted(Code::DeleteBudget));
        let path = format!("/api/v1/tenants/contoso/mailboxes/{}", id(elsewhere));
        let row = one.json(&path).await;
        assert_eq!((&row["phase"], &row["node"]), (&"elsewhere".into(), &"two".into()));
        assert_eq!(two.json(&path).await["phase"], "idle");
        let own = Three::of(&one.state.ownership).len();
        let phases = &one.json("/api/v1/tenants/contoso").await["phases"];
        assert_eq!((&phases["idle"], &phases["halted"]), (&own.into(), &0.into()), "{phases}");
        assert_eq!(phases["elsewhere"], MANY as usize - own);
        for page in ["/tenants/contoso".to_owned(), path.replace("/api/v1", "")] {
            let (.., page) = one.get(&page).await;
            assert!(page.contains("at <code>two</code>"), "{page}");
        }
        let alerts = one.json("/api/v1/tenants/contoso/alerts?level=error").await;
        assert_eq!(alerts["count"], 0, "{alerts:#}");
        let release = TestRequest::post().uri(&format!("{path}/release"));
        let release = release.insert_header((COMMAND_HEADER, "1"));
        let (status, _, body) = one.call(release).await;
        assert_eq!(status, StatusCode::CONFLICT);
        assert!(body.contains("the node two owns the mailbox"), "{body}");
        assert_eq!(two.post(&format!("{path}/release")).await, StatusCode::ACCEPTED);
    });
}

#[test]
fn without_a_way_to_the_others_they_are_unasked() {
    // The node still shows the members, and claims nothing about their mailboxes.
    on_system(async {
        let three = Three::new().await;
        let mut one = three.one;
        one.state.relay = None;
        let told = one.json("/api/v1/cluster").await;
        for name in ["two", "mute"] {
            assert_eq!(named(&told["members"], "node", name)["state"], "unasked", "{told:#}");
        }
        let own = Three::of(&one.state.ownership).len();
        assert_eq!(told["tenants"][0]["phases"]["unknown"], MANY as usize - own);
        // Whom the store did not answer for long is none any more, whatever the old view says, and its
        // lease grows older.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(13)).await;
        let told = one.json("/api/v1/cluster").await;
        let own = named(&told["members"], "node", "one");
        assert_eq!((&told["member"], &own["role"]), (&false.into(), &"outside".into()), "{told:#}");
        assert!(own["leaseSeconds"].as_f64() >= Some(13.0), "{told:#}");
        tokio::time::resume();
        // Who has left is no member, and says so itself.
        one.state.ownership.release().await;
        let told = one.json("/api/v1/cluster").await;
        assert_eq!(told["member"], false);
        assert_eq!(named(&told["members"], "node", "one")["role"], "outside", "{told:#}");
    });
}

#[test]
fn what_a_node_tells_is_worked_out_once_a_second() {
    // However many ask: a change shows when the second is over.
    on_paused(async {
        let node = Node::new().await;
        let halted = async || {
            let told = node.json("/api/v1/cluster").await;
            told["tenants"][0]["phases"]["halted"].as_u64().unwrap()
        };
        assert_eq!(halted().await, 1);
        node.state.list()[0].board.phase(id(1), Phase::Halted(Code::DeleteBudget));
        assert_eq!(halted().await, 1);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(halted().await, 2);
    });
}

#[test]
fn forged_numbers_are_shown_and_harm_nobody() {
    // Who can write to Redis can answer for a node whatever he likes.
    on_paused(async {
        let three = Three::new().await;
        let own = three.one.json("/api/v1/cluster").await["tenants"][0].clone();
        let most = usize::MAX;
        let tenant = serde_json::json!({
            "tenant": own["tenant"], "takingPart": most, "excluded": most, "unsettled": u64::MAX,
            "parkedItems": u64::MAX, "unseen": most, "oldestSeconds": u64::MAX, "code": null,
            "phases": { "idle": most, "halted": most },
            "quota": { "dynamics": { "spent": u64::MAX, "requests": 1, "seconds": 1, "closed": most } },
        });
        let told = serde_json::json!({
            "node": "mute", "process": format!("{:032x}", three.mute.view().process.0),
            "version": "0", "tenants": [tenant.clone(), tenant], "stuck": [],
        });
        let (bus, mut listener) = (three.bus.clone(), three.bus.listen());
        actix_rt::spawn(async move {
            loop {
                if let Hint::Roll(roll) = listener.hint().await {
                    let answer = Hint::Present(roll, told.to_string());
                    bus.publish(&[(Channel::Everybody, answer)]).await.unwrap();
                }
            }
        });
        let told = three.one.json("/api/v1/cluster").await;
        assert_eq!(named(&told["members"], "node", "mute")["mailboxes"], most, "{told:#}");
        assert_eq!(told["tenants"][0]["phases"]["idle"], most);
        assert_eq!(three.one.get("/").await.0, StatusCode::OK);
    });
}
