//! What `check --online` finds out about the state store: whether it is reached, and whether its own
//! settings endanger what is kept there.

use serde_json::{Value, json};

use crate::config::StateUrl;
use crate::redis::{Address, RedisOptions, Remark, inspect};

/// What a Redis said; `Err`: why it said nothing.
pub(super) struct Asked(Result<Vec<Remark>, String>);

/// Asks the store; `None` for one that is no server.
pub(super) async fn ask(url: &StateUrl) -> Option<Asked> {
    match url {
        StateUrl::Memory | StateUrl::Embedded(_) => None,
        StateUrl::Redis(address) => Some(ask_redis(address).await),
    }
}

async fn ask_redis(address: &Address) -> Asked {
    let answer = inspect(address, RedisOptions::default()).await;
    Asked(answer.map_err(|error| error.to_string()))
}

impl Asked {
    /// Tells whether the store was not reached.
    pub(super) const fn failed(&self) -> bool {
        self.0.is_err()
    }

    /// Prints it for people.
    pub(super) fn print(&self) {
        match &self.0 {
            Err(reason) => {
                say!("state store: not reached: {reason}");
                say!("  remedy: start Redis, or mend state.url and what stands beside it");
            }
            Ok(remarks) if remarks.is_empty() => say!("state store: reached, and in order"),
            Ok(remarks) => {
                for one in remarks {
                    say!("state store {}: {}", one.server, one.message);
                    say!("  remedy: {}", one.remedy);
                }
            }
        }
    }

    /// Returns it for programs.
    pub(super) fn as_json(&self) -> Value {
        let one = |one: &Remark| json!({ "server": one.server, "message": one.message, "remedy": one.remedy });
        let remarks: Vec<Value> = self.0.iter().flatten().map(one).collect();
        json!({ "error": self.0.as_ref().err(), "remarks": remarks })
    }
}
