//! Links in a folder that a pipeline is confined to: a link that leads out of it is neither read nor written through, whenever it was made.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A folder that a pipeline is confined to, beside one that is none of its business.
struct Confined {
    folder: TempDir,
}

impl Confined {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["files", "files/in", "outside", "outside/in"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("files/in/a.csv"), "k\n1\n").unwrap();
        for name in ["outside/a.csv", "outside/in/a.csv"] {
            fs::write(folder.path().join(name), "k\n9\n").unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self, toml: &str) -> Options {
        let mut options = options(toml, &self.path("files").canonicalize().unwrap());
        options.confined = true;
        options
    }
}

#[test]
fn a_link_that_comes_between_the_look_and_the_opening_is_not_followed() {
    for (swapped, target) in [("files/in/a.csv", "outside/a.csv"), ("files/in", "outside/in")] {
        let confined = Confined::new();
        let source = FileSource::open(&confined.options("path = \"in/a.csv\"")).unwrap();
        fs::rename(confined.path(swapped), confined.path("moved")).unwrap();
        symlink(confined.path(target), confined.path(swapped)).unwrap();
        let split = &source.splits(1).unwrap()[0];
        let opened = source.reader(split, &[0], None, Arc::new(ManualClock::default()));
        let error = opened.err().unwrap().to_string();
        assert!(error.contains("in/a.csv"), "{error}");
    }
}

#[test]
fn a_link_that_appears_while_a_file_is_opened_is_not_followed() {
    let confined = Confined::new();
    let root = confined::Root::of(&confined.options(""));
    let (real, link) = (confined.path("files/in"), confined.path("files/link"));
    symlink(confined.path("outside/in"), &link).unwrap();
    let (is_over, place) = (AtomicBool::new(false), confined.path("files/place"));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for from in [&real, &link] {
                    fs::rename(from, &place).unwrap();
                    fs::rename(&place, from).unwrap();
                }
            }
        });
        let mut read = 0;
        for _ in 0..20_000 {
            let text = root.open(&place.join("a.csv")).and_then(std::io::read_to_string);
            read += usize::from(text.as_ref().is_ok_and(|text| text == "k\n1\n"));
            assert!(text.is_err() || text.unwrap() == "k\n1\n", "it has led outside");
            let listed = root.names(&place);
            assert!(listed.is_err() || listed.unwrap() == ["a.csv"]);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(read > 0, "it was never there");
    });
}

#[test]
fn links_within_the_folder_are_followed_and_others_refused() {
    let confined = Confined::new();
    symlink(confined.path("files/in"), confined.path("files/absolute")).unwrap();
    symlink("in/../in", confined.path("files/relative")).unwrap();
    symlink(confined.path("outside"), confined.path("files/out")).unwrap();
    symlink("../outside/a.csv", confined.path("files/out.csv")).unwrap();
    for (path, is_read) in [
        ("absolute/a.csv", true),
        ("relative/a.csv", true),
        ("absolute/*.csv", true),
        ("relative", true),
        ("in/**", true),
        ("**", false),
        ("out/a.csv", false),
        ("out", false),
        ("out/*.csv", false),
        ("out.csv", false),
        ("*.csv", false),
    ] {
        let opened = FileSource::open(&confined.options(&format!("path = {path:?}\nformat = \"csv\"")));
        assert_eq!(opened.is_ok(), is_read, "{path}: {:?}", opened.err());
    }
    for (path, is_written) in [
        ("absolute/b.csv", true),
        ("new/b.csv", true),
        ("out/b.csv", false),
        ("out/new/b.csv", false),
        ("out.csv", false),
    ] {
        let opened = FileSink::open(&confined.options(&format!("path = {path:?}\nmode = \"overwrite\"")));
        assert_eq!(opened.is_ok(), is_written, "{path}: {:?}", opened.err());
    }
    assert_eq!(names(&confined.path("outside")), ["a.csv", "in"]);
}

#[test]
fn a_sink_writes_nothing_through_a_link_that_came_later() {
    let rows = sample();
    for path in ["in/out.csv", "in/"] {
        let confined = Confined::new();
        let sink = FileSink::open(&confined.options(&format!("path = {path:?}\nformat = \"csv\""))).unwrap();
        let mut writer = sink.writer(rows.schema(), &WriterContext::ALONE).unwrap();
        fs::rename(confined.path("files/in"), confined.path("moved")).unwrap();
        symlink(confined.path("outside/in"), confined.path("files/in")).unwrap();
        let mut written = writer.write(&stream_batch(rows.clone()));
        if written.is_ok() {
            let prepared = writer.prepare(weir_core::connector::Cut { attempt: 1, last: true }).unwrap()();
            written = prepared.and_then(|prepared| {
                let committer = sink.committer("job", 0).unwrap();
                committer.map_or(Ok(()), |mut committer| committer.commit(1, prepared.commit))
            });
        }
        assert!(written.unwrap_err().to_string().contains("in"), "{path}");
        assert_eq!(names(&confined.path("outside/in")), ["a.csv"]);
    }
}

#[test]
fn a_name_that_another_program_takes_meanwhile_stays_its_own() {
    let folder = TempDir::new().unwrap();
    let rows = sample();
    let sink = FileSink::open(&options("path = \"out.csv\"", folder.path())).unwrap();
    let mut writer = sink.writer(rows.schema(), &WriterContext::ALONE).unwrap();
    writer.write(&stream_batch(rows)).unwrap();
    let prepared = writer.prepare(weir_core::connector::Cut { attempt: 1, last: true }).unwrap()().unwrap();
    fs::write(folder.path().join("out.csv"), "precious\n").unwrap();
    let mut committer = sink.committer("job", 0).unwrap().unwrap();
    let error = committer.commit(1, prepared.commit).unwrap_err().to_string();
    assert!(error.contains("out.csv exists, and no run of the pipeline \"job\" has written it"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("out.csv")).unwrap(), "precious\n");
}
