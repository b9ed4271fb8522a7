//! Requests to a server that listens on a socket of this machine: whatever is sent, what comes back is an answer of HTTP, and never that
//! the server has failed. An input is a line with method and path, lines of headers, an empty line and the body; one that begins with
//! `!` is sent as it is.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use weir_core::memory::MemoryBudget;
use weir_core::time::Clock;
use weir_server::{ServeConfig, serve};

use super::pipeline::Harmless;
use crate::scratch;

/// How long an answer is waited for: longer than any that is not followed takes.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

static SERVER: LazyLock<SocketAddr> = LazyLock::new(start);

pub(super) fn run(bytes: &[u8]) {
    let (request, is_raw) = match bytes {
        [b'!', raw @ ..] => (raw.to_vec(), true),
        bytes => (request(bytes), false),
    };
    let mut stream = TcpStream::connect(*SERVER).expect("the server takes another connection");
    let _ = (stream.set_nodelay(true), stream.set_read_timeout(Some(ANSWER_TIME_MAX)));
    // It may answer, and close, before it has read everything.
    let _ = stream.write_all(&request);
    if is_raw {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let read = (&stream).take(ANSWER_BYTES_MAX).read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    if !is_raw {
        assert!(read.is_ok() || !answer.is_empty(), "no answer: {read:?}");
    }
    if !answer.is_empty() {
        let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|code| code.parse().ok());
        let status: u16 = status.unwrap_or_else(|| unreachable!("no answer of HTTP: {text}"));
        assert!((100..600).contains(&status) && status != 500, "{text}");
    }
}

/// A request with everything that HTTP needs.
fn request(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let head: Vec<u8> = head.iter().copied().filter(|byte| *byte != b'\r').collect();
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut request = [first, b" HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"].concat();
    // How long the body is, and that the connection ends, is said here; anything else can be sent as it is.
    for line in lines.filter(|line| !is_framing(line)) {
        request.extend([line, b"\r\n"].concat());
    }
    request.extend(format!("content-length: {}\r\n\r\n", body.len()).into_bytes());
    request.extend(body);
    request
}

fn is_framing(header: &[u8]) -> bool {
    let name = header.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
    [&b"connection"[..], b"content-length", b"transfer-encoding", b"expect"].contains(&name.trim_ascii())
}

/// Starts a server of this process, which has no file and no connection but this.
#[expect(clippy::disallowed_methods, reason = "a server has the machine's clock, and it is made here")]
fn start() -> SocketAddr {
    let (listening, address) = sync_channel(1);
    let config = move || ServeConfig {
        data_dir: scratch::folder().join("data"),
        files: None,
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        allow_plain_http: false,
        connections_max: Some(64),
        jobs_max: 4,
        disk_reserve_bytes: 0,
        job_disk_bytes_max: Some(1 << 20),
        dead_letter_bytes_max: 1 << 20,
        allow_connect: vec!["127.0.0.1:1".parse().expect("it is a place")],
        guest_bytes_max: 64 << 20,
        memory: MemoryBudget::unlimited(),
        job_memory_bytes_max: 16 << 20,
        drain_time_max: Duration::from_secs(1),
        // Components are the target `load`'s.
        compiler: vec!["false".into()],
        connectors: Box::new(Harmless),
        clock: Arc::new(MachineClock(Instant::now())),
        on_listening: {
            let listening = listening.clone();
            Box::new(move |address| {
                let _ = listening.send(address);
            })
        },
    };
    std::thread::spawn(move || {
        let ended = serve(config());
        unreachable!("the server has ended: {ended:?}");
    });
    address.recv().expect("the server listens")
}

/// Begins at some time, and goes as that of the machine.
struct MachineClock(Instant);

impl Clock for MachineClock {
    fn now_us(&self) -> i64 {
        const BEGIN_US: i64 = 1_700_000_000_000_000;
        BEGIN_US + i64::try_from(self.0.elapsed().as_micros()).unwrap_or_default()
    }
}
