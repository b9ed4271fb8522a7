//! `cargo xtask example hot-swap`: a server, and what a person would type to replace an operator while rows flow through it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::command::{announce, root};

/// What is typed, and how long rows flow before the next.
const STORY: [(&str, u64); 10] = [
    ("push examples/hot-swap/level_v1.wasm --name level", 0),
    ("deploy examples/hot-swap/pipeline.toml", 3),
    ("ps", 0),
    ("push examples/hot-swap/level_v2.wasm --name level", 0),
    ("swap bids/level level@2 --shadow 2s", 0),
    ("swap bids/level level@2", 2),
    ("show bids", 0),
    ("rollback bids/level", 1),
    ("logs bids", 0),
    ("stop bids", 0),
];

/// Tells the story on a server of its own, whose folder is removed at the end.
#[expect(clippy::disallowed_methods, reason = "rows are to flow while a person would look")]
pub(super) fn run(weir: &Path) -> anyhow::Result<()> {
    let folder = root().join("target/hot-swap");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    announce("weir serve (its log is what has a time in front)");
    let mut server = Server(
        Command::new(weir)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .context("the server cannot be started")?,
    );
    let mut address = String::new();
    let said = server.0.stdout.take().context("the server has no output")?;
    BufReader::new(said).read_line(&mut address).context("the server says nothing")?;
    ensure!(!address.is_empty(), "the server has ended");
    for (line, seconds) in STORY {
        announce(&format!("weir {line}"));
        let status =
            Command::new(weir).args(line.split(' ')).env("WEIR_SERVER", address.trim()).current_dir(root()).status();
        ensure!(status.context("weir cannot be started")?.success(), "weir {line} failed");
        std::thread::sleep(Duration::from_secs(seconds));
    }
    announce(&format!("what it wrote: {}/files/levels/", folder.display()));
    Ok(())
}

/// Ended with its owner: its only job is stopped, so that nothing is lost.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
