//! `weir cache`: what it shows of a cache folder, and what it removes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn weir(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).arg("cache").args(args).output().unwrap()
}

fn document(folder: &Path, args: &[&str]) -> Value {
    let output = weir(folder, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fill(cache: &Path) {
    std::fs::create_dir_all(cache.join("functions")).unwrap();
    for (name, bytes) in [("a.weirobj", 1000), ("b.weirobj", 24), ("functions/a.weirfns", 2048), ("notes.txt", 7)] {
        std::fs::write(cache.join(name), vec![0; bytes]).unwrap();
    }
}

fn sizes(document: &Value) -> Value {
    let size = |of: &str| json!([document[of]["files"], document[of]["bytes"]]);
    json!([size("components"), size("functions")])
}

#[test]
fn show_counts_files_and_bytes_of_both_caches() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    assert_eq!(sizes(&document(folder.path(), &["show"])), json!([[0, 0], [0, 0]]));
    fill(&cache);
    let shown = document(folder.path(), &["show"]);
    assert_eq!(sizes(&shown), json!([[2, 1024], [1, 2048]]));
    assert_eq!(shown["dir"], json!(cache));
    assert_eq!(shown["functions"]["dir"], json!(cache.join("functions")));
    assert_eq!(shown["components"]["bytes-max"], json!(weir_host::limits::COMPONENT_CACHE_BYTES_MAX));
    let text = String::from_utf8(weir(folder.path(), &["show"]).stdout).unwrap();
    for said in ["components", "2.0 KiB", "256.0 MiB", "512 files", "cache/functions"] {
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn clear_removes_what_was_compiled_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    for (dir, args) in [("cache", vec!["clear"]), ("other", vec!["clear", "--dir", "other"])] {
        let cache = folder.path().join(dir);
        fill(&cache);
        assert_eq!(sizes(&document(folder.path(), &args)), json!([[2, 1024], [1, 2048]]));
        assert_eq!(sizes(&document(folder.path(), &args)), json!([[0, 0], [0, 0]]));
        assert!(cache.join("notes.txt").exists());
    }
    fill(&folder.path().join("cache"));
    let output = weir(folder.path(), &["clear"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "3 files removed, 3.0 KiB\n");
}

#[test]
fn a_folder_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    for command in ["show", "clear"] {
        let output = weir(folder.path(), &[command, "--dir", "file"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && stderr.contains("file"), "{stderr}");
    }
}
