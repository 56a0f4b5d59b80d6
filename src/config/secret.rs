//! Secrets and where they come from.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// Bytes of one secret; client secrets have about 40, a connection string a few hundred.
const SECRET_MAX_BYTES: u64 = 64 * 1024;

/// A value that no output shows.
#[derive(Clone)]
pub struct Secret(SecretString);

type FileReader = dyn Fn(&Path) -> io::Result<String> + Send + Sync;

/// What a configuration may refer to: environment variables and secret files.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    read_file: Arc<FileReader>,
}

// === impl Secret ===

impl Secret {
    /// Returns a secret of this text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(SecretString::from(text.into()))
    }

    /// Returns the text. Only the code that sends it may ask.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Returns the text in the form that clients take.
    pub fn to_secret_string(&self) -> SecretString {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

// === impl Environment ===

impl Environment {
    /// Returns an environment of these variables that reads secret files from the disk.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
        Environment::with_files(variables, read_secret_file)
    }

    /// Returns an environment of these variables that reads secret files through `read_file`.
    pub fn with_files(
        variables: impl IntoIterator<Item = (String, String)>,
        read_file: impl Fn(&Path) -> io::Result<String> + Send + Sync + 'static,
    ) -> Environment {
        Environment { variables: variables.into_iter().collect(), read_file: Arc::new(read_file) }
    }

    /// Returns the variable, or why there is none.
    pub(super) fn variable(&self, name: &str) -> Result<Secret, String> {
        match self.variables.get(name) {
            Some(value) if !value.trim().is_empty() => Ok(Secret::new(value.trim())),
            Some(_) => Err(format!("the environment variable {name} is empty")),
            None => Err(format!("the environment variable {name} is not set")),
        }
    }

    /// Returns the content of the file without the white space around it, or why there is none.
    pub(super) fn file(&self, path: &Path) -> Result<Secret, String> {
        match (self.read_file)(path) {
            Ok(text) if !text.trim().is_empty() => Ok(Secret::new(text.trim())),
            Ok(_) => Err(format!("the file {} is empty", path.display())),
            Err(error) => Err(format!("the file {} cannot be read: {error}", path.display())),
        }
    }
}

impl fmt::Debug for Environment {
    // Values of the environment are secrets, and many have nothing to do with Lockstep.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.variables.len())
    }
}

fn read_secret_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(SECRET_MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_MAX_BYTES {
        return Err(io::Error::other(format!("larger than {SECRET_MAX_BYTES} bytes")));
    }
    Ok(text)
}
