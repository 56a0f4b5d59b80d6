//! Commands for operators.

use super::*;
use crate::actors::hints;
use crate::memory::LocalBus;
use crate::ports::wake::{Answered, Channel, Hint, WakeBus};

#[test]
fn commands_need_their_header_and_somebody_who_obeys() {
    // Without the header 403; unknown mailboxes 404; a mailbox that takes no part 409.
    on_system(async {
        let node = Node::new().await;
        let path = |tenant: &str, number: u128, verb: &str| {
            format!("/api/v1/tenants/{tenant}/mailboxes/{}/{verb}", id(number))
        };
        let item = format!("items/{}/ignore-conflict", id(7));
        let item = path("contoso", 1, &item);
        let (status, _, _) = node.call(TestRequest::post().uri(&item)).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(node.post(&item).await, StatusCode::CONFLICT, "nothing waits for a decision");
        for verb in ["sync", "release"] {
            let bare = TestRequest::post().uri(&path("contoso", 1, verb));
            let (status, _, body) = node.call(bare).await;
            assert_eq!(status, StatusCode::FORBIDDEN);
            assert!(body.contains(COMMAND_HEADER), "{body}");
            assert_eq!(node.post(&path("contoso", 1, verb)).await, StatusCode::ACCEPTED);
            assert_eq!(node.post(&path("contoso", 9, verb)).await, StatusCode::NOT_FOUND);
            assert_eq!(node.post(&path("contoso", 3, verb)).await, StatusCode::CONFLICT);
            assert_eq!(node.post(&path("fabrikam", 1, verb)).await, StatusCode::NOT_FOUND);
            // A command is no page: a link or an image cannot send one.
            let (status, _, _) = node.get(&path("contoso", 1, verb)).await;
            assert!(status.is_client_error());
        }
    });
}

#[test]
fn sch_03_a_sync_at_any_node_is_asked_of_the_owner() {
    // This node owns nothing: it asks over the bus and shows the owner's answer; when nobody answers
    // it says so, and does not claim that a cycle ended.
    on_system(async {
        let node = Node::new().await;
        let bus: Arc<dyn WakeBus> = Arc::new(LocalBus::new());
        let relay = Relay::new(bus.clone());
        let state = ApiState { relay: Some(relay.clone()), ..node.state.clone() };
        let other = Node { state };
        actix_rt::spawn(hints::hear(bus.listen(), other.state.node.clone(), relay));
        let path = |query: &str| format!("/api/v1/tenants/contoso/mailboxes/{}/sync{query}", id(1));
        let ask = async |query: &str| {
            let request =
                TestRequest::post().uri(&path(query)).insert_header((COMMAND_HEADER, "1"));
            let (status, _, body) = other.call(request).await;
            (status, serde_json::from_str::<Value>(&body).unwrap())
        };
        assert!(ask("").await.1.get("forwarded").is_none(), "its own mailbox");
        other.state.ownership.release().await;
        let mut owner = bus.listen();
        let (status, answer) = ask("").await;
        assert_eq!((status, &answer["forwarded"]), (StatusCode::ACCEPTED, &Value::Bool(true)));
        assert_eq!(owner.hint().await, Hint::Changed(mailbox(1).key));
        let (status, answer) = ask("?wait=1").await;
        assert_eq!((status, &answer["ended"]), (StatusCode::ACCEPTED, &Value::Bool(false)));
        assert!(answer["message"].as_str().unwrap().contains("did not answer"), "{answer}");
        assert!(matches!(owner.hint().await, Hint::Sync(..)));
        for (ended, expected) in [(true, StatusCode::OK), (false, StatusCode::SERVICE_UNAVAILABLE)]
        {
            let answering = async {
                let Hint::Sync(key, ticket) = owner.hint().await else { panic!("no order") };
                assert_eq!(key, mailbox(1).key);
                let answer = Answered { ended, mailbox: "{\"phase\":\"idle\"}".to_owned() };
                bus.publish(&[(Channel::Everybody, Hint::Synced(ticket, answer))]).await.unwrap();
                // Its own answer comes by as well.
                owner.hint().await;
            };
            let ((status, answer), ()) = futures_util::join!(ask("?wait=60"), answering);
            assert_eq!(status, expected, "{answer}");
            assert_eq!(answer["mailbox"]["phase"] == "idle", ended);
        }
    });
}

#[test]
fn what_is_said_of_a_mailbox_elsewhere_names_no_address() {
    // The bus carries ids, phases and codes.
    on_system(async {
        let node = Node::new().await;
        let said = describe(&node.state.list()[0], id(2));
        assert!(said.contains("delete-budget"), "{said}");
        assert!(!said.contains('@') && !said.contains("address"), "{said}");
        assert_eq!(describe(&node.state.list()[0], id(99)), "null");
    });
}
