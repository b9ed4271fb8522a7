//! What was compiled of components: it goes with the last of their versions, and what belongs to none with the next start.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::server::{Home, Server};

#[test]
fn what_was_compiled_goes_with_the_last_version_of_its_component() {
    let home = Home::without_cache();
    let cache = home.data().join("cache");
    let server = home.serve();
    for (guest, name) in [("count_v1", "count"), ("count_v1", "again"), ("value", "value")] {
        server.push(guest, name);
    }
    let [count, value] = ["count", "value"].map(|name| digest(&server, name));
    let is_there = |digest: &str| names(&cache).iter().any(|name| name.starts_with(digest));
    for (version, goes) in [("count@1", false), ("again@1", true)] {
        server.weir(&["operator", "rm", version]).well();
        assert_eq!((is_there(&count), is_there(&value)), (!goes, true), "{version}: {:?}", names(&cache));
    }
    let count_v1 = crate::server::guest_path("count_v1");
    let taken = ["push", count_v1.to_str().unwrap(), "--name", "value", "--version", "1"];
    server.weir(&taken).failed(&["value@1 is already the name of another component"]);
    assert!(!is_there(&count), "it was refused");
    server.push("count_v1", "new");
    assert!(is_there(&count));
}

#[test]
fn a_start_leaves_only_what_it_can_use_in_its_own_cache() {
    let home = Home::without_cache();
    let cache = home.data().join("cache");
    let server = home.serve();
    server.push("value", "value");
    let value = digest(&server, "value");
    let [used] = &names(&cache)[..] else { panic!("{:?}", names(&cache)) };
    let code = fs::read(cache.join(used)).unwrap();
    let other = "0".repeat(value.len());
    let no_use = [
        used.replace(&value, &other),
        format!("{value}-{other}.weirobj"),
        format!("{value}.weirobj"),
        ".tmpHalf".to_owned(),
    ];
    let fill = || no_use.iter().for_each(|name| fs::write(cache.join(name), &code).unwrap());
    server.kill();
    fill();
    home.serve().kill();
    assert_eq!(names(&cache), [used.as_str()]);
    assert_eq!(fs::read(cache.join(used)).unwrap(), code);
    // Shared with others.
    let shared = tempfile::tempdir().unwrap();
    fs::remove_dir_all(&cache).unwrap();
    symlink(shared.path(), &cache).unwrap();
    fill();
    home.serve().kill();
    assert_eq!(names(&cache).len(), no_use.len());
}

fn digest(server: &Server, name: &str) -> String {
    server.json(&["operator", "show", name])[0]["digest"].as_str().unwrap().to_owned()
}

/// Its files: the folder of functions in it is nobody's component.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file());
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}
