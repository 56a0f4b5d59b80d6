//! A way to a server on which some answers do not arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use lockstep::redis::Address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Bytes after which a connection counts as one that asks for much.
const MUCH: usize = 100_000;

/// Passes connections on to a server, until one of them asks for much: its answers are held back.
pub(super) struct Proxy {
    pub(super) address: Address,
    /// Told when an answer is held back.
    pub(super) held: Arc<Notify>,
}

impl Proxy {
    /// Starts to listen; ends with the test's runtime.
    pub(super) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::server("127.0.0.1", listener.local_addr().unwrap().port());
        let held = Arc::new(Notify::new());
        let told = held.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(pass(client, server, told.clone()));
            }
        });
        Self { address, held }
    }
}

async fn pass(client: TcpStream, server: TcpStream, held: Arc<Notify>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let count = asked.clone();
    let up = async move {
        let mut bytes = vec![0; 64 * 1_024];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            count.fetch_add(read, SeqCst);
            if to_server.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async move {
        let mut bytes = vec![0; 64 * 1_024];
        while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
            if asked.load(SeqCst) > MUCH {
                held.notify_one();
                std::future::pending::<()>().await;
            }
            if to_client.write_all(&bytes[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(up, down);
}
