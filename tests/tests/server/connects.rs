//! Where the jobs of a server connect to: only where they may, by whatever the address was named.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use weir_tests::running::Running;

use crate::server::{Home, Server};

/// A job that reads a topic of these brokers.
fn reads(brokers: &str) -> String {
    format!(
        r#"name = "led"
[sources.rows]
connector = "kafka"
brokers = "{brokers}"
topic = "t"
format = "raw"
[sinks.out]
input = "rows"
connector = "blackhole"
"#
    )
}

/// A job that writes to a topic of these brokers: they are not asked before it runs.
fn sends(brokers: &str) -> String {
    format!(
        r#"name = "sends"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = 10
[sinks.out]
input = "bids"
connector = "kafka"
brokers = "{brokers}"
topic = "t"
"#
    )
}

/// A job with checkpoints in a bucket.
fn keeps(location: &str) -> String {
    format!(
        r#"name = "keeps"
[checkpoint]
dir = "{location}"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = 10
[sinks.out]
input = "bids"
connector = "blackhole"
"#
    )
}

/// What a dry run of a deployment says, if it is refused.
fn refusal(server: &Server, home: &Home, pipeline: &str) -> Option<String> {
    let path = home.write("pipeline.toml", pipeline);
    let ended = server.weir(&["deploy", path.to_str().unwrap(), "--dry-run"]);
    (ended.code != Some(0)).then_some(ended.said)
}

/// The same command, of a process that knows nothing of S3 but this.
fn with_s3(mut command: Command, variables: &[(&str, &str)]) -> Server {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    Server::of(Running::start(command.envs(variables.iter().copied())))
}

#[test]
fn jobs_of_a_server_for_others_do_not_connect_to_its_own_machine() {
    let home = Home::new();
    let token = home.token("admin");
    let listen = ["--listen", "0.0.0.0:0", "--allow-plain-http"];
    let reachable = |mut server: Server| {
        server.address = server.address.replace("0.0.0.0", "127.0.0.1");
        server.with_token(&token)
    };
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    let server = reachable(with_s3(home.command(&listen), &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")]));
    for (brokers, says) in [
        ("127.0.0.1:9092", "may not connect to 127.0.0.1:9092: "),
        ("localhost:9092", ":9092, which \"localhost\" is: "),
        ("10.255.255.1:9092, 127.1.2.3", "may not connect to 127.1.2.3:9092: "),
        ("[::1]:9092", "may not connect to [::1]:9092: "),
        ("[::ffff:127.0.0.1]:9092", "may not connect to 127.0.0.1:9092"),
        ("PLAINTEXT://127.0.0.1:1", "may not connect to 127.0.0.1:1: "),
        ("0.0.0.0:1", "may not connect to 0.0.0.0:1: "),
        ("2130706433:1", "may not connect to 127.0.0.1:1, which \"2130706433\" is: "),
        ("169.254.169.254:80", "may not connect to 169.254.169.254:80: "),
        ("[fd00:ec2::254]:80", "may not connect to [fd00:ec2::254]:80: "),
    ] {
        let said = refusal(&server, &home, &sends(brokers)).unwrap_or_else(|| panic!("{brokers} is allowed"));
        assert!(said.contains(says) && said.contains("--allow-connect HOST:PORT"), "{brokers}: {said}");
    }
    assert_eq!(refusal(&server, &home, &sends("10.255.255.1:9092")), None);
    let said = refusal(&server, &home, &keeps("s3://bucket/x")).unwrap();
    assert!(
        said.contains("checkpoints in s3://bucket/x: jobs of this server may not connect to 127.0.0.1:9"),
        "{said}"
    );
    server.kill();
    // Without keys it would ask the machine's metadata service.
    let server = reachable(with_s3(home.command(&listen), &[("AWS_ENDPOINT_URL", "http://10.255.255.1:9")]));
    let said = refusal(&server, &home, &keeps("s3://bucket/x")).unwrap();
    assert!(said.contains("may not connect to 169.254.169.254:80"), "{said}");
    server.kill();
    let places = [&listen[..], &["--allow-connect", "127.0.0.1:9092", "--allow-connect", "10.0.0.0/8:*"]].concat();
    let variables = [&keys[..], &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9092")]].concat();
    let server = reachable(with_s3(home.command(&places), &variables));
    assert_eq!(refusal(&server, &home, &sends("127.0.0.1:9092,10.0.0.1:1")), None);
    for brokers in ["127.0.0.1:9093", "192.168.0.1:9092", "127.0.0.2:9092"] {
        let said = refusal(&server, &home, &sends(brokers)).unwrap_or_else(|| panic!("{brokers} is allowed"));
        assert!(said.contains("may not connect to ") && !said.contains("this machine,"), "{said}");
    }
    // A bucket is a name, and no host.
    for bucket in ["s3://evil.example@host/x", "s3://evil.example#/x", "s3://evil.example?/x", "s3:///x", "s3://a:1/x"]
    {
        let said = refusal(&server, &home, &keeps(bucket)).unwrap_or_else(|| panic!("{bucket} is allowed"));
        assert!(said.contains("cannot be the name of a bucket"), "{bucket}: {said}");
    }
}

#[test]
fn a_server_for_this_machine_lets_jobs_connect_everywhere_unless_told() {
    let home = Home::new();
    let server = home.serve();
    assert_eq!(refusal(&server, &home, &sends("127.0.0.1:9092")), None);
    server.kill();
    let server = home.serve_with(&["--allow-connect", "kafka-1.example:9092"]);
    let said = refusal(&server, &home, &sends("127.0.0.1:9092")).unwrap();
    assert!(said.contains("may not connect to 127.0.0.1:9092"), "{said}");
    for wrong in ["kafka", "kafka:port", "10.0.0.0/64:1", "[::1:1"] {
        let ended = crate::server::run(&mut home.command(&["--allow-connect", wrong]));
        assert!(ended.said.contains("invalid value") && ended.code == Some(2), "{wrong}: {}", ended.said);
    }
}

/// A broker that knows one topic with one partition, and says that its leader is at another port.
struct Misleading {
    port: u16,
    leader: TcpListener,
    asked: Arc<AtomicUsize>,
}

impl Misleading {
    fn start() -> Self {
        let (listener, leader) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        leader.set_nonblocking(true).unwrap();
        let (port, at, asked) =
            (listener.local_addr().unwrap().port(), leader.local_addr().unwrap().port(), Arc::default());
        let counted: Arc<AtomicUsize> = Arc::clone(&asked);
        // They end with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || answer(stream, at, &counted));
            }
        });
        Self { port, leader, asked }
    }
}

