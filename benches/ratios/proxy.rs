//! A proxy on the loopback address that can write down the requests that pass.
//!
//! Two threads a connection, bytes as they are: it runs in the stand-ins' process, so what it
//! costs is nobody's. Absent: chunked requests; no client here sends them.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

/// The requests that passed while it was open; closed, it keeps nothing.
#[derive(Default)]
pub(crate) struct Log(Mutex<Option<Vec<Value>>>);

impl Log {
    /// Opens the log.
    pub(crate) fn open(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// Closes the log and returns what it holds.
    pub(crate) fn close(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    fn add(&self, request: Value) {
        if let Some(list) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            list.push(request);
        }
    }
}

/// A port that is bound.
pub(crate) struct Proxy {
    listener: TcpListener,
    pub(crate) url: String,
}

impl Proxy {
    /// Binds a free port.
    pub(crate) fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// Passes connections on to `port` until the process ends.
    pub(crate) fn serve(self, port: u16, log: &Arc<Log>) {
        let log = log.clone();
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        thread::spawn(move || {
            for client in self.listener.incoming().flatten() {
                if let Err(error) = connect(client, upstream, &log) {
                    eprintln!("the proxy lost a connection: {error}");
                }
            }
        });
    }
}

fn connect(client: TcpStream, upstream: SocketAddr, log: &Arc<Log>) -> io::Result<()> {
    let server = TcpStream::connect(upstream)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let log = log.clone();
    thread::spawn(move || {
        let mut reader = Reader::default();
        pump(&mut from_client, &mut to_server, |bytes| reader.take(bytes, &log));
    });
    let (mut from_server, mut to_client) = (server, client);
    thread::spawn(move || pump(&mut from_server, &mut to_client, |_| {}));
    Ok(())
}

/// Copies until either end closes.
fn pump(from: &mut TcpStream, to: &mut TcpStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer)
        && count > 0
    {
        see(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    // The other direction ends too; an error means that it has.
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// Cuts the bytes of one connection into requests.
#[derive(Default)]
struct Reader(Vec<u8>);

impl Reader {
    fn take(&mut self, bytes: &[u8], log: &Log) {
        self.0.extend_from_slice(bytes);
        while let Some((request, length)) = parse(&self.0) {
            self.0.drain(..length);
            log.add(request);
        }
    }
}

/// Returns the first request and its length, once it is there as a whole.
fn parse(bytes: &[u8]) -> Option<(Value, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?, first.next()?);
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    let body = String::from_utf8_lossy(body);
    let request = json!({ "method": method, "target": target, "headers": headers, "body": body });
    Some((request, end + 4 + length))
}
