//! The tenant files of a running node, read again and again.
//!
//! A tenant whose file broke goes on as its last good file said; who never had a good one waits.
//! Absent: what runs because of them (the node actor).

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::config::{self, Environment, Problem, Severity, TENANTS_FOLDER, TenantFile};

/// The files of one folder, and what they said last time.
pub(super) struct TenantFiles {
    directory: PathBuf,
    environment: Environment,
    /// The tenant of each file when it was last in order.
    names: HashMap<PathBuf, String>,
    /// What was told already.
    told: Vec<Problem>,
}

/// What the files say now.
pub(super) struct Reading {
    /// The files that are in order.
    pub(super) files: Vec<TenantFile>,
    /// Tenants whose file is broken now and was in order before.
    pub(super) keep: Vec<String>,
    /// How many files cannot be used.
    pub(super) broken_files: usize,
    /// All errors and warnings.
    pub(super) problems: Vec<Problem>,
}

impl TenantFiles {
    pub(super) fn new(directory: PathBuf, environment: Environment) -> Self {
        Self { directory, environment, names: HashMap::new(), told: Vec::new() }
    }

    /// Reads them all, and logs what was not there the last time.
    pub(super) fn read(&mut self) -> Reading {
        let (files, mut problems) = config::load_tenants(&self.directory, &self.environment);
        problems.extend(self.lost_folder());
        self.tell(&problems);
        for file in &files {
            self.names.insert(file.path.clone(), file.config.tenant.to_string());
        }
        let errors = problems.iter().filter(|one| one.severity == Severity::Error);
        let broken: BTreeSet<&Path> = errors.map(|one| one.file.as_path()).collect();
        let keep = self.keep(&broken);
        let stands = |path: &PathBuf| {
            broken.contains(path.as_path()) || files.iter().any(|file| file.path == *path)
        };
        if !broken.contains(self.directory.join(TENANTS_FOLDER).as_path()) {
            self.names.retain(|path, _| stands(path));
        }
        let broken_files = broken.len();
        self.told.clone_from(&problems);
        Reading { files, keep, broken_files, problems }
    }

    /// A folder that cannot be read says nothing about any tenant, so all stay.
    fn keep(&self, broken: &BTreeSet<&Path>) -> Vec<String> {
        let all = broken.contains(self.directory.join(TENANTS_FOLDER).as_path());
        let kept = self.names.iter().filter(|(file, _)| all || broken.contains(file.as_path()));
        kept.map(|(_, name)| name.clone()).collect()
    }

    /// A node without tenants is in order; one that loses the folder of those it runs (a volume that
    /// is not mounted) is not.
    fn lost_folder(&self) -> Option<Problem> {
        let folder = self.directory.join(TENANTS_FOLDER);
        (!self.names.is_empty() && !folder.exists()).then(|| {
            let remedy = "put it back; a tenant is taken out by removing its file";
            Problem::of_file(&folder, "is not there any more; its tenants go on".to_owned(), remedy)
        })
    }

    fn tell(&self, problems: &[Problem]) {
        for one in problems.iter().filter(|one| !self.told.contains(one)) {
            let (file, line) = (one.file.display(), one.line);
            let (field, remedy) = (one.field.as_str(), one.remedy.as_str());
            match one.severity {
                Severity::Error => {
                    tracing::error!(%file, line, field, remedy, "a tenant file: {}", one.message);
                }
                Severity::Warning => {
                    tracing::warn!(%file, line, field, remedy, "a tenant file: {}", one.message);
                }
            }
        }
        if problems.is_empty() && !self.told.is_empty() {
            tracing::info!("the tenant files are in order again");
        }
    }
}

#[cfg(test)]
mod tests;
