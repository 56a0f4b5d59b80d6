//! Tests of the composition root.

use super::*;

#[test]
fn processes_that_may_run_at_once_have_names_of_their_own() {
    // A node keeps its name over a restart; commands and nodes without a port of their own share none.
    assert_eq!(name_of("host", 8080, SERVE, 7), "host:8080");
    assert_eq!(name_of("host", 8080, SERVE, 8), "host:8080");
    let names = [
        name_of("host", 8081, SERVE, 7),
        name_of("host", 0, SERVE, 7),
        name_of("host", 0, SERVE, 8),
        name_of("host", 8081, "sync", 7),
        name_of("host", 8081, "sync", 8),
        name_of("host", 0, "sync", 8),
        name_of("other", 8081, SERVE, 7),
    ];
    let different: std::collections::HashSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}
