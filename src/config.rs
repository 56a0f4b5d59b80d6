//! Configuration: one node file and one file a tenant, read into validated values.
//!
//! `config/lockstep.toml` sets up the node (optional: everything has a default), each
//! `config/tenants/*.toml` one tenant. Every problem of every file is reported at once, with the
//! place and a remedy. Secrets come only by reference (`{ env = "…" }`, `{ file = "…" }`).
//!
//! Absent: reading the process environment (the caller passes [`Environment`]), watching files for
//! changes, and any use of the values. No room below knows this one.

mod directions;
mod ingress;
mod node;
mod problem;
mod reader;
mod secret;
mod settings;
mod state;
mod tenant;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::hash::Hasher;
use std::io::Read;
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;

pub use node::{IngressConfig, LogFormat, NodeConfig, SyncConfig, TelemetryConfig};
pub use problem::{Problem, Severity, as_json, render, split};
pub use secret::{Environment, Secret};
pub use state::{StateConfig, StateUrl};
pub use tenant::{
    ExchangeApi, ExchangeConfig, FarSide, KeepConfig, Mailboxes, PolicyConfig, TenantConfig,
};

use crate::domain::ids::TenantId;
use problem::Report;
use reader::Document;

/// The commented defaults of the node file.
pub const NODE_DEFAULTS: &str = include_str!("../config/default.toml");

/// The commented defaults of a tenant file; the far sides have none.
pub const TENANT_DEFAULTS: &str = include_str!("../config/default-tenant.toml");

/// Name of the node file inside the configuration folder.
const NODE_FILE: &str = "lockstep.toml";

/// Name of the folder of tenant files inside the configuration folder.
pub(crate) const TENANTS_FOLDER: &str = "tenants";

/// Bytes of one file. A tenant file with 10,000 listed mailboxes stays below half of it.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// Tenant files of one folder; a folder with more is not a folder of tenants.
const TENANT_FILES_MAX: usize = 10_000;

/// All configuration of a node.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The node file, or the defaults without one.
    pub node: NodeConfig,
    /// The tenant files, sorted by path.
    pub tenants: Vec<TenantFile>,
    /// What is allowed but likely not meant.
    pub warnings: Vec<Problem>,
}

/// One tenant file that is in order.
#[derive(Debug, Clone)]
pub struct TenantFile {
    /// Where it was read.
    pub path: PathBuf,
    /// What it says.
    pub config: TenantConfig,
    /// Changes when the text or a secret it refers to changes.
    pub digest: Digest,
}

/// A fingerprint of a tenant file and its secrets. It is compared only, never shown or stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl From<Digest> for u64 {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

/// Returns the configuration in `dir`, or every error of every file in it.
pub fn load(dir: &Path, env: &Environment) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Vec::new();
    let node = read_node(&dir.join(NODE_FILE), env, &mut problems);
    let (tenants, found) = load_tenants(dir, env);
    problems.extend(found);
    let (errors, warnings) = split(&problems);
    match node {
        Some(node) if errors.is_empty() => Ok(Loaded { node, tenants, warnings }),
        Some(_) | None => Err(errors),
    }
}

/// Returns the node of `dir` and what is to be warned of, or every error of the node file. The
/// tenant files are not looked at: a node starts whatever stands in them.
pub fn load_node(
    dir: &Path,
    env: &Environment,
) -> Result<(NodeConfig, Vec<Problem>), Vec<Problem>> {
    let mut problems = Vec::new();
    let node = read_node(&dir.join(NODE_FILE), env, &mut problems);
    let (errors, warnings) = split(&problems);
    node.map(|node| (node, warnings)).ok_or(errors)
}

/// Returns the tenant files in `dir` that are in order, and the problems of all.
///
/// A running node goes on with the last good file where this one is broken; a tenant that stands in
/// two files is returned once, from the first.
pub fn load_tenants(dir: &Path, env: &Environment) -> (Vec<TenantFile>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut tenants = Vec::new();
    for path in tenant_files(&dir.join(TENANTS_FOLDER), &mut problems) {
        let text = match read_bounded(&path) {
            Ok(text) => text,
            Err(error) => {
                problems.push(unreadable(&path, &error));
                continue;
            }
        };
        let (config, found) = check_tenant(&text, &path, env);
        problems.extend(found);
        if let Some(config) = config {
            let digest = digest(&text, &config);
            tenants.push(TenantFile { path, config, digest });
        }
    }
    drop_duplicates(&mut tenants, &mut problems);
    (tenants, problems)
}

