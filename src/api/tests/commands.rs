//! Commands for operators.

use super::*;

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
