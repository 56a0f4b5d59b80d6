//! Where Redis is and who asks there: the options of this room, and the clients made of them.
//!
//! Absent: reading such an address from a text, which the configuration does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, TlsCertificates, TlsMode,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

/// How often a call in a cluster is sent on or sent again: slots move one after the other, and a
/// master that died is found out by the first try.
const CLUSTER_TRIES: u32 = 3;
/// The waits between these tries, in milliseconds.
const CLUSTER_WAITS: (u64, u64) = (50, 500);
/// A connection on which nothing was acknowledged for so long is dead, though nobody said so.
const UNHEARD: Duration = Duration::from_secs(5);

/// The servers, how they are reached, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Which servers.
    pub servers: Servers,
    /// Connections are encrypted; `None`: they are not.
    pub tls: Option<Tls>,
    /// Who asks the servers.
    pub login: Login,
}

/// Which servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Servers {
    /// A single one.
    One {
        /// Where it is.
        host: Host,
        /// Its numbered database.
        database: u16,
    },
    /// A master that others watch, who say which server it is now.
    Sentinels {
        /// Where the watchers are.
        hosts: Vec<Host>,
        /// The name by which they know the master.
        master: String,
        /// Its numbered database.
        database: u16,
        /// Who asks the watchers.
        login: Login,
    },
    /// A cluster, which says itself where its servers are.
    Cluster {
        /// Where some of them are.
        hosts: Vec<Host>,
    },
}

/// A machine and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Name or IP address.
    pub name: String,
    /// Port.
    pub port: u16,
}

/// A user of a server; `None`: its default user, or no password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The name of an ACL user.
    pub user: Option<Hidden>,
    /// The password.
    pub password: Option<Hidden>,
}

/// How connections are encrypted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM of the authorities that may vouch for a server; `None`: those of this machine.
    pub authorities: Option<Hidden>,
    /// PEM of the certificate by which this process shows who it is, and of its key.
    pub certificate: Option<(Hidden, Hidden)>,
}

/// A text that no output shows.
#[derive(Clone)]
pub struct Hidden(SecretString);

impl From<SecretString> for Hidden {
    fn from(text: SecretString) -> Self {
        Self(text)
    }
}

impl Hidden {
    fn text(&self) -> &str {
        self.0.expose_secret()
    }

    fn bytes(&self) -> Vec<u8> {
        self.text().as_bytes().to_vec()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Hidden {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Hidden {}

/// The way to the server that is asked now. It may be another one next time.
pub(super) enum Route {
    /// Always the same.
    Server(Box<Client>),
    /// The master of now. Asking takes turns: the client keeps its connections.
    Sentinels(Box<Mutex<SentinelClient>>),
    /// Any server of a cluster, the next one each time.
    Any(Vec<Client>, AtomicUsize),
}

impl Route {
    /// Returns the server to connect to.
    pub(super) async fn find(&self) -> Result<Client, RedisError> {
        match self {
            Self::Server(client) => Ok(client.as_ref().clone()),
            Self::Sentinels(sentinels) => sentinels.lock().await.async_get_client().await,
            Self::Any(clients, turn) => {
                let turn = turn.fetch_add(1, Ordering::Relaxed) % clients.len().max(1);
                clients.get(turn).cloned().ok_or_else(nobody)
            }
        }
    }
}

fn nobody() -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, "the address names no server"))
}

impl Address {
    /// Returns where the servers are, for people.
    #[must_use]
    pub fn places(&self) -> String {
        let hosts = match &self.servers {
            Servers::One { host, .. } => std::slice::from_ref(host),
            Servers::Sentinels { hosts, .. } | Servers::Cluster { hosts } => hosts,
        };
        let place = |host: &Host| match host.name.contains(':') {
            true => format!("[{}]:{}", host.name, host.port),
            false => format!("{}:{}", host.name, host.port),
        };
        hosts.iter().map(place).collect::<Vec<_>>().join(", ")
    }

    /// Returns the address of a single server, unencrypted and without a password.
    #[must_use]
    pub fn server(name: &str, port: u16) -> Self {
        let host = Host { name: name.to_owned(), port };
        let servers = Servers::One { host, database: 0 };
        Self { servers, tls: None, login: Login::default() }
    }

