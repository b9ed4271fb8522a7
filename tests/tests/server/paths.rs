//! Paths of pipelines: no job writes into what another one writes, and none gets out of the folder of files, whatever links there are.

use std::fs;
use std::os::unix::fs::symlink;

use crate::server::{Home, Server};

/// A job without an end that writes to a path.
fn writes(name: &str, path: &str) -> String {
    format!(
        r#"name = "{name}"
[checkpoint]
interval = "100ms"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = 2000
[sinks.out]
input = "bids"
connector = "file"
path = "{path}"
format = "csv"
"#
    )
}

/// A job that reads a path, and writes nothing.
fn reads(name: &str, path: &str) -> String {
    format!(
        r#"name = "{name}"
[sources.rows]
connector = "file"
path = "{path}"
format = "csv"
[sinks.out]
input = "rows"
connector = "blackhole"
"#
    )
}

/// Deploys it; it must be refused with this.
fn refused(server: &Server, home: &Home, pipeline: &str, says: &str) {
    let ended = server.deploy(home, pipeline);
    assert_ne!(ended.code, Some(0), "{pipeline}");
    assert!(ended.said.contains(says), "{}\n{pipeline}", ended.said);
}

#[test]
fn two_jobs_never_write_into_each_others_folders() {
    let home = Home::new();
    let server = home.serve();
    for folder in ["out", "sub", "sub/far"] {
        fs::create_dir(home.files().join(folder)).unwrap();
    }
    symlink(home.files().join("out"), home.files().join("link")).unwrap();
    symlink("out", home.files().join("near")).unwrap();
    server.deploy(&home, &writes("folder", "out/")).well();
    server.deploy(&home, &writes("file", "sub/far/x.csv")).well();
    server.until_rows("folder", 1);
    let met = ", and this one would write ";
    for (path, says) in [
        ("out/", "the job \"folder\" writes "),
        ("./out/.", "the job \"folder\" writes "),
        ("out/part-00000-000009-00000001.csv", met),
        ("out/x.csv", met),
        ("./out//x.csv", met),
        ("link/", "the job \"folder\" writes "),
        ("link/x.csv", met),
        ("near/x.csv", met),
        ("out/deep/", met),
        ("link/deep/", met),
        ("sub/far/", met),
        ("sub/", met),
        ("./", met),
        ("sub/far/x.csv", "the job \"file\" writes "),
        ("sub/../sub/far/x.csv", "leads out of the folder of files"),
    ] {
        refused(&server, &home, &writes("other", path), says);
        let overwrites = writes("other", path) + "mode = \"overwrite\"\n";
        let ended = server.deploy(&home, &overwrites);
        assert_ne!(ended.code, Some(0), "{path}");
    }
    // Neighbours are nobody's business, and what one writes another may read.
    server.deploy(&home, &writes("beside", "sub/far/y.csv")).well();
    server.deploy(&home, &writes("outer", "outer/")).well();
    server.until("folder", "has parts", |_| fs::read_dir(home.files().join("out")).unwrap().flatten().any(is_part));
    server.deploy(&home, &reads("reader", "out/")).well();
    // A link that comes later counts as well.
    server.weir(&["stop", "beside"]).well();
    fs::rename(home.files().join("sub/far"), home.files().join("sub/moved")).unwrap();
    symlink(home.files().join("out"), home.files().join("sub/far")).unwrap();
    server.weir(&["start", "beside"]).failed(&["the job \"folder\" writes "]);
}

fn is_part(entry: fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with("part-")
}

