//! A real Kafka broker for tests: its jars are fetched with Maven once into the build folder, it listens on free loopback ports,
//! and it ends with the process that started it, however that ends.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, Producer};

use crate::maven::{build_folders, fetch, runs};

const VERSION: &str = "4.1.0";
/// How long a broker may take to answer after it was started: a busy machine needs many times the usual three seconds.
const START_SECONDS_MAX: u32 = 120;
/// How long transactions may take to become visible, and how often that is looked at.
const SETTLE_MAX: Duration = Duration::from_secs(60);
const SETTLE_LOOKS: u32 = 1200;
/// Starts Java, and kills it when the standard input ends: that of a test that was killed does. A ctrl-C comes to the shell too,
/// and must not end the one that kills.
const WATCHED: &str =
    "trap '' INT; \"$@\" </dev/null >>\"$BROKER_LOG\" 2>&1 & broker=$!; cat >/dev/null; kill -9 $broker; wait $broker";

/// A broker with its data in a folder of its own. Dropped, it is killed and its data are removed.
pub struct Broker {
    folder: PathBuf,
    libs: PathBuf,
    port: u16,
    running: Option<Child>,
    /// Held as long as the data are somebody's.
    _lock: File,
}

impl Broker {
    /// Starts one; `None`: there is no Java or no Maven, which is said on the standard error. With `CI=true` that is a panic.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_new() -> Option<Self> {
        match missing() {
            None => Some(Self::try_new().unwrap_or_else(|error| panic!("no Kafka broker: {error}"))),
            Some(reason) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "tests with Kafka cannot run: {reason}");
                eprintln!("skipped, since {reason}");
                None
            }
        }
    }

    /// Starts one.
    ///
    /// # Errors
    /// If its jars cannot be fetched, or it cannot have its folder.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn try_new() -> io::Result<Self> {
        let parent = build_folders()?.0.join("kafka-broker");
        let libs = fetch(&parent.join(VERSION), &format!("org.apache.kafka:kafka_2.13:{VERSION}"), &[])?;
        let (port, controller) = free_ports()?;
        let folder = parent.join(format!("data-{}-{port}", std::process::id()));
        let lock = own(&parent, &folder)?;
        fs::write(folder.join("server.properties"), properties(&folder, port, controller))?;
        let mut broker = Self { folder, libs, port, running: None, _lock: lock };
        let mut format = broker.java("kafka.tools.StorageTool");
        let id = "d2VpcndlaXJ3ZWlyd2Vpcg";
        let output = format.args(["format", "-t", id, "-c"]).arg(broker.folder.join("server.properties")).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        broker.start();
        Ok(broker)
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it again, with the same data and ports, and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(&mut self) {
        let java = self.java("kafka.Kafka");
        let mut watched = Command::new("sh");
        watched.args(["-c", WATCHED, "sh"]).arg(java.get_program()).args(java.get_args());
        watched.arg(self.folder.join("server.properties")).env("BROKER_LOG", self.log());
        let child = watched.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.running = Some(child.expect("a shell"));
        let client: BaseConsumer = self.client().create().expect("a client");
        for _ in 0..START_SECONDS_MAX {
            if client.fetch_metadata(None, Duration::from_secs(1)).is_ok_and(|known| !known.brokers().is_empty()) {
                return;
            }
        }
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        panic!("the broker does not answer; its log:\n{log}");
    }

    /// Kills it: what it had not written is gone.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            // The end of its input is the sign.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }

    /// A client's configuration that knows the address and is quiet.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.address()).set_log_level(RDKafkaLogLevel::Emerg);
        config
    }

    /// Makes a topic.
    ///
    /// # Panics
    /// If there is one of that name.
    pub fn create_topic(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (name, value) in settings {
            new = new.set(name, value);
        }
        let made = block_on(self.admin().create_topics([&new], &admin_options())).expect("an answer");
        made.into_iter().for_each(|made| drop(made.expect("a new topic")));
        self.until_it_has(topic, partitions.unsigned_abs() as usize);
    }

    /// Waits until what transactions wrote is visible to readers of what is committed: a commit returns before its markers are in
    /// the log. `false`: a transaction stays open.
    ///
    /// # Panics
    /// If the broker does not answer.
    pub fn settle(&self, topic: &str) -> bool {
        let readers = ["read_committed", "read_uncommitted"].map(|isolation| {
            let reader: BaseConsumer = self.client().set("isolation.level", isolation).create().expect("a client");
            reader
        });
        let known = readers[0].fetch_metadata(Some(topic), SETTLE_MAX).expect("metadata");
        let partitions = known.topics().first().map_or(0, |topic| topic.partitions().len() as i32);
        let ends = |reader: &BaseConsumer| -> Vec<i64> {
            (0..partitions).map(|p| reader.fetch_watermarks(topic, p, SETTLE_MAX).expect("offsets").1).collect()
        };
        let (_wait, never) = std::sync::mpsc::sync_channel::<()>(0);
        for _ in 0..SETTLE_LOOKS {
            if ends(&readers[0]) == ends(&readers[1]) {
                return true;
            }
            let _ = never.recv_timeout(SETTLE_MAX / SETTLE_LOOKS);
        }
        false
    }

    /// Gives a topic more partitions.
    ///
    /// # Panics
    /// If it cannot have them.
    pub fn add_partitions(&self, topic: &str, partitions: usize) {
        let new = NewPartitions::new(topic, partitions);
        let made = block_on(self.admin().create_partitions([&new], &admin_options())).expect("an answer");
        made.into_iter().for_each(|made| drop(made.expect("new partitions")));
        self.until_it_has(topic, partitions);
    }

    /// Waits until those who ask the broker are told of them: that a topic is changed is said before.
    fn until_it_has(&self, topic: &str, partitions: usize) {
        let client: BaseConsumer = self.client().create().expect("a client");
        let (_wait, never) = std::sync::mpsc::sync_channel::<()>(0);
        for _ in 0..SETTLE_LOOKS {
            let known = client.fetch_metadata(Some(topic), SETTLE_MAX).expect("metadata");
            let is_there = |of: &MetadataTopic| of.error().is_none() && of.partitions().len() == partitions;
            if known.topics().first().is_some_and(is_there) {
                return;
            }
            let _ = never.recv_timeout(SETTLE_MAX / SETTLE_LOOKS);
        }
        panic!("the broker does not know {partitions} partitions of {topic}");
    }

    /// Deletes the messages of a partition up to an offset, as retention does.
    ///
    /// # Panics
    /// If the broker refuses.
    pub fn delete_records(&self, topic: &str, partition: i32, before: i64) {
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(before)).expect("an offset");
        drop(block_on(self.admin().delete_records(&list, &admin_options())).expect("deleted"));
    }

    /// Makes the broker forget a group, as it does when its offsets expire.
    ///
    /// # Panics
    /// If the broker refuses.
    pub fn delete_group(&self, group: &str) {
        let deleted = block_on(self.admin().delete_groups(&[group], &admin_options())).expect("an answer");
        deleted.into_iter().for_each(|deleted| drop(deleted.expect("deleted")));
    }

    /// A producer; with a transactional id it is ready to begin.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn producer(&self, transactional_id: Option<&str>) -> BaseProducer {
        let mut config = self.client();
        if let Some(id) = transactional_id {
            config.set("transactional.id", id);
        }
        let producer: BaseProducer = config.create().expect("a producer");
        if transactional_id.is_some() {
            producer.init_transactions(Duration::from_secs(60)).expect("transactions");
        }
        producer
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("broker.log")
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
        java.arg(self.libs.join("*")).arg(class);
        java
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(30))).request_timeout(Some(Duration::from_secs(60)))
}