/// Returns the tenant of one file's text, or every error in it. `path` places the problems and is
/// the base of relative secret files.
pub fn load_tenant(
    text: &str,
    path: &Path,
    env: &Environment,
) -> Result<TenantConfig, Vec<Problem>> {
    let (config, problems) = check_tenant(text, path, env);
    config.ok_or_else(|| problems.into_iter().filter(|p| p.severity == Severity::Error).collect())
}

/// Returns the tenant of one file's text when it has no error, and all errors and warnings.
pub fn check_tenant(
    text: &str,
    path: &Path,
    env: &Environment,
) -> (Option<TenantConfig>, Vec<Problem>) {
    let report = Report::new(path, text);
    let config = Document::parse(text, &report)
        .and_then(|document| tenant::read(document.root(&report), env));
    report.finish(config)
}

/// Returns the node of one file's text when it has no error, and all errors and warnings.
pub fn check_node(
    text: &str,
    path: &Path,
    env: &Environment,
) -> (Option<NodeConfig>, Vec<Problem>) {
    let report = Report::new(path, text);
    let config =
        Document::parse(text, &report).and_then(|document| node::read(document.root(&report), env));
    report.finish(config)
}

/// Returns the digest of a tenant file's text and the secrets it refers to, so that a rotated
/// secret counts as a change.
pub fn digest(text: &str, config: &TenantConfig) -> Digest {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    for side in [&config.dataverse, &config.exchange.side] {
        hasher.write_u8(0xff);
        hasher.write(side.client_secret.expose().as_bytes());
    }
    if let Some(key) = &config.keep.key {
        hasher.write_u8(0xff);
        hasher.write(key.expose().as_bytes());
    }
    Digest(hasher.finish())
}

// === impl Digest ===

impl std::fmt::Debug for Digest {
    // It depends on secrets, so it stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(***)")
    }
}

fn read_node(path: &Path, env: &Environment, problems: &mut Vec<Problem>) -> Option<NodeConfig> {
    let text = match read_bounded(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            problems.push(unreadable(path, &error));
            return None;
        }
    };
    let (node, found) = check_node(&text, path, env);
    problems.extend(found);
    node
}

/// Returns the `*.toml` files of the folder by name. A node without tenants is in order: tenants
/// may come later.
fn tenant_files(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(unreadable(folder, &error));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    if files.len() > TENANT_FILES_MAX {
        problems.push(Problem::of_file(
            folder,
            format!("holds {} tenant files; the limit is {TENANT_FILES_MAX}", files.len()),
            "spread the tenants over several clusters",
        ));
        files.clear();
    }
    files
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(FILE_MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_MAX_BYTES {
        return Err(std::io::Error::other(format!("larger than {FILE_MAX_BYTES} bytes")));
    }
    Ok(text)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::of_file(
        path,
        format!("cannot be read: {error}"),
        "make it readable for the user that runs lockstep, as UTF-8 text",
    )
}

/// Two files for one tenant would run two supervisors over the same mailboxes. Which one is meant
/// nobody knows, so neither is taken: a running tenant goes on as its file last said.
fn drop_duplicates(tenants: &mut Vec<TenantFile>, problems: &mut Vec<Problem>) {
    let mut paths: BTreeMap<TenantId, Vec<PathBuf>> = BTreeMap::new();
    for file in &*tenants {
        paths.entry(file.config.tenant.clone()).or_default().push(file.path.clone());
    }
    for (name, files) in &paths {
        for (file, other) in files.iter().zip(files.iter().cycle().skip(1)) {
            if file != other {
                problems.push(twice(name, file, other));
            }
        }
    }
    tenants.retain(|file| paths.get(&file.config.tenant).is_none_or(|files| files.len() == 1));
}

fn twice(name: &TenantId, file: &Path, other: &Path) -> Problem {
    let mut problem = Problem::of_file(
        file,
        format!("tenant \"{name}\" is also in {}", other.display()),
        "rename one of the two, or remove one file; until then neither is taken",
    );
    problem.field = "tenant".to_owned();
    problem
}

#[cfg(test)]
pub(crate) mod tests;