#[test]
fn a_link_out_of_the_folder_of_files_is_followed_by_nobody() {
    let home = Home::new();
    let server = home.serve();
    let outside = home.write("secret.csv", "word\nhidden\n").parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.csv"), "word\nhidden\n").unwrap();
    let files = home.files();
    fs::create_dir(files.join("in")).unwrap();
    fs::write(files.join("in/a.csv"), "word\nseen\n").unwrap();
    symlink(outside.join("secret.csv"), files.join("file.csv")).unwrap();
    symlink("../outside/secret.csv", files.join("near.csv")).unwrap();
    symlink(&outside, files.join("folder")).unwrap();
    symlink(outside.join("not-there.csv"), files.join("nothing.csv")).unwrap();
    symlink(home.data(), files.join("data")).unwrap();
    symlink("/proc/self/environ", files.join("environ.csv")).unwrap();
    let out = "a link in it leads out of the folder of files";
    for path in
        ["file.csv", "near.csv", "folder/secret.csv", "folder/", "folder/*.csv", "environ.csv", "data/catalog.sqlite"]
    {
        refused(&server, &home, &reads("reader", path), out);
    }
    // Where a pattern finds a link, no more than its name is told.
    for path in ["*.csv", "*/secret.csv", "*/catalog.*"] {
        let ended = server.deploy(&home, &reads("reader", path));
        assert!(ended.code != Some(0) && !ended.said.contains("hidden"), "{path}: {}", ended.said);
    }
    // `**` follows no links to folders.
    server.deploy(&home, &reads("all", "in/**")).well();
    for path in [
        "file.csv",
        "near.csv",
        "nothing.csv",
        "folder/",
        "folder/new.csv",
        "folder/new/",
        "data/jobs/x/",
        "data/x.csv",
    ] {
        for mode in ["", "mode = \"overwrite\"\n", "mode = \"append\"\n"] {
            let ended = server.deploy(&home, &(writes("writer", path) + mode));
            assert_ne!(ended.code, Some(0), "{path} {mode}");
        }
    }
    refused(&server, &home, &writes("writer", "folder/new.csv"), out);
    assert_eq!(fs::read_to_string(outside.join("secret.csv")).unwrap(), "word\nhidden\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    // Those that stay in it are.
    symlink(files.join("in"), files.join("inside")).unwrap();
    server.deploy(&home, &reads("inside", "inside/a.csv")).well();
    server.until_it_is("inside", "finished");
}

#[test]
fn a_link_that_comes_while_a_job_runs_leads_it_nowhere() {
    let home = Home::new();
    let server = home.serve();
    let outside = home.write("x", "").parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    for (name, path, folder) in [("parts", "out/", "out"), ("whole", "far/out.csv", "far")] {
        let folder = home.files().join(folder);
        server.deploy(&home, &writes(name, path).replace("rate = 2000", "rate = 2000\nevents = 6000")).well();
        server.until_rows(name, 100);
        server.until(name, "has its folder", |_| folder.exists());
        fs::rename(&folder, folder.with_extension("moved")).unwrap();
        symlink(&outside, &folder).unwrap();
        let shown =
            server.until(name, "fails", |shown| ["failed", "restarting"].contains(&shown["state"].as_str().unwrap()));
        assert!(shown.to_string().contains("leads out of the folder of files"), "{shown:#}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{name}");
        let _ = server.weir(&["stop", name, "--now"]);
    }
}

#[test]
fn a_sink_in_a_folder_that_its_pipeline_reads_with_a_pattern_is_refused() {
    let home = Home::new();
    let server = home.serve();
    fs::create_dir_all(home.files().join("in/sub")).unwrap();
    fs::write(home.files().join("in/a.csv"), "word\nseen\n").unwrap();
    fs::write(home.files().join("in/sub/b.csv"), "word\nseen\n").unwrap();
    for (read, written) in [
        ("in/**", "in/sub/out/"),
        ("in/**", "in/sub/"),
        ("in/**", "in/out.csv"),
        ("in/**/*.csv", "in/out/"),
        ("in/*/*.csv", "in/out/"),
        ("in/*.csv", "in/out.csv"),
        ("./in/*", "in/./out.csv"),
    ] {
        let pipeline =
            reads("loops", read).replace("\"blackhole\"", &format!("\"file\"\npath = \"{written}\"\nformat = \"csv\""));
        refused(&server, &home, &pipeline, "\"rows\" reads ");
    }
}
