//! Answers that break the connection, or do not end when they should.
//!
//! Actix drops a connection without flushing when a body fails. Before the first poll of a body
//! nothing has been sent, so a body that fails at once is a connection without an answer.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::net::{Shutdown, TcpStream as StdStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::sleep;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream;

/// Bytes per piece of a huge body.
const PIECE: u64 = 64 * 1024;

/// Gives the first half of a body time to leave.
const FLUSH_TIME: Duration = Duration::from_millis(10);

/// The socket of a connection, kept beside the one that actix reads and writes.
struct Socket(Arc<StdStream>);

/// All open connections.
///
/// Actix stops at once, leaving its connections to end by themselves a moment later, or by a slow
/// poll. Closing the sockets here makes a stop both quick and final.
#[derive(Debug)]
pub(super) struct Connections {
    /// Absent once the server stops.
    open: Mutex<Option<Vec<Weak<StdStream>>>>,
}

impl Connections {
    /// Returns an empty list.
    pub(super) fn new() -> Self {
        Self { open: Mutex::new(Some(Vec::new())) }
    }

    /// Keeps a second handle of a new socket, for `reset` and for `close`.
    pub(super) fn remember(&self, io: &dyn Any, data: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else { return };
        // Small answers must not wait for more to send.
        let _ = stream.set_nodelay(true);
        let Ok(handle) = stream.as_fd().try_clone_to_owned() else { return };
        let handle = Arc::new(StdStream::from(handle));
        match self.open.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(open) => {
                open.retain(|socket| socket.strong_count() > 0);
                open.push(Arc::downgrade(&handle));
            }
            None => shut(&handle),
        }
        data.insert(Socket(handle));
    }

    /// Closes every connection, those that come later included.
    pub(super) fn close(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        for socket in open.into_iter().flatten().filter_map(|socket| socket.upgrade()) {
            shut(&socket);
        }
    }
}

fn shut(socket: &StdStream) {
    // A socket that is closed already needs nothing more.
    let _ = socket.shutdown(Shutdown::Both);
}

/// Ends the connection without an answer: RST where possible, else FIN.
pub(super) fn reset(http: &HttpRequest) -> HttpResponse {
    if let Some(Socket(stream)) = http.conn_data::<Socket>()
        && set_zero_linger(stream).is_err()
    {
        shut(stream);
    }
    HttpResponse::Ok().streaming(stream::once(async { Err::<Bytes, _>(broken()) }))
}

/// Announces the whole body, sends half of it and ends the connection.
pub(super) fn truncated(mut head: HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    let length = body.len() as u64;
    let half = Bytes::from(body).slice(..(length / 2) as usize);
    let pieces = stream::unfold(Some(half), |half| async move {
        if let Some(half) = half.filter(|half| !half.is_empty()) {
            return Some((Ok(half), None));
        }
        sleep(FLUSH_TIME).await;
        Some((Err(broken()), None))
    });
    head.body(SizedStream::new(length, pieces))
}

/// Streams one JSON string of `total` bytes; the client is told no length.
pub(super) fn huge(total: u64) -> HttpResponse {
    let pieces = stream::unfold(0_u64, move |sent| async move {
        (sent < total).then(|| {
            let size = PIECE.min(total - sent);
            (Ok::<_, Infallible>(piece(sent, size, total)), sent + size)
        })
    });
    HttpResponse::Ok().content_type("application/json; charset=utf-8").streaming(pieces)
}

fn piece(sent: u64, size: u64, total: u64) -> Bytes {
    let mut bytes = vec![b'x'; size as usize];
    let opening: &[u8] = if sent == 0 { b"{\"value\":\"" } else { b"" };
    for (slot, byte) in bytes.iter_mut().zip(opening) {
        *slot = *byte;
    }
    if sent + size == total {
        for (slot, byte) in bytes.iter_mut().rev().zip(b"}\"") {
            *slot = *byte;
        }
    }
    Bytes::from(bytes)
}

/// Makes the last close of the socket send RST; the option belongs to the socket, not the handle.
fn set_zero_linger(stream: &StdStream) -> io::Result<()> {
    tokio::net::TcpStream::from_std(stream.try_clone()?)?.set_zero_linger()
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the fault plan broke the connection")
}
