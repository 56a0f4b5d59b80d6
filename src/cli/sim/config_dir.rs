//! A configuration directory for the stand-ins: the node, the tenants, the secrets.
//!
//! Nothing is overwritten: all files are compared before the first one is written.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::sim::world::World;

/// One file to write.
struct Wanted {
    path: PathBuf,
    text: String,
    mode: u32,
}

/// Writes the configuration of `world` into a directory, which is made when it is missing.
///
/// # Errors
/// Fails, before anything is written, when a file is there already and differs.
pub(super) fn write(directory: &Path, world: &World) -> anyhow::Result<()> {
    let directory = std::path::absolute(directory)?;
    let files = files(&directory, world);
    let mut missing = Vec::new();
    for file in files {
        match fs::read(&file.path) {
            Ok(found) if found == file.text.as_bytes() => {}
            Ok(_) => bail!(
                "{} is there already and differs: remove it, or name another directory with \
                 --write-config",
                file.path.display()
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(file),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.path.display()));
            }
        }
    }
    make_directory(&directory.join("tenants"), 0o755)?;
    make_directory(&directory.join("secrets"), 0o700)?;
    for file in &missing {
        create(file).with_context(|| format!("cannot write {}", file.path.display()))?;
    }
    Ok(())
}

fn files(directory: &Path, world: &World) -> Vec<Wanted> {
    let data = format!("embedded:{}", directory.join("data").display());
    // The escapes of JSON are valid in TOML.
    let data = serde_json::Value::from(data);
    let node = format!(
        "# A node for the stand-ins of `lockstep sim`.\n\n[state]\nurl = {data}\n\n[sync]\n\
         # The stand-ins have no quota worth sparing.\nsweep_interval = \"1m\"\n"
    );
    let mut files = vec![Wanted { path: directory.join("lockstep.toml"), text: node, mode: 0o644 }];
    let secrets = directory.join("secrets");
    for organization in &world.organizations {
        let path = directory.join("tenants").join(format!("{}.toml", organization.name));
        let text = organization.tenant_toml_with_files(&secrets);
        files.push(Wanted { path, text, mode: 0o644 });
        for (name, text) in organization.secrets() {
            files.push(Wanted { path: secrets.join(name), text, mode: 0o600 });
        }
    }
    files
}

fn make_directory(path: &Path, mode: u32) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.with_context(|| format!("cannot make {}", path.display()))
}

fn create(file: &Wanted) -> io::Result<()> {
    // Only a new file: whoever was faster keeps his.
    let mut options = OpenOptions::new();
    let mut handle = options.write(true).create_new(true).mode(file.mode).open(&file.path)?;
    handle.write_all(file.text.as_bytes())
}
