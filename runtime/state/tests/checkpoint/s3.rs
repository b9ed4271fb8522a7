//! Checkpoints in S3, as a server on this machine speaks it: moto, a Python program that is installed into the build folder once.
//! Without Python, or without a network the first time, this is skipped and says so; where `CI=true` it fails instead.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use weir_state::checkpoint::CheckpointError;
use weir_state::{CheckpointStore, JobSnapshot, Snapshot, StateTable, SubtaskSnapshot};

use crate::samples::{assert_same, job, store};

/// What is installed; the versions of what it needs are its own choice.
const PACKAGES: [&str; 3] = ["moto[s3]==5.2.5", "flask<4", "flask-cors<7"];
/// How long the server may take to answer: it is slow to load on a busy machine.
const STARTS_MAX: u32 = 1200;

/// A server, which ends with the test.
struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn on_a_server() {
    let server = match installed().and_then(|folder| start(&folder)) {
        Ok(server) => server,
        Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("{reason}"),
        Err(reason) => {
            println!("skipped: {reason}");
            return;
        }
    };
    // The store takes its credentials from the environment, which a process cannot change for itself alone.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "s3::as_the_environment_says", "--ignored", "--nocapture"])
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.port))
        .envs([("AWS_ALLOW_HTTP", "true"), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
}

#[test]
#[ignore = "on_a_server runs it, with an environment that says where the server is"]
fn as_the_environment_says() {
    let at = CheckpointStore::open("s3://weir/jobs/orders").unwrap();
    assert!(at.latest().unwrap().checkpoint.is_none());
    let mut old = at.claim("orders", 1).unwrap();
    for attempt in 1..=4 {
        store(&mut old, attempt, &job(attempt as i64)).unwrap();
    }
    old.retain(2).unwrap();
    assert_eq!(at.list().unwrap().iter().map(|l| l.number).collect::<Vec<_>>(), [5, 4]);

    let mut new = CheckpointStore::open("s3://weir/jobs/orders").unwrap().claim("orders", 2).unwrap();
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &job(4));
    assert!(matches!(store(&mut old, 5, &job(5)), Err(CheckpointError::Fenced { generation: 1, .. })));
    let large = large();
    let number = store(&mut new, 1, &large).unwrap();
    assert_same(&at.read(number).unwrap().snapshot, &large);
    new.retain(1).unwrap();
    assert_eq!(at.list().unwrap().len(), 1);
    assert_same(&at.latest().unwrap().checkpoint.unwrap().snapshot, &large);

    let beside = CheckpointStore::open("s3://weir/jobs").unwrap();
    assert!(beside.list().unwrap().is_empty(), "another prefix is another place");
    let error = CheckpointStore::open("s3://nothing/x").unwrap().list().unwrap_err();
    assert!(error.to_string().starts_with("checkpoints in s3://nothing/x: cannot list manifests: "), "{error}");
}

/// More than goes to a server in one piece.
fn large() -> JobSnapshot {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..9 << 20));
    let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let tables = vec![StateTable { name: "keys".to_owned(), key_group: Some(0), rows }];
    let operators = vec![("o".to_owned(), Snapshot { tables, ..Snapshot::default() })];
    let subtasks = vec![SubtaskSnapshot { subtask: "o/0".to_owned(), watermark: 0, operators, splits: None }];
    JobSnapshot { key_groups: 1, subtasks }
}

/// The folder of Python's packages; made once.
fn installed() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto");
    let done = folder.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|packages| packages == PACKAGES.join(" ")) {
        return Ok(folder);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(folder.join("bin/python")).args(pip).args(PACKAGES))?;
    std::fs::write(done, PACKAGES.join(" ")).map_err(|e| e.to_string())?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{command:?} cannot be run: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?} failed: {said}")) }
}

/// Starts the server, with one bucket.
fn start(folder: &Path) -> Result<Server, String> {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?.port();
    let mut command = Command::new(folder.join("bin/python"));
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut server = Server { process: process.map_err(|e| format!("{command:?} cannot be run: {e}"))?, port };
    for _ in 0..STARTS_MAX {
        if let Some(status) = server.process.try_wait().map_err(|e| e.to_string())? {
            return Err(format!("{command:?} ended: {status}"));
        }
        if make_bucket(port).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
            return Ok(server);
        }
        wait_a_moment();
    }
    Err(format!("{command:?} does not answer"))
}

fn make_bucket(port: u16) -> std::io::Result<String> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    server.write_all(b"PUT /weir HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    server.read_to_string(&mut answer)?;
    Ok(answer)
}

#[expect(clippy::disallowed_methods, reason = "nothing tells when another program listens")]
fn wait_a_moment() {
    std::thread::sleep(Duration::from_millis(100));
}
