//! Whole folders of files: what is read, what is left out, and the files that are shipped.

use std::fs;
use std::path::Path;

use super::{env, generous, only, self_contained};
use crate::config::{
    FILE_MAX_BYTES, NodeConfig, check_node, check_tenant, load, load_tenants, render,
};

/// Writes the files below a new folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tenants")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn problems_of_two_files_come_together() {
    // A start that fails tells everything there is to mend.
    let folder = folder(&[
        ("lockstep.toml", "[node]\nlisten = \"nowhere\"\n"),
        ("tenants/a.toml", "tenant = \"a\"\nfoo = 1\n"),
        ("tenants/b.toml", "tenant = [\n"),
        ("tenants/ignored.toml.example", "tenant = 1\n"),
    ]);
    let problems = load(folder.path(), &env()).unwrap_err();
    let text = render(&problems);
    for part in ["lockstep.toml:2:10: node.listen: ", "a.toml:2:1: foo: ", "b.toml:"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("\n  remedy: "));
    assert!(!text.contains("ignored"));
}

#[test]
fn a_tenant_in_two_files_names_both() {
    // Two supervisors over one tenant would fight; neither is taken, and both files are named.
    let text = self_contained();
    let folder = folder(&[("tenants/a.toml", &text), ("tenants/b.toml", &text)]);
    let (tenants, problems) = load_tenants(folder.path(), &env());
    assert!(tenants.is_empty());
    let [first, second] = &problems[..] else { panic!("{problems:?}") };
    assert!(first.file.ends_with("a.toml") && first.message.contains("b.toml"), "{first:?}");
    assert!(second.file.ends_with("b.toml") && second.message.contains("a.toml"), "{second:?}");
}

#[test]
fn good_tenants_are_read_beside_broken_ones() {
    // One tenant's slip keeps no other tenant from running.
    let text = self_contained();
    let other = text.replace("\"contoso\"", "\"fabrikam\"");
    let folder = folder(&[
        ("tenants/a.toml", "tenant = 1"),
        ("tenants/b.toml", &text),
        ("tenants/c.toml", &text),
        ("tenants/d.toml", &other),
    ]);
    let (tenants, problems) = load_tenants(folder.path(), &env());
    let names: Vec<&str> = tenants.iter().map(|file| file.config.tenant.as_str()).collect();
    assert_eq!(names, ["fabrikam"]);
    for file in ["a.toml", "b.toml", "c.toml"] {
        assert!(problems.iter().any(|p| p.file.ends_with(file) && p.field == "tenant"), "{file}");
    }
}

#[test]
fn a_folder_without_files_is_a_node_without_tenants() {
    // A node may start before its first tenant is dropped in.
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(folder.path(), &env()).unwrap();
    assert_eq!(loaded.node, NodeConfig::default());
    assert!(loaded.tenants.is_empty());
}

#[test]
fn an_oversized_file_is_refused() {
    // Nobody can make the node read without end.
    let large = format!("#{}", "x".repeat(FILE_MAX_BYTES as usize));
    let folder = folder(&[("lockstep.toml", &large)]);
    assert!(only(load(folder.path(), &env())).message.contains("larger than"));
}

#[test]
fn every_shipped_file_is_in_order() {
    // The examples in config/ and deploy/ load as they are.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    let mut folders = vec![root.join("config"), root.join("deploy")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !name.contains(".toml") || name == "default-tenant.toml" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let problems = if folder.ends_with("tenants") {
                check_tenant(&text, &path, &generous()).1
            } else {
                check_node(&text, &path, &generous()).1
            };
            // What is to be filled in is told, nothing else.
            let others = problems.iter().filter(|one| one.message != "is that of the example");
            let others: Vec<_> = others.cloned().collect();
            assert!(others.is_empty(), "{}", render(&others));
            assert_eq!(problems.len(), if name.ends_with(".example") { 4 } else { 0 }, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} files seen");
}
