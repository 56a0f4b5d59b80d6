//! The node file: what this process listens on, where its state lies, how often it works.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::reader::Section;
use super::secret::Environment;
use super::state::{StateConfig, StateUrl};
use super::values::web_url;
use super::{ingress, state};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Shorter sweeps would spend the far sides' quotas on nothing; longer ones hide lost pushes.
const SWEEP_RANGE: RangeInclusive<Duration> = SECOND..=DAY;
/// A reading costs a request a table, so that faster ones would spend the quota on nothing.
const FEED_RANGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(3600);
/// Each running cycle holds the pages of two far sides in memory.
const CYCLES_RANGE: RangeInclusive<u32> = 1..=4096;
/// Both sides together must stay below the 1,825 days that one calendar view may span.
const WINDOW_BACK_RANGE: RangeInclusive<Duration> = DAY..=Duration::from_secs(366 * 24 * 3600);
const WINDOW_AHEAD_RANGE: RangeInclusive<Duration> = DAY..=Duration::from_secs(1_400 * 24 * 3600);
/// Orchestrators kill a process some time after they asked it to end.
const GRACE_RANGE: RangeInclusive<Duration> = SECOND..=Duration::from_secs(600);
/// The longest name that DNS carries, in characters.
const HOST_NAME_MAX: usize = 253;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// Where the admin API, console, health and metrics are served. Private.
    pub listen: SocketAddr,
    /// Names by which it may be called there, beside loopback names and its own address.
    pub host_names: Vec<String>,
    /// Where links, cursors and leases are kept.
    pub state: StateConfig,
    /// When and how much is synchronized.
    pub sync: SyncConfig,
    /// Where change notifications are taken; `None`: nowhere, and none are asked for.
    pub ingress: Option<IngressConfig>,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
}

/// The public surface for change notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressConfig {
    /// Where this node listens for them.
    pub listen: SocketAddr,
    /// The address under which Graph reaches it, the same for all nodes, without a slash at the end.
    pub url: String,
}

/// The rhythm of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncConfig {
    /// Time between two sweeps of one mailbox.
    pub sweep_interval: Duration,
    /// The longest time between two sweeps of an idle mailbox of which both sides tell by themselves.
    pub idle_interval: Duration,
    /// Time between two readings of the changed rows of a tenant.
    pub feed_interval: Duration,
    /// Cycles of different mailboxes that may run at the same time.
    pub cycles_at_once: u32,
    /// How far the calendar window reaches into the past.
    pub window_back: Duration,
    /// How far the calendar window reaches into the future.
    pub window_ahead: Duration,
    /// Time that running cycles get to end at shutdown.
    pub shutdown_grace: Duration,
}

/// Where the node reports to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// OTLP over HTTP; `None`: no export.
    pub otlp_endpoint: Option<String>,
    /// The form of log lines.
    pub log: LogFormat,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading at a terminal.
    Text,
}

// === impl NodeConfig ===

impl Default for NodeConfig {
    fn default() -> NodeConfig {
        NodeConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            host_names: Vec::new(),
            state: StateConfig { url: StateUrl::Embedded(PathBuf::from("./data")), key: None },
            sync: SyncConfig {
                sweep_interval: 15 * 60 * SECOND,
                idle_interval: 30 * 60 * SECOND,
                feed_interval: 10 * SECOND,
                cycles_at_once: 32,
                window_back: 31 * DAY,
                window_ahead: 550 * DAY,
                shutdown_grace: 10 * SECOND,
            },
            ingress: None,
            telemetry: TelemetryConfig { otlp_endpoint: None, log: LogFormat::Json },
        }
    }
}

/// Returns the node; `None` or a default where a problem was reported.
pub(super) fn read(root: Section<'_>, env: &Environment) -> Option<NodeConfig> {
    let defaults = NodeConfig::default();
    let node = root.section("node");
    let listen = read_listen(&node, defaults.listen);
    let host_names = read_host_names(&node);
    node.finish();
    let config = NodeConfig {
        listen,
        host_names,
        state: state::read(root.section("state"), defaults.state, env),
        sync: read_sync(root.section("sync"), &defaults.sync),
        ingress: ingress::read(root.section("ingress")),
        telemetry: read_telemetry(root.section("telemetry"), &defaults.telemetry),
    };
    root.finish();
    Some(config)
}

fn read_host_names(node: &Section<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for text in node.texts("host_names").unwrap_or_default() {
        let name = text.value.to_ascii_lowercase();
        let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || name.len() > HOST_NAME_MAX || !name.chars().all(sign) {
            let message = format!("\"{}\" is no host name", text.value);
            let remedy = "write the name alone, without a port: \"lockstep.internal\"";
            node.error(&text.span, "host_names", &message, remedy);
        } else {
            names.push(name);
        }
    }
    names
}

fn read_listen(node: &Section<'_>, default: SocketAddr) -> SocketAddr {
    let Some(text) = node.text("listen") else { return default };
    text.value.parse().unwrap_or_else(|_| {
        let message = format!("\"{}\" is no IP address with a port", text.value);
        node.error(&text.span, "listen", &message, "write it like \"127.0.0.1:8080\"");
        default
    })
}

fn read_sync(sync: Section<'_>, defaults: &SyncConfig) -> SyncConfig {
    let config = SyncConfig {
        sweep_interval: sync.duration("sweep_interval", SWEEP_RANGE, defaults.sweep_interval),
        idle_interval: sync.duration("idle_interval", SWEEP_RANGE, defaults.idle_interval),
        feed_interval: sync.duration("feed_interval", FEED_RANGE, defaults.feed_interval),
        cycles_at_once: sync.whole("cycles_at_once", CYCLES_RANGE, defaults.cycles_at_once),
        window_back: sync.duration("window_back", WINDOW_BACK_RANGE, defaults.window_back),
        window_ahead: sync.duration("window_ahead", WINDOW_AHEAD_RANGE, defaults.window_ahead),
        shutdown_grace: sync.duration("shutdown_grace", GRACE_RANGE, defaults.shutdown_grace),
    };
    sync.finish();
    config
}

fn read_telemetry(telemetry: Section<'_>, defaults: &TelemetryConfig) -> TelemetryConfig {
    let otlp_endpoint = telemetry.text("otlp_endpoint").and_then(|text| {
        web_url(text.value)
            .map_err(|(message, remedy)| {
                telemetry.error(&text.span, "otlp_endpoint", &message, remedy);
            })
            .ok()
    });
    let words = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let log = telemetry.choice("log", &words, defaults.log).unwrap_or(defaults.log);
    telemetry.finish();
    TelemetryConfig { otlp_endpoint, log }
}
