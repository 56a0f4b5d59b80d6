//! The section `[state]`: where links, cursors and leases are kept, and how Redis is reached.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::reader::Section;
use super::secret::{Environment, Secret};
use super::values::{URL_MAX_BYTES, split_port};
use crate::redis::{Address, Hidden, Host, Login, Servers, Tls};

/// A shorter key could be guessed, and with it the content behind the fingerprints.
const KEY_MIN_BYTES: usize = 16;
/// Ports of Redis and of Sentinel where an address names none.
const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
/// Three Sentinels or six servers of a cluster are usual.
const HOSTS_MAX: usize = 64;
/// Longest name of a master.
const MASTER_MAX: usize = 100;

/// The state store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateConfig {
    /// Which store.
    pub url: StateUrl,
    /// The key of the fingerprints; `None`: the store makes one and keeps it.
    pub key: Option<Secret>,
}

/// A kind of state store and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateUrl {
    /// `memory:` – gone with the process.
    Memory,
    /// `embedded:PATH` – a folder of this machine, for a single node.
    Embedded(PathBuf),
    /// `redis://…` and its kin – shared by the nodes of a cluster.
    Redis(Box<Address>),
}

/// What is wrong with a text, and what to do about it.
type Fault = (String, &'static str);

/// The kinds of Redis that an address may name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Sentinels,
    Cluster,
}

impl Kind {
    const fn form(self) -> &'static str {
        match self {
            Self::One => "write it like \"redis://HOST:6379\" or \"rediss://HOST:6379/0\"",
            Self::Sentinels => {
                "write it like \"redis+sentinel://HOST:26379,HOST:26379,HOST:26379/MASTER\""
            }
            Self::Cluster => "write it like \"redis+cluster://HOST:6379,HOST:6379,HOST:6379\"",
        }
    }
}

/// Keys that have a meaning with Redis only.
struct Extras {
    login: Login,
    watchers: Login,
    authorities: Option<Hidden>,
    certificate: Option<Hidden>,
    certificate_key: Option<Hidden>,
}

const USER: &str = "user";
const PASSWORD: &str = "password";
const SENTINEL_USER: &str = "sentinel_user";
const SENTINEL_PASSWORD: &str = "sentinel_password";
const CA: &str = "ca";
const CERTIFICATE: &str = "certificate";
const CERTIFICATE_KEY: &str = "certificate_key";
const OF_REDIS: [&str; 7] =
    [USER, PASSWORD, SENTINEL_USER, SENTINEL_PASSWORD, CA, CERTIFICATE, CERTIFICATE_KEY];

/// Returns the store; the default where a problem was reported.
pub(super) fn read(state: Section<'_>, default: StateConfig, env: &Environment) -> StateConfig {
    let extras = read_extras(&state, env);
    let url = if state.has("url") { read_url(&state, env) } else { Some(default.url.clone()) };
    let url = url.map(|url| join(&state, url, extras)).unwrap_or(default.url);
    let key = state.secret("key", env);
    if key.as_ref().is_some_and(|key| key.expose().len() < KEY_MIN_BYTES) {
        let message = format!("is shorter than {KEY_MIN_BYTES} bytes");
        state.at("key", &message, "make one with: openssl rand -hex 32");
    }
    state.finish();
    StateConfig { url, key }
}

/// Returns the store, given as a string or, since it may hold a password, as a secret.
fn read_url(state: &Section<'_>, env: &Environment) -> Option<StateUrl> {
    let parsed = if state.is_table("url") {
        parse(state.secret("url", env)?.expose(), true)
    } else {
        parse(state.text("url")?.value, false)
    };
    parsed.map_err(|(message, remedy)| state.at("url", &message, remedy)).ok()
}

