//! The files of deploy/ say what the program does: services, nodes, ports, secrets, paths.
//!
//! Absent: running them, which needs a container engine.

use std::net::SocketAddr;
use std::path::Path;

use chrono::{DateTime, Utc};
use lockstep::config::{self, Environment};
use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::world::{OrganizationSpec, SimClock, World};

/// `lockstep sim` without arguments: its port, its first organization, its mailboxes and seed.
const SIM: (u16, &str, usize, u64) = (9400, "contoso", 20, 1);

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines below a key at this depth, up to the next key beside it.
fn block<'a>(text: &'a str, key: &str, depth: usize) -> Vec<&'a str> {
    let head = format!("{:depth$}{key}:", "");
    let below = |line: &&str| {
        line.trim().is_empty()
            || line.trim_start().starts_with('#')
            || line.len() - line.trim_start().len() > depth
    };
    let from = text.lines().skip_while(|line| *line != head).skip(1);
    from.take_while(below).collect()
}

/// The keys at this depth of some lines.
fn keys<'a>(lines: &[&'a str], depth: usize) -> Vec<&'a str> {
    let at =
        |line: &&&str| line.len() - line.trim_start().len() == depth && !line.trim().is_empty();
    let known = lines.iter().filter(at).filter(|line| !line.trim_start().starts_with('#'));
    known.filter_map(|line| line.trim().split_once(':').map(|(key, _)| key)).collect()
}

/// The value of a key at the depth of a service's own keys.
fn value<'a>(service: &[&'a str], key: &str) -> Option<&'a str> {
    let head = format!("    {key}: ");
    service.iter().find_map(|line| line.strip_prefix(&head))
}

fn stand_ins() -> World {
    let (port, name, mailboxes, seed) = SIM;
    let now: DateTime<Utc> = "2026-11-24T09:00:00Z".parse().unwrap();
    let spec = SeedSpec::new(name, mailboxes, seed, now);
    let people = seed::organization(&spec);
    let organization = OrganizationSpec::new(name, people, seed);
    let clock = SimClock::fixed(now).as_fn();
    World::new(&format!("http://127.0.0.1:{port}"), vec![organization], clock)
}

/// The nodes of compose, each with the port of its API and the file that says so.
const NODES: [(&str, u16, &str); 3] = [
    ("node-1", 8080, "config/lockstep.toml"),
    ("node-2", 8082, "node-2.toml"),
    ("node-3", 8084, "node-3.toml"),
];

#[test]
fn compose_has_the_services_that_the_nodes_name() {
    // Redis under its name, the stand-ins at their port, three nodes with their ports on the host's loopback.
    let compose = read("deploy/compose.yaml");
    let services = block(&compose, "services", 0);
    assert_eq!(keys(&services, 2), ["redis", "stand-ins", "node-1", "node-2", "node-3"]);
    let sim = block(&compose, "stand-ins", 2);
    let command = format!("[\"sim\", \"--port\", \"{}\"]", SIM.0);
    assert_eq!(value(&sim, "command"), Some(command.as_str()));
    let ports = NODES.map(|(_, port, _)| format!("\"127.0.0.1:{port}:{port}\""));
    assert_eq!(value(&sim, "ports"), Some(format!("[{}]", ports.join(", ")).as_str()));
    for (name, port, file) in NODES {
        let node = block(&compose, name, 2);
        assert_eq!(value(&node, "network_mode"), Some("\"service:stand-ins\""));
        let own = format!("- ./{file}:/etc/lockstep/lockstep.toml:ro");
        assert_eq!(node.iter().any(|line| line.trim() == own), port != NODES[0].1, "{name}");
        let (text, path) = (read(&format!("deploy/{file}")), Path::new(file));
        let (config, problems) = config::check_node(&text, path, &Environment::new([]));
        let config = config.unwrap_or_else(|| panic!("{problems:?}"));
        assert_eq!(config.listen, SocketAddr::from(([0, 0, 0, 0], port)));
        // Who listens there takes the notices of all.
        let first = "http://127.0.0.1:8081";
        assert_eq!(config.ingress.unwrap().url, first, "{name}");
        assert!(text.contains("url = \"redis://redis:6379/0\""), "{name}");
    }
    let volumes = ["redis", "node-1", "node-2", "node-3"];
    assert_eq!(keys(&block(&compose, "volumes", 0), 2), volumes);
}

#[test]
fn who_uses_the_image_knows_how_to_build_it() {
    // A service without `build` would ask a registry for an image of that name.
    let compose = read("deploy/compose.yaml");
    let mut seen = 0;
    for name in keys(&block(&compose, "services", 0), 2) {
        let service = block(&compose, name, 2);
        let ours = value(&service, "image") == Some("lockstep");
        let build = value(&service, "build");
        assert_eq!(
            build,
            ours.then_some("{ context: .., dockerfile: deploy/Dockerfile }"),
            "{name}"
        );
        seen += usize::from(ours);
    }
    assert_eq!(seen, 1 + NODES.len());
}

#[test]
fn the_tenant_of_compose_is_that_of_the_stand_ins() {
    // Addresses, client ids and secrets are those that `lockstep sim` makes by itself.
    let world = stand_ins();
    let file = read("deploy/config/tenants/contoso.toml");
    let plain = |text: &str| {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(plain(&file), plain(&world.tenant_toml(SIM.1).unwrap()));
    let compose = read("deploy/compose.yaml");
    for (node, ..) in NODES {
        let service = block(&compose, node, 2).join("\n");
        let environment = block(&service, "environment", 4);
        for (name, secret) in world.secrets() {
            let line = format!("      {name}: \"{secret}\"");
            assert!(environment.contains(&line.as_str()), "{name} of {node} in {environment:?}");
        }
        assert_eq!(keys(&environment, 6).len(), world.secrets().len());
    }
}

#[test]
fn the_dockerfile_copies_what_is_there_and_what_it_may() {
    // Each path exists and is let through to the builder; folders, port and compiler fit.
    let docker = read("deploy/Dockerfile");
    let let_through = read("deploy/Dockerfile.dockerignore");
    let copies = docker.lines().filter_map(|line| line.strip_prefix("COPY "));
    let mut seen = 0;
    for copy in copies.filter(|copy| !copy.starts_with("--from")) {
        let mut words: Vec<&str> = copy.split(' ').collect();
        words.pop();
        for path in words {
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{path}");
            assert!(let_through.lines().any(|line| line == format!("!{path}")), "{path}");
            seen += 1;
        }
    }
    assert!(seen > 4, "{seen} paths");
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    assert!(docker.contains(&format!("FROM rust:{}-", version.trim_matches('"'))), "{version}");
    let compose = read("deploy/compose.yaml");
    for (path, volume) in [
        ("/etc/lockstep", "- ./config:/etc/lockstep:ro"),
        ("/var/lib/lockstep", "- node-1:/var/lib/lockstep"),
    ] {
        assert!(docker.contains(path) && compose.contains(volume), "{path}");
    }
    assert!(docker.contains("EXPOSE 8080\n"));
}
