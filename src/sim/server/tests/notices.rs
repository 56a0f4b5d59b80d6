//! The courier: handshakes and notices over real sockets.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// An address that takes what is posted; it fails the first notices when told to.
struct Hook {
    url: String,
    got: Arc<Mutex<Vec<Value>>>,
    failures: Arc<AtomicUsize>,
}

impl Hook {
    async fn start(echoes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (got, failures) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let (list, left) = (Arc::clone(&got), Arc::clone(&failures));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = vec![0; 65_536];
                let mut length = 0;
                let (head, body) = loop {
                    length += stream.read(&mut bytes[length..]).await.unwrap();
                    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let line = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                    if line.is_some_and(|size| size.parse() == Ok(body.len())) {
                        break (head.to_owned(), body.to_owned());
                    }
                };
                let answer = match head.split_once("validationToken=") {
                    Some((_, rest)) if echoes => {
                        let token = rest.split(' ').next().unwrap();
                        let token = percent_encoding::percent_decode_str(token).decode_utf8_lossy();
                        let length = token.len();
                        format!(
                            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\
                             Content-Length: {length}\r\n\r\n{token}"
                        )
                    }
                    Some(_) => "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nno".to_owned(),
                    None if left.load(Ordering::SeqCst) > 0 => {
                        left.fetch_sub(1, Ordering::SeqCst);
                        "HTTP/1.1 503 Service Unavailable\r\n\r\n".to_owned()
                    }
                    None => {
                        let body: Value = serde_json::from_str(&body).unwrap();
                        list.lock().unwrap().extend(body["value"].as_array().unwrap().clone());
                        "HTTP/1.1 202 Accepted\r\n\r\n".to_owned()
                    }
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, got, failures }
    }

    /// Waits, bounded, for so many notices.
    async fn told(&self, count: usize) -> Vec<Value> {
        for _ in 0..2_000 {
            let got = self.got.lock().unwrap().clone();
            if got.len() >= count {
                return got;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("only {} notices came", self.got.lock().unwrap().len());
    }
}

async fn subscribe(rig: &Rig, url: &str) -> (u16, Value) {
    let until = start() + chrono::Duration::days(2);
    let body = json!({ "changeType": "created", "notificationUrl": url,
        "lifecycleNotificationUrl": format!("{url}/lifecycle"), "clientState": "s",
        "resource": format!("/users/{ADDRESS}/events"), "expirationDateTime": until.to_rfc3339() });
    let request = rig.graph(Method::POST, "/subscriptions");
    json_of(request.header("Content-Type", "application/json").body(body.to_string())).await
}

#[tokio::test]
async fn a_notice_arrives_also_after_failures() {
    // Handshake, a change, two answers of 503, then the notice; lifecycle events go the same way.
    let rig = Rig::start().await;
    let hook = Hook::start(true).await;
    let (status, made) = subscribe(&rig, &hook.url).await;
    assert_eq!(status, 201, "{made}");
    hook.failures.store(2, Ordering::SeqCst);
    assert_eq!(status_of(rig.create()).await, 201);
    let told = hook.told(1).await;
    assert_eq!((&told[0]["changeType"], &told[0]["clientState"]), (&json!("created"), &json!("s")));
    assert_eq!(told[0]["subscriptionId"], made["id"]);
    let (status, answer) =
        json_of(rig.control(Method::POST, "/lifecycle?event=subscriptionRemoved")).await;
    assert_eq!((status, &answer["subscriptions"]), (200, &json!(1)));
    assert_eq!(hook.told(2).await[1]["lifecycleEvent"], "subscriptionRemoved");
}

#[tokio::test]
async fn an_address_that_does_not_answer_the_token_gets_no_subscription() {
    // A wrong echo, nobody there and an address elsewhere: 400, and nothing is in force.
    let rig = Rig::start().await;
    let deaf = Hook::start(false).await;
    for url in [deaf.url.as_str(), "http://127.0.0.1:1/hook", "https://hooks.example/x"] {
        let (status, answer) = subscribe(&rig, url).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("ValidationError")), "{url}");
    }
    assert_eq!(rig.organization().graph().subscription_counts(), (0, 0));
}

#[tokio::test]
async fn notices_are_lost_and_doubled_when_told_to() {
    // The control endpoint sets shares; what is lost is counted.
    let rig = Rig::start().await;
    let hook = Hook::start(true).await;
    assert_eq!(subscribe(&rig, &hook.url).await.0, 201);
    let order = |faults: Value| {
        rig.control(Method::POST, "/notices").body(json!({ "faults": faults }).to_string())
    };
    assert_eq!(status_of(order(json!({ "lose": 1.5 }))).await, 400);
    assert_eq!(status_of(order(json!({ "lose": 1.0 }))).await, 200);
    assert_eq!(status_of(rig.create()).await, 201);
    for _ in 0..2_000 {
        if rig.organization().graph().lost_notices() > 0 {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(rig.organization().graph().lost_notices(), 1);
    assert_eq!(status_of(order(json!({ "duplicate": 1.0 }))).await, 200);
    assert_eq!(status_of(rig.create()).await, 201);
    let told = hook.told(2).await;
    assert_eq!(told[0]["id"], told[1]["id"]);
}