fn read_extras(state: &Section<'_>, env: &Environment) -> Extras {
    let hidden = |key| state.secret(key, env).map(|secret| secret.to_secret_string().into());
    let pem = |key, what: &str, fits: fn(&[u8]) -> bool| {
        let secret = state.secret(key, env)?;
        if !fits(secret.expose().as_bytes()) {
            let message = format!("holds no {what} in PEM form");
            state.at(key, &message, "name a file that begins with -----BEGIN …-----");
        }
        Some(secret.to_secret_string().into())
    };
    Extras {
        login: Login { user: hidden(USER), password: hidden(PASSWORD) },
        watchers: Login { user: hidden(SENTINEL_USER), password: hidden(SENTINEL_PASSWORD) },
        authorities: pem(CA, "certificate", is_certificates),
        certificate: pem(CERTIFICATE, "certificate", is_certificates),
        certificate_key: pem(CERTIFICATE_KEY, "private key", is_key),
    }
}

fn is_certificates(pem: &[u8]) -> bool {
    let mut found = CertificateDer::pem_slice_iter(pem).peekable();
    found.peek().is_some() && found.all(|one| one.is_ok())
}

fn is_key(pem: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(pem).is_ok()
}

/// Puts the other keys to the address, and reports those that do not fit it.
fn join(state: &Section<'_>, url: StateUrl, extras: Extras) -> StateUrl {
    let StateUrl::Redis(mut address) = url else {
        for key in OF_REDIS.into_iter().filter(|key| state.has(key)) {
            state.at(
                key,
                "has a meaning with Redis only",
                "remove it, or write state.url = \"redis://…\"",
            );
        }
        return url;
    };
    alone(state, USER, PASSWORD);
    alone(state, SENTINEL_USER, SENTINEL_PASSWORD);
    alone(state, CERTIFICATE, CERTIFICATE_KEY);
    alone(state, CERTIFICATE_KEY, CERTIFICATE);
    if address.login == Login::default() {
        address.login = extras.login;
    } else if let Some(key) = [USER, PASSWORD].into_iter().find(|key| state.has(key)) {
        state.at(key, "stands in state.url, too", "write it in one of both places");
    }
    match &mut address.servers {
        Servers::Sentinels { login, .. } => *login = extras.watchers,
        Servers::One { .. } | Servers::Cluster { .. } => {
            for key in [SENTINEL_USER, SENTINEL_PASSWORD].into_iter().filter(|key| state.has(key)) {
                state.at(key, "has a meaning with Sentinel only", Kind::Sentinels.form());
            }
        }
    }
    let Some(tls) = &mut address.tls else {
        for key in [CA, CERTIFICATE, CERTIFICATE_KEY].into_iter().filter(|key| state.has(key)) {
            let remedy = "write state.url = \"rediss://…\", with two s, or remove it";
            state.at(key, "has a meaning with an encrypted connection only", remedy);
        }
        return StateUrl::Redis(address);
    };
    tls.authorities = extras.authorities;
    tls.certificate = extras.certificate.zip(extras.certificate_key);
    StateUrl::Redis(address)
}

/// Reports a key that stands without the other that it needs.
fn alone(state: &Section<'_>, key: &'static str, other: &'static str) {
    if state.has(key) && !state.has(other) {
        let remedy = format!("add {other} = {{ file = \"/path\" }}, or remove {key}");
        state.at(key, &format!("needs state.{other} beside it"), &remedy);
    }
}