/// Answers which versions there are and where the topic is, until the client hangs up.
fn answer(mut stream: TcpStream, leader: u16, asked: &AtomicUsize) -> Option<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?.min(1 << 20)];
        stream.read_exact(&mut request).ok()?;
        let (key, version) = (request[1], request[3]);
        let mut body = Vec::new();
        let short = |body: &mut Vec<u8>, number: i16| body.extend(number.to_be_bytes());
        let long = |body: &mut Vec<u8>, number: i32| body.extend(number.to_be_bytes());
        let text = |body: &mut Vec<u8>, text: &str| {
            body.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
            body.extend(text.bytes());
        };
        match key {
            18 => {
                let versions = [(0, 3, 7), (1, 4, 4), (2, 1, 1), (3, 0, 1), (18, 0, 3)];
                short(&mut body, 0);
                match version {
                    3.. => body.push(u8::try_from(versions.len()).unwrap() + 1),
                    _ => long(&mut body, i32::try_from(versions.len()).unwrap()),
                }
                for (key, least, most) in versions {
                    [key, least, most].into_iter().for_each(|number| short(&mut body, number));
                    body.extend((version >= 3).then_some(0));
                }
                long(&mut body, 0);
                body.extend((version >= 3).then_some(0));
            }
            3 => {
                asked.fetch_add(1, Ordering::Relaxed);
                long(&mut body, 1);
                long(&mut body, 7);
                text(&mut body, "127.0.0.1");
                long(&mut body, leader.into());
                if version >= 1 {
                    short(&mut body, -1);
                    long(&mut body, 7);
                }
                long(&mut body, 1);
                short(&mut body, 0);
                text(&mut body, "t");
                body.extend((version >= 1).then_some(0));
                long(&mut body, 1);
                short(&mut body, 0);
                // The partition, its leader, its replicas and those in sync.
                [0, 7, 1, 7, 1, 7].into_iter().for_each(|number| long(&mut body, number));
            }
            _ => return None,
        }
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        let answer = [&length[..], &request[4..8], &body].concat();
        stream.write_all(&answer).ok()?;
    }
}

#[test]
fn a_cluster_cannot_lead_a_job_where_it_may_not_connect() {
    let home = Home::new();
    let broker = Misleading::start();
    let (port, leader) = (broker.port, broker.leader.local_addr().unwrap());
    let server = home.serve_with(&["--allow-connect", &format!("127.0.0.1:{port}")]);
    let refused = format!("may not connect to {leader}");
    let deployed = server.deploy(&home, &reads(&format!("127.0.0.1:{port}")));
    match deployed.code {
        Some(0) => drop(server.until("led", "is refused", |shown| shown.to_string().contains(&refused))),
        _ => assert!(deployed.said.contains(&refused), "{}", deployed.said),
    }
    assert!(broker.asked.load(Ordering::Relaxed) > 0, "it was not led there");
    assert!(broker.leader.accept().is_err(), "somebody has connected");
    server.kill();
    // The broker does lead there.
    let server = home.serve_with(&["--allow-connect", "127.0.0.1:*"]);
    let _ = server.deploy(&home, &reads(&format!("127.0.0.1:{port}")));
    weir_tests::running::look_for(|| broker.leader.accept().ok()).unwrap();
}