fn properties(folder: &Path, port: u16, controller: u16) -> String {
    let data = folder.join("logs").display().to_string();
    let settings = [
        ("process.roles", "broker,controller"),
        ("node.id", "1"),
        ("controller.listener.names", "CONTROLLER"),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "1"),
        ("transaction.state.log.replication.factor", "1"),
        ("transaction.state.log.num.partitions", "1"),
        ("transaction.state.log.min.isr", "1"),
        ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "500"),
        // Until then a broker that was killed counts as running, and its successor has to wait.
        ("broker.session.timeout.ms", "5000"),
        ("broker.heartbeat.interval.ms", "500"),
        ("group.initial.rebalance.delay.ms", "0"),
        ("auto.create.topics.enable", "false"),
    ];
    let mut text: String = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    text += &format!("controller.quorum.voters=1@127.0.0.1:{controller}\n");
    text += &format!("listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n");
    text += &format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={data}\n");
    text
}

/// What is not there.
fn missing() -> Option<String> {
    let lacking = ["java", "mvn"].into_iter().find(|program| !runs(program, "-version"));
    lacking.map(|program| format!("there is no `{program}`"))
}

/// Makes a folder for data, and removes those whose owners ended without a chance to do it.
fn own(parent: &Path, folder: &Path) -> io::Result<File> {
    let all = File::create(parent.join("lock"))?;
    all.lock()?;
    for entry in fs::read_dir(parent)?.filter_map(Result::ok) {
        let lock = File::open(entry.path().join("lock"));
        if entry.file_name().to_string_lossy().starts_with("data-") && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

fn free_ports() -> io::Result<(u16, u16)> {
    let (one, other) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

/// Runs a future on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
