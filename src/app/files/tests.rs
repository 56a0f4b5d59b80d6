//! The tenant files of a folder over time.

use std::fs;

use super::*;
use crate::config::tests::self_contained;

/// A folder with these tenant files, and what reads them.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, TenantFiles) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tenants")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join("tenants").join(name), text).unwrap();
    }
    let environment = Environment::new([("DV".to_owned(), "hunter2".to_owned())]);
    let files = TenantFiles::new(folder.path().to_owned(), environment);
    (folder, files)
}

fn names(reading: &Reading) -> Vec<&str> {
    reading.files.iter().map(|file| file.config.tenant.as_str()).collect()
}

#[test]
fn a_broken_file_keeps_its_own_tenant_and_no_other() {
    // Who was in order before is kept; who never was is only told; who is gone is not kept.
    let good = self_contained();
    let other = good.replace("\"contoso\"", "\"fabrikam\"");
    let (folder, mut files) =
        folder(&[("a.toml", &good), ("b.toml", &other), ("c.toml", "tenant = 1")]);
    let reading = files.read();
    assert_eq!((names(&reading), reading.keep.len()), (vec!["contoso", "fabrikam"], 0));
    assert_eq!(reading.broken_files, 1);
    assert!(reading.problems.iter().all(|one| one.file.ends_with("c.toml")));
    fs::write(folder.path().join("tenants/a.toml"), format!("sweep = 1{good}")).unwrap();
    fs::remove_file(folder.path().join("tenants/b.toml")).unwrap();
    let reading = files.read();
    assert_eq!((names(&reading).len(), reading.keep), (0, vec!["contoso".to_owned()]));
    assert_eq!(reading.broken_files, 2);
}

#[test]
fn a_folder_that_cannot_be_read_keeps_all_tenants() {
    // It says nothing about any of them.
    let good = self_contained();
    let (folder, mut files) = folder(&[("a.toml", &good)]);
    assert_eq!(names(&files.read()), ["contoso"]);
    fs::rename(folder.path().join("tenants"), folder.path().join("away")).unwrap();
    fs::write(folder.path().join("tenants"), "no folder").unwrap();
    let reading = files.read();
    assert_eq!((names(&reading).len(), reading.keep), (0, vec!["contoso".to_owned()]));
}

#[test]
fn a_folder_that_is_not_there_any_more_keeps_all_tenants() {
    // A volume that is not mounted removes nobody; before there was a tenant there is nothing to miss.
    let good = self_contained();
    let (folder, mut files) = folder(&[]);
    let (tenants, away) = (folder.path().join("tenants"), folder.path().join("away"));
    fs::rename(&tenants, &away).unwrap();
    assert!(files.read().problems.is_empty());
    fs::rename(&away, &tenants).unwrap();
    fs::write(tenants.join("a.toml"), &good).unwrap();
    assert_eq!(names(&files.read()), ["contoso"]);
    fs::rename(&tenants, &away).unwrap();
    for _ in 0..2 {
        let reading = files.read();
        assert_eq!((names(&reading).len(), reading.keep), (0, vec!["contoso".to_owned()]));
        assert_eq!((reading.broken_files, reading.problems.len()), (1, 1));
    }
    fs::rename(&away, &tenants).unwrap();
    let reading = files.read();
    assert_eq!((names(&reading), reading.problems.len()), (vec!["contoso"], 0));
    // An empty folder says that they are gone.
    fs::remove_file(tenants.join("a.toml")).unwrap();
    let reading = files.read();
    assert_eq!((reading.files.len(), reading.keep.len()), (0, 0));
}

#[test]
fn a_second_file_of_a_tenant_takes_nothing_over() {
    // Whichever name sorts first: the running one goes on, a new one does not start.
    let good = self_contained();
    let (folder, mut files) = folder(&[("contoso.toml", &good)]);
    assert_eq!(names(&files.read()), ["contoso"]);
    let other = good.replace("app-1", "app-9");
    fs::write(folder.path().join("tenants/aaa.toml"), &other).unwrap();
    let reading = files.read();
    assert_eq!((names(&reading).len(), reading.keep), (0, vec!["contoso".to_owned()]));
    assert_eq!(reading.broken_files, 2);
    // Nothing ran when both were there from the beginning.
    let (_folder, mut files) = self::folder(&[("a.toml", &good), ("b.toml", &other)]);
    let reading = files.read();
    assert_eq!((reading.files.len(), reading.keep.len(), reading.broken_files), (0, 0, 2));
}
