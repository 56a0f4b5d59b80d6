//! The stand-ins' HTTP server: one port on the loopback address for all organizations.
//!
//! It runs in threads of its own with its own actix System, so it works from a test on a plain
//! tokio runtime as well as beside another actix System. It puts on the wire what `world` decides:
//! answers, delays, resets, bodies cut short; `courier` carries notices to whoever subscribed.
//! `/_sim/…` controls it from another process.
//! Absent: TLS, any address but loopback.

mod connection;
mod control;
mod courier;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::rt::time::sleep;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::sync::oneshot;

use super::compare::LedgerMark;
use super::wire::{Request, Response};
use super::world::{Outcome, World};

/// The largest request body, as large as an upload to Outlook may be (protocols A12).
const MAX_BODY: usize = 150 * 1024 * 1024;

/// How long a stop waits for requests that are being answered.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// How often a stop looks for them.
const STOP_STEP: Duration = Duration::from_millis(10);

/// A port that is bound but not yet served, so that its URL can go into a `World`.
#[derive(Debug)]
pub struct BoundPort {
    /// The port.
    pub port: u16,
    /// The URL of the server, without a slash at the end.
    pub url: String,
    listener: TcpListener,
}

impl BoundPort {
    /// Starts to serve `world` on this port.
    ///
    /// # Errors
    /// When no thread or no listener can be had.
    pub fn serve(self, world: Arc<World>) -> io::Result<SimServer> {
        self.serve_since(world, Vec::new())
    }

    /// The same, with the marks of the organizations in their order: `/_sim/compare` judges the mails
    /// since then as well.
    ///
    /// # Errors
    /// When no thread or no listener can be had.
    pub fn serve_since(self, world: Arc<World>, marks: Vec<LedgerMark>) -> io::Result<SimServer> {
        let Self { port: _, url, listener } = self;
        let connections = connection::Connections::new();
        let shared = Arc::new(Shared { world, marks, active: AtomicUsize::new(0), connections });
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("stand-ins".to_owned()).spawn(move || {
            actix_web::rt::System::new().block_on(run(listener, shared, ready, stopped))
        })?;
        is_ready.recv().map_err(|_| io::Error::other("the server thread ended early"))??;
        Ok(SimServer { url, stop: Some(stop), thread: Some(thread) })
    }
}

/// A running server; dropping it stops it too.
#[derive(Debug)]
pub struct SimServer {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SimServer {
    /// Binds 127.0.0.1 at `port`, or at a free port.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub fn bind(port: Option<u16>) -> io::Result<BoundPort> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or_default()))?;
        let port = listener.local_addr()?.port();
        Ok(BoundPort { port, url: format!("http://127.0.0.1:{port}"), listener })
    }

    /// Binds and serves in one go, for a world that was built for this port's URL.
    ///
    /// # Errors
    /// When the port cannot be had or the server cannot start.
    pub fn start(world: Arc<World>, port: Option<u16>) -> io::Result<Self> {
        Self::bind(port)?.serve(world)
    }

    /// Returns the URL of the server, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops the server: lets requests in hand finish, closes all connections, joins the thread.
    ///
    /// It blocks its thread for the time of the requests in hand, two seconds at most.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A server that has ended already needs no signal.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic of the server thread was reported there.
            let _ = thread.join();
        }
    }
}

impl Drop for SimServer {
    fn drop(&mut self) {
        self.halt();
    }
}

/// What the workers share.
struct Shared {
    world: Arc<World>,
    /// What was there before, by the organizations' order; none when nobody took them.
    marks: Vec<LedgerMark>,
    /// Requests whose answer is being made.
    active: AtomicUsize,
    connections: connection::Connections,
}

/// Counts a request as active while it lives.
struct Active<'s>(&'s AtomicUsize);

impl<'s> Active<'s> {
    fn begin(count: &'s AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The life of the server thread.
async fn run(
    listener: TcpListener,
    shared: Arc<Shared>,
    ready: std::sync::mpsc::SyncSender<io::Result<()>>,
    stopped: oneshot::Receiver<()>,
) {
    let server = match listen(listener, &shared) {
        Ok(server) => server,
        Err(error) => {
            // Nobody listens any more: then nobody needs the reason.
            let _ = ready.send(Err(error));
            return;
        }
    };
    let handle = server.handle();
    let running = actix_web::rt::spawn(server);
    actix_web::rt::spawn(courier::run(Arc::clone(&shared)));
    let _ = ready.send(Ok(()));
    // An error means that the `SimServer` is gone, which is a stop too.
    let _ = stopped.await;
    let mut waited = Duration::ZERO;
    while shared.active.load(Ordering::SeqCst) > 0 && waited < STOP_PATIENCE {
        sleep(STOP_STEP).await;
        waited += STOP_STEP;
    }
    // Answers that are made but not yet written leave now.
    sleep(STOP_STEP).await;
    shared.connections.close();
    handle.stop(false).await;
    if let Ok(Err(error)) = running.await {
        tracing::warn!(%error, "the stand-ins' server ended with an error");
    }
}

fn listen(listener: TcpListener, shared: &Arc<Shared>) -> io::Result<actix_web::dev::Server> {
    let (shared, remembering) = (Arc::clone(shared), Arc::clone(shared));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::from(Arc::clone(&shared)))
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .configure(control::routes)
            .default_service(web::to(answer))
    })
    .workers(2)
    .keep_alive(Duration::from_secs(3600))
    .client_request_timeout(Duration::from_secs(60))
    .disable_signals()
    .on_connect(move |io, data| remembering.connections.remember(io, data))
    .listen(listener)?
    .run();
    Ok(server)
}

/// Answers every request that is not for `/_sim/`.
async fn answer(http: HttpRequest, body: Bytes, shared: web::Data<Shared>) -> HttpResponse {
    let _active = Active::begin(&shared.active);
    let request = request_of(&http, &body);
    let admitted = match shared.world.admit(request.clone()) {
        Ok(admitted) => admitted,
        Err(refusal) => return render(refusal),
    };
    if admitted.delay_ms() > 0 {
        sleep(Duration::from_millis(admitted.delay_ms())).await;
    }
    let outcome = shared.world.carry_out(admitted);
    match courier::settled(&shared.world, &request, outcome).await {
        Outcome::Answer(answer) => render(answer),
        Outcome::Reset => connection::reset(&http),
        Outcome::Truncated(answer) => connection::truncated(head(&answer), answer.body),
        Outcome::Huge(bytes) => connection::huge(bytes),
    }
}

/// Copies a request into the stand-ins' form; a header value that is no text is left out.
fn request_of(http: &HttpRequest, body: &Bytes) -> Request {
    let uri = http.uri();
    let target = uri.path_and_query().map_or_else(|| uri.path(), |both| both.as_str());
    let headers = http.headers().iter().filter_map(|(name, value)| {
        // A value may hold UTF-8 although HTTP promises no more than bytes.
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    Request {
        method: http.method().as_str().to_owned(),
        target: target.to_owned(),
        headers: headers.collect(),
        body: body.to_vec(),
    }
}

fn render(answer: Response) -> HttpResponse {
    head(&answer).body(answer.body)
}

/// Builds the head of an answer; the length is the server's own business.
fn head(answer: &Response) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        if !name.eq_ignore_ascii_case("content-length") {
            builder.append_header((name.as_str(), value.as_str()));
        }
    }
    builder
}
