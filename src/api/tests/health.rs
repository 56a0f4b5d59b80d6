//! Health, readiness, metrics, and by which names the node is known.

use super::*;

#[test]
fn healthz_depends_on_nothing() {
    // A node that owns nothing and runs nothing is alive.
    on_system(async {
        let (status, _, body) = Node::empty().get("/healthz").await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ok\n"));
    });
}

#[test]
fn a_foreign_host_name_is_misdirected() {
    // A page that points its own name at this machine gets no answer and gives no command.
    on_system(async {
        let node = Node::new().await;
        for path in ["/", "/api/v1/tenants", "/metrics", "/nothing"] {
            let request = TestRequest::get().uri(path).insert_header((HOST, "evil.example:8080"));
            let (status, _, body) = node.call(request).await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{path}");
            assert!(body.contains("node.host_names"), "{body}");
        }
        let release = format!("/api/v1/tenants/contoso/mailboxes/{}/release", id(2));
        let request = TestRequest::post().uri(&release).insert_header((COMMAND_HEADER, "1"));
        let request = request.insert_header((HOST, "evil.example"));
        assert_eq!(node.call(request).await.0, StatusCode::MISDIRECTED_REQUEST);
    });
}

#[test]
fn readyz_waits_for_ownership_and_every_tenant() {
    // Not owning, then a tenant that was never read, then one that failed: that is an answer, too.
    on_system(async {
        let node = Node::empty();
        node.run(&["contoso"]).await;
        let (status, _, body) = node.get("/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("another node"), "{body}");
        node.state.ownership.hold().await.unwrap();
        let (status, _, body) = node.get("/readyz").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "not read yet: contoso\n")
        );
        let trouble = (Code::FarSideUnreachable, "no route".to_owned());
        node.state.list()[0].board.profile(at(), Some(trouble));
        assert_eq!(node.get("/readyz").await.0, StatusCode::OK);
        node.state.ownership.release().await;
        assert_eq!(node.get("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    });
}

#[test]
fn metrics_are_openmetrics() {
    // The content type names the format, the text ends as it must, and no mailbox is a label.
    on_system(async {
        let node = Node::new().await;
        let (status, kind, body) = node.get("/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(body.ends_with("# EOF\n"));
        for phase in ["idle", "halted", "excluded", "parked"] {
            let line = body.lines().find(|line| {
                line.starts_with("lockstep_mailboxes{")
                    && line.contains(&format!("phase=\"{phase}\""))
            });
            assert!(line.is_some_and(|line| line.ends_with(" 1")), "{phase}: {body}");
        }
        assert!(!body.contains(&id(1).to_string()) && !body.contains('@'));
    });
}

#[test]
fn the_server_listens_where_it_says() {
    // Port 0 takes a free one, and a second server on the same port is an error, not a panic.
    on_system(async {
        let node = Node::empty();
        let (server, address) =
            serve(node.state.clone(), SocketAddr::from(([127, 0, 0, 1], 0)), &[]).unwrap();
        assert_ne!(address.port(), 0);
        assert!(serve(node.state.clone(), address, &[]).is_err());
        let handle = server.handle();
        actix_rt::spawn(server);
        handle.stop(false).await;
    });
}