    /// Returns the way to a server; in a cluster, to any.
    pub(super) fn route(&self) -> Result<Arc<Route>, RedisError> {
        Ok(Arc::new(match &self.servers {
            Servers::One { host, database } => {
                Route::Server(Box::new(self.client(host, *database)?))
            }
            Servers::Sentinels { hosts, master, database, login } => {
                let client = self.sentinels(hosts, master, *database, login)?;
                Route::Sentinels(Box::new(Mutex::new(client)))
            }
            Servers::Cluster { hosts } => {
                let clients = hosts.iter().map(|host| self.client(host, 0));
                Route::Any(clients.collect::<Result<_, _>>()?, AtomicUsize::new(0))
            }
        }))
    }

    /// Returns the client of a cluster; `None` when it is none.
    pub(super) fn cluster(
        &self,
        connect: Duration,
        response: Duration,
    ) -> Result<Option<ClusterClient>, RedisError> {
        let Servers::Cluster { hosts } = &self.servers else { return Ok(None) };
        let nodes = hosts.iter().map(|host| self.info(self.address(host), &self.login, 0));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let mut builder = ClusterClientBuilder::new(nodes)
            .tcp_settings(tcp())
            .connection_timeout(connect)
            .response_timeout(response)
            .overall_response_timeout(Some(connect.saturating_add(response)))
            .retries(CLUSTER_TRIES)
            .min_retry_wait(CLUSTER_WAITS.0)
            .max_retry_wait(CLUSTER_WAITS.1);
        if let Some(tls) = &self.tls {
            builder = builder.tls(TlsMode::Secure).certs(tls.files());
        }
        builder.build().map(Some)
    }

    fn sentinels(
        &self,
        hosts: &[Host],
        master: &str,
        database: u16,
        login: &Login,
    ) -> Result<SentinelClient, RedisError> {
        let watchers: Vec<ConnectionAddr> = hosts.iter().map(|host| self.address(host)).collect();
        let kind = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(watchers, master, kind)?
            .set_client_to_redis_db(i64::from(database))
            .set_client_to_redis_tcp_settings(tcp())
            .set_client_to_sentinel_tcp_settings(tcp());
        if let Some(user) = &self.login.user {
            builder = builder.set_client_to_redis_username(user.text());
        }
        if let Some(password) = &self.login.password {
            builder = builder.set_client_to_redis_password(password.text());
        }
        if let Some(user) = &login.user {
            builder = builder.set_client_to_sentinel_username(user.text());
        }
        if let Some(password) = &login.password {
            builder = builder.set_client_to_sentinel_password(password.text());
        }
        if let Some(tls) = &self.tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(tls.files())
                .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_certificates(tls.files());
        }
        builder.build()
    }

    fn client(&self, host: &Host, database: u16) -> Result<Client, RedisError> {
        let info = self.info(self.address(host), &self.login, database)?;
        match &self.tls {
            Some(tls) => Client::build_with_tls(info, tls.files()),
            None => Client::open(info),
        }
    }

    fn info(
        &self,
        address: ConnectionAddr,
        login: &Login,
        database: u16,
    ) -> Result<ConnectionInfo, RedisError> {
        // The name of the library is nobody's business, and telling it a right of its own.
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let mut settings = settings.set_db(i64::from(database));
        if let Some(user) = &login.user {
            settings = settings.set_username(user.text());
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password.text());
        }
        let info = address.into_connection_info()?;
        Ok(info.set_redis_settings(settings).set_tcp_settings(tcp()))
    }

    fn address(&self, host: &Host) -> ConnectionAddr {
        let (host, port) = (host.name.clone(), host.port);
        match &self.tls {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        }
    }
}

impl Tls {
    fn files(&self) -> TlsCertificates {
        let client_tls = self.certificate.as_ref().map(|(certificate, key)| ClientTlsConfig {
            client_cert: certificate.bytes(),
            client_key: key.bytes(),
        });
        TlsCertificates { client_tls, root_cert: self.authorities.as_ref().map(Hidden::bytes) }
    }
}

fn tcp() -> TcpSettings {
    let settings = TcpSettings::default();
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(UNHEARD);
    settings
}
