//! The pages for people.

use super::*;

/// Returns the first tag that is closed out of turn, or never.
fn unbalanced(page: &str) -> Option<String> {
    const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];
    let mut open: Vec<String> = Vec::new();
    for part in page.split('<').skip(1) {
        let Some((tag, _)) = part.split_once('>') else { return Some(part.to_owned()) };
        let name = tag.split_whitespace().next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Some(format!("/{name}"));
            }
        } else if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    open.pop()
}

#[test]
fn unbalanced_tags_are_found() {
    // The checker itself can fail.
    assert_eq!(unbalanced("<!DOCTYPE html><p>a<br>b</p>"), None);
    assert_eq!(unbalanced("<p><b>a</p></b>"), Some("/p".to_owned()));
    assert_eq!(unbalanced("<p>a"), Some("p".to_owned()));
}

#[test]
fn pages_are_whole_and_show_no_content() {
    // Balanced, without script, without an address; what operators look for stands on them.
    on_system(async {
        let node = Node::new().await;
        let trouble = (Code::FarSideUnreachable, "<b>no & route</b>".to_owned());
        node.state.list()[0].board.profile(at(), Some(trouble));
        let one = format!("/tenants/contoso/mailboxes/{}", id(1));
        let two = format!("/tenants/contoso/mailboxes/{}", id(2));
        let pages = [
            ("/", "&lt;b&gt;no &amp; route&lt;/b&gt;"),
            ("/tenants/contoso", "delete-budget"),
            (one.as_str(), "write-refused"),
            (two.as_str(), "None yet."),
        ];
        for (path, shown) in pages {
            let (status, kind, page) = node.get(path).await;
            assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
            assert_eq!(unbalanced(&page), None, "{path}");
            assert!(page.contains(shown), "{path}: {page}");
            assert!(page.starts_with("<!DOCTYPE html>") && !page.contains("<script"), "{path}");
            let text = page.split("</style>").nth(1).unwrap();
            assert!(!text.contains('@') && !text.contains("contoso.example"), "{path}");
        }
        // Halted before parked before idle, and those that take no part at the end.
        let (_, _, page) = node.get("/tenants/contoso").await;
        let order = |page: &str, numbers: [u128; 4]| {
            let places = numbers.map(|number| page.find(&id(number).to_string()).unwrap());
            assert!(places.is_sorted(), "{places:?}");
        };
        order(&page, [2, 4, 1, 3]);
        // One that works but has parked items comes before one that runs.
        let board = &node.state.list()[0].board;
        board.phase(id(2), Phase::Idle);
        board.phase(id(4), Phase::Running { dirty: false, failures: 0 });
        let (_, _, page) = node.get("/tenants/contoso").await;
        order(&page, [1, 4, 2, 3]);
        assert_eq!(node.get("/tenants/fabrikam").await.0, StatusCode::NOT_FOUND);
        let (_, _, page) = Node::empty().get("/").await;
        assert!(page.contains("No tenant runs here"));
        assert_eq!(unbalanced(&page), None);
    });
}

#[test]
fn what_a_page_refuses_is_a_page() {
    // Unknown tenants, mailboxes and pages, an id that is none, a foreign name: a sentence in a whole
    // page with its status, escaped. Programs get JSON as before.
    on_system(async {
        let node = Node::new().await;
        let unknown = format!("/tenants/contoso/mailboxes/{}", id(9));
        let paths = [
            ("/tenants/fabrikam", "there is no tenant fabrikam"),
            ("/tenants/%3Cb%3E", "there is no tenant &lt;b&gt;"),
            (unknown.as_str(), "there is no mailbox"),
            ("/tenants/contoso/mailboxes/none", "there is no such page"),
            ("/tenants/contoso/mailboxes/none/items/none", "there is no mailbox none"),
            ("/nothing", "there is no such page"),
        ];
        for (path, shown) in paths {
            let (status, kind, page) = node.get(path).await;
            assert_eq!(
                (status, kind.as_str()),
                (StatusCode::NOT_FOUND, "text/html; charset=utf-8")
            );
            assert_eq!(unbalanced(&page), None, "{path}");
            assert!(page.contains(shown) && !page.contains("error"), "{path}: {page}");
        }
        let foreign = TestRequest::get().uri("/").insert_header((HOST, "evil.example"));
        let (status, kind, _) = node.call(foreign).await;
        assert_eq!(
            (status, kind.as_str()),
            (StatusCode::MISDIRECTED_REQUEST, "text/html; charset=utf-8")
        );
        let (status, kind, _) = node.get("/api/v1/tenants/fabrikam").await;
        assert_eq!((status, kind.as_str()), (StatusCode::NOT_FOUND, "application/json"));
    });
}
