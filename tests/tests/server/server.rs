//! A server beside a test, its folders, which outlive it, and the commands that ask it.

use std::fs::DirBuilder;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{DirBuilderExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use weir_tests::running::{Ended, Running, look_for, root, weir};

/// A body is JSON.
pub(crate) const JSON: &str = "content-type: application/json\r\n";

/// The folders of a server.
pub(crate) struct Home(TempDir);

/// A server that runs. Dropped, it is killed.
pub(crate) struct Server {
    running: Running,
    /// As it has told it, with its scheme.
    pub(crate) address: String,
    token: Option<String>,
}

/// An answer of HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Lines, in lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Home {
    /// Nothing is in them but what was compiled for another server of these tests: each would take some of a second.
    pub(crate) fn new() -> Self {
        let home = Self::without_cache();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("server-cache");
        std::fs::create_dir_all(&cache).unwrap();
        DirBuilder::new().mode(0o700).create(home.data()).unwrap();
        symlink(cache, home.data().join("cache")).unwrap();
        home
    }

    /// Nothing is in them.
    pub(crate) fn without_cache() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// What the server keeps.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// What its pipelines may name.
    pub(crate) fn files(&self) -> PathBuf {
        self.0.path().join("files")
    }

    /// Writes a file that is no business of the server.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// The command that serves from here, with more arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = weir();
        command.args(["serve", "--data-dir"]).arg(self.data());
        command.arg("--files").arg(self.files()).args(arguments);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command
    }

    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Server {
        Server::of(Running::start(&mut self.command(arguments)))
    }

    /// Makes a token.
    pub(crate) fn token(&self, role: &str) -> String {
        let create = ["token", "create", role, "--role", role, "--data-dir"];
        run(weir().args(create).arg(self.data())).well().told.trim().to_owned()
    }
}

impl Server {
    /// A process that serves, as soon as it listens.
    pub(crate) fn of(mut running: Running) -> Self {
        running.until("it listens", |running| running.told().ends_with('\n'));
        let address = running.told().trim().to_owned();
        Self { running, address, token: None }
    }

    /// From now on this token goes with everything.
    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// A command that asks this server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = weir();
        command.args(arguments).env("WEIR_SERVER", &self.address);
        command.envs(self.token.iter().map(|token| ("WEIR_TOKEN", token)));
        command
    }

    /// Asks it by a command.
    pub(crate) fn weir(&self, arguments: &[&str]) -> Ended {
        run(&mut self.command(arguments))
    }

    /// What a command with `--json` prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        self.weir(&arguments).well().summary()
    }

    /// Pushes a guest of the tests; returns its version.
    pub(crate) fn push(&self, guest: &str, name: &str) -> String {
        let pushed = self.json(&["push", guest_path(guest).to_str().unwrap(), "--name", name]);
        pushed["operator"]["version"].as_str().unwrap().to_owned()
    }

    /// `count@1`, `count@2` and `value@1`.
    pub(crate) fn push_counters(&self) {
        let versions = [("count_v1", "count"), ("count_v2", "count"), ("value", "value")];
        assert_eq!(versions.map(|(guest, name)| self.push(guest, name)), ["1", "2", "1"]);
    }

    /// Deploys a pipeline, in the place of what runs.
    pub(crate) fn deploy(&self, home: &Home, pipeline: &str) -> Ended {
        let path = home.write("pipeline.toml", pipeline);
        self.weir(&["deploy", path.to_str().unwrap(), "--yes"])
    }

    pub(crate) fn show(&self, job: &str) -> Value {
        self.json(&["show", job])
    }

    /// Waits until a job is as it should be.
    pub(crate) fn until(&self, job: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Value::Null;
        let found = look_for(|| {
            seen = self.show(job);
            is_so(&seen).then(|| seen.clone())
        });
        found.unwrap_or_else(|| panic!("no end of waiting until {job} {what}: {seen:#}\n{}", self.running.said()))
    }

    /// Waits until a job is in a state.
    pub(crate) fn until_it_is(&self, job: &str, state: &str) -> Value {
        self.until(job, &format!("is {state}"), |shown| shown["state"] == state)
    }

    /// Waits until rows of a job have come out.
    pub(crate) fn until_rows(&self, job: &str, rows: u64) -> Value {
        // What it had done before a restart is counted, too.
        let has_rows = |shown: &Value| {
            shown["rows-out"].as_u64() >= Some(rows)
                && !["starting", "restarting"].iter().any(|state| shown["state"] == *state)
        };
        self.until(job, "has rows", has_rows)
    }

    /// Asks it over HTTP, with its token.
    pub(crate) fn http(&self, method: &str, path: &str, body: &Value) -> Answer {
        let token = self.token.iter().map(|token| format!("authorization: Bearer {token}\r\n"));
        let headers = token.collect::<String>() + JSON;
        self.raw(method, path, &headers, body.to_string().as_bytes())
    }

    /// Asks it over HTTP with these bytes and no others but a host and a length.
    pub(crate) fn raw(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        Answer::read(self.begin(method, path, headers, body))
    }

    /// The same; the answer is the caller's to read.
    pub(crate) fn begin(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> TcpStream {
        let host = if headers.contains("host:") { String::new() } else { "host: localhost\r\n".to_owned() };
        let length = body.len();
        let mut stream = self.send(&format!("{method} {path} HTTP/1.1\r\n{host}{headers}content-length: {length}\r\n"));
        // Who refuses without reading may hang up.
        let _ = stream.write_all(body);
        stream
    }

    /// Sends the head of a request; the rest is the caller's.
    pub(crate) fn send(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address.split_once("://").unwrap().1).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(b"connection: close\r\n\r\n").unwrap();
        stream
    }

    /// What the system says of its process: a file or folder of `/proc/PID`.
    pub(crate) fn proc(&self, name: &str) -> PathBuf {
        Path::new("/proc").join(self.running.id().to_string()).join(name)
    }

    /// A signal that ends it.
    pub(crate) fn abort(self) {
        self.running.signal("ABRT");
        assert_eq!(self.running.end().code, None);
    }

    /// Ends it, and it can do nothing about that.
    pub(crate) fn kill(self) {
        self.running.kill();
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn terminate(self) -> Ended {
        self.running.signal("TERM");
        self.running.end()
    }
}

impl Answer {
    pub(crate) fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        let read = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {read:?} {text:?}"));
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_lowercase(), body }
    }

    /// Checks that it is a problem document of a kind that says this.
    pub(crate) fn refused(&self, status: u16, kind: &str, says: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.head.contains("content-type: application/problem+json"), "{self:?}");
        assert_eq!(self.body["type"], format!("urn:weir:{kind}"), "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        assert!(self.body["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{self:?}");
    }
}

/// The component of a guest of the tests.
pub(crate) fn guest_path(guest: &str) -> PathBuf {
    root().join(format!("tests/guests/{guest}.wasm"))
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Ended::from(command.output().unwrap())
}

/// The lines of all files of a folder that are complete, without their headers.
pub(crate) fn lines(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            lines.extend(std::fs::read_to_string(path).unwrap().lines().skip(1).map(str::to_owned));
        }
    }
    lines
}