fn parse(text: &str, secret: bool) -> Result<StateUrl, Fault> {
    let refuse = |message: &str, remedy| Err((message.to_owned(), remedy));
    let (scheme, rest) = text.split_once(':').unwrap_or((text, ""));
    let (kind, tls) = match scheme {
        "memory" if rest.is_empty() && text.ends_with(':') => return Ok(StateUrl::Memory),
        "embedded" if rest.is_empty() || rest.starts_with("//") => {
            return refuse("names no folder", "write it like \"embedded:./data\"");
        }
        "embedded" => return Ok(StateUrl::Embedded(PathBuf::from(rest))),
        "redis" => (Kind::One, false),
        "rediss" => (Kind::One, true),
        "redis+sentinel" => (Kind::Sentinels, false),
        "rediss+sentinel" => (Kind::Sentinels, true),
        "redis+cluster" => (Kind::Cluster, false),
        "rediss+cluster" => (Kind::Cluster, true),
        _ => {
            return refuse(
                "is no known kind of store",
                "write \"embedded:PATH\", \"redis://HOST:6379\", \"rediss://…\", \
                 \"redis+sentinel://…\", \"redis+cluster://…\" or \"memory:\"",
            );
        }
    };
    let fault = |message: &str| (message.to_owned(), kind.form());
    if text.len() > URL_MAX_BYTES {
        return Err(fault("is too long for an address"));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(fault("holds a character that no address has"));
    }
    let rest = rest.strip_prefix("//").ok_or_else(|| fault("has no // behind its scheme"))?;
    if rest.contains(['?', '#']) {
        return refuse("carries a query or fragment", "end the address before ? and #");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user_info, hosts) = match authority.rsplit_once('@') {
        Some((user_info, hosts)) => (Some(user_info), hosts),
        None => (None, authority),
    };
    if user_info.is_some() && !secret {
        return refuse(
            "holds a user or a password",
            "write them as secrets, state.password = { env = \"NAME\" } and state.user, or the whole \
             address: url = { file = \"/path\" }",
        );
    }
    let login = user_info.map(read_login).transpose()?.unwrap_or_default();
    let servers = read_servers(kind, read_hosts(hosts, kind)?, path)?;
    let tls = tls.then(Tls::default);
    Ok(StateUrl::Redis(Box::new(Address { servers, tls, login })))
}

fn read_login(user_info: &str) -> Result<Login, Fault> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    if password.is_empty() {
        // Without one nobody logs in: the server's default user would be taken, and nobody told.
        return Err((
            "holds no password behind its user".to_owned(),
            "write //USER:PASSWORD@HOST, //:PASSWORD@HOST, or no @",
        ));
    }
    let part = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok((!text.is_empty()).then(|| Secret::new(text).to_secret_string().into())),
        Err(_) => Err((
            "has a user or a password that is no UTF-8".to_owned(),
            "write signs of other kinds as %XX, or use state.user and state.password",
        )),
    };
    Ok(Login { user: part(user)?, password: part(password)? })
}

fn read_hosts(text: &str, kind: Kind) -> Result<Vec<Host>, Fault> {
    let fault = |message: &str| (message.to_owned(), kind.form());
    let port = if kind == Kind::Sentinels { SENTINEL_PORT } else { REDIS_PORT };
    let one = |text| {
        let (name, given) = split_port(text).map_err(fault)?;
        if name.is_empty() {
            return Err(fault("names no host"));
        }
        let port = given.map_or(Some(port), |given| given.parse().ok().filter(|port| *port != 0));
        let port = port.ok_or_else(|| fault("has a port that is no number from 1 to 65535"))?;
        Ok(Host { name: name.to_owned(), port })
    };
    let hosts: Vec<Host> = text.split(',').map(one).collect::<Result<_, _>>()?;
    match (kind, hosts.len()) {
        (Kind::One, 2..) => Err((
            "names more than one server".to_owned(),
            "write redis+sentinel://…/MASTER or redis+cluster://… for several",
        )),
        (_, count) if count > HOSTS_MAX => Err(fault("names too many hosts")),
        _ => Ok(hosts),
    }
}

fn read_servers(kind: Kind, hosts: Vec<Host>, path: &str) -> Result<Servers, Fault> {
    let fault = |message: &str| (message.to_owned(), kind.form());
    let number = |text: &str| match text {
        "" => Ok(0),
        _ => text.parse().map_err(|_| fault("has a database that is no number")),
    };
    match kind {
        Kind::One => {
            let host = hosts.into_iter().next().ok_or_else(|| fault("names no host"))?;
            Ok(Servers::One { host, database: number(path)? })
        }
        Kind::Sentinels => {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            let sign = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            if master.is_empty() || master.len() > MASTER_MAX || !master.chars().all(sign) {
                return Err(fault("does not name the master that the Sentinels watch"));
            }
            let (master, database) = (master.to_owned(), number(database)?);
            Ok(Servers::Sentinels { hosts, master, database, login: Login::default() })
        }
        Kind::Cluster if !path.is_empty() => Err(fault("names a database, and a cluster has none")),
        Kind::Cluster => Ok(Servers::Cluster { hosts }),
    }
}
