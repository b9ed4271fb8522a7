//! What both ends share: the address, the properties that are passed on, and what librdkafka says about its troubles. Nothing is
//! printed here: the last trouble is kept until rows flow again, and a source or a sink shows it.

use std::net::ToSocketAddrs as _;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdkafka::client::Client as AnyClient;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::Timeout;
use weir_core::allow_connect::{AllowConnect, host_and_port};
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::failure::{cannot, describe, passing};
use super::guard::{Guarded, hold};
use super::properties::{Properties, check_name};
use super::trouble::Trouble;

/// The port of a broker that has none.
const PORT: u16 = 9092;

/// How a client is made, and where it may connect to.
#[derive(Clone)]
pub(crate) struct Config {
    client: ClientConfig,
    allow_connect: AllowConnect,
}

impl Deref for Config {
    type Target = ClientConfig;

    fn deref(&self) -> &ClientConfig {
        &self.client
    }
}

impl DerefMut for Config {
    fn deref_mut(&mut self) -> &mut ClientConfig {
        &mut self.client
    }
}

/// A client's configuration: the address, what we need (`ours`), and then what the pipeline file passes on.
///
/// # Errors
/// [`ConnectorError::Option`] for a property that is not passed on, or whose value is a table.
pub(crate) fn configure(
    options: &Options,
    brokers: &str,
    ours: &[(&str, &str)],
    properties: Option<&Properties>,
) -> Result<Config, ConnectorError> {
    if brokers.split(',').all(|broker| broker.trim().is_empty()) {
        return Err(options.error("brokers", "`brokers` is a list of addresses such as \"kafka-1:9092,kafka-2:9092\""));
    }
    for broker in brokers.split(',').map(str::trim).filter(|broker| !broker.is_empty()) {
        // librdkafka would take the rest of a port that is too large.
        let Some((host, port)) = host_and_port(broker, PORT) else {
            let wrong =
                format!("{broker:?} is not an address of a broker: write HOST:PORT, with a port from 1 to 65535");
            return Err(options.error("brokers", wrong));
        };
        let resolve = |host: &str, port| (host, port).to_socket_addrs().map(Iterator::collect);
        options.allow_connect.check(host, port, resolve).map_err(|refusal| options.error("brokers", refusal))?;
    }
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("client.id", "weir").set_log_level(RDKafkaLogLevel::Warning);
    for (name, value) in ours {
        config.set(*name, *value);
    }
    for (name, value) in properties.iter().flat_map(|properties| &properties.0) {
        let wrong = |message: String, span| ConnectorError::Option { message, span: Some(span) };
        check_name(name.get_ref()).map_err(|message| wrong(message, name_span(properties, name.get_ref())))?;
        let text = match value.get_ref() {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => return Err(wrong("a property is text, a number or a bool".to_owned(), value.span())),
        };
        config.set(name.get_ref(), text);
    }
    // librdkafka knows which values there are: it is asked now, not when the job runs.
    let native = config.create_native_config().map_err(|error| options.error("properties", describe(&error)))?;
    if native.get("message.timeout.ms").is_ok_and(|timeout| timeout == "0") {
        let message = "the property \"message.timeout.ms\" cannot be 0, which is no limit: a checkpoint would wait without end \
                       for a message that cannot be delivered";
        return Err(options.error("properties", message));
    }
    Ok(Config { client: config, allow_connect: options.allow_connect.clone() })
}

/// Where the pipeline file has the name of a property.
fn name_span(properties: Option<&Properties>, name: &str) -> std::ops::Range<usize> {
    let mut entries = properties.iter().flat_map(|properties| &properties.0);
    entries.find(|(known, _)| known.get_ref() == name).map(|(known, _)| known.span()).unwrap_or_default()
}

/// A client that reports to `trouble`.
///
/// # Errors
/// [`ConnectorError::Data`] if librdkafka refuses the configuration, for example a certificate that is not there.
pub(crate) fn create<C, T>(config: &Config, context: C, what: &str) -> Result<T, ConnectorError>
where
    C: Guarded,
    T: FromClientConfigAndContext<C> + Connected<C>,
{
    let Config { client, allow_connect } = config;
    if *allow_connect == AllowConnect::Everywhere {
        return client.create_with_context(context).map_err(|error| cannot(what, &error));
    }
    let mut without_brokers = client.clone();
    without_brokers.remove("bootstrap.servers");
    let created: T = without_brokers.create_with_context(context).map_err(|error| cannot(what, &error))?;
    let brokers = client.get("bootstrap.servers").unwrap_or_default();
    match hold(created.connected(), allow_connect.clone(), brokers) {
        true => Ok(created),
        false => Err(passing(what, format!("no broker of {brokers:?} answers"))),
    }
}

/// What has a client in it.
pub(crate) trait Connected<C: ClientContext> {
    fn connected(&self) -> &AnyClient<C>;
}

impl Connected<Context> for Client {
    fn connected(&self) -> &AnyClient<Context> {
        self.client()
    }
}

/// Whether waiting cannot help: somebody has to change something.
pub(crate) fn is_fatal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::Authentication
            | C::SaslAuthenticationFailed
            | C::UnsupportedSASLMechanism
            | C::TopicAuthorizationFailed
            | C::ClusterAuthorizationFailed
            | C::TransactionalIdAuthorizationFailed
            | C::InvalidTopic
    )
}

/// A client that reads.
pub(super) type Client = BaseConsumer<Context>;

/// Takes librdkafka's messages, and counts the commits to a group that no broker has answered so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context(pub(crate) Arc<Trouble>, pub(super) Arc<AtomicUsize>);

impl From<Arc<Trouble>> for Context {
    fn from(trouble: Arc<Trouble>) -> Self {
        Self(trouble, Arc::default())
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, _: &str, message: &str) {
        if level as i32 <= RDKafkaLogLevel::Error as i32 {
            // It begins with the name of its thread: `[thrd:127.0.0.1:9092/bootstrap]: `.
            let message = message.split_once("]: ").map_or(message, |(_, message)| message);
            self.0.set(plain(message));
        }
    }

    fn stats(&self, _: rdkafka::Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            _ if matches!(error, KafkaError::PartitionEOF(_)) => {}
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(code) if is_fatal(code) => self.0.set_fatal(format!("{reason} ({code})")),
            // It comes behind what says which broker, and why.
            Some(RDKafkaErrorCode::AllBrokersDown) => self.0.set_if_none(reason),
            _ => self.0.set(plain(reason)),
        }
    }
}

/// What librdkafka says of a connection, `a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)`,
/// without what only its authors need.
fn plain(said: &str) -> String {
    let said = said.replace("/bootstrap: ", ": ").replace("ipv4#", "").replace("ipv6#", "");
    said.split_once(" (after ").map_or(said.as_str(), |(said, _)| said).to_owned()
}

impl Guarded for Context {
    fn trouble(&self) -> &Trouble {
        &self.0
    }
}

impl ConsumerContext for Context {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        self.1.fetch_sub(1, Ordering::Relaxed);
        if let Err(error) = result
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
        {
            self.0.set(format!("offsets were not committed to the group: {}", describe(&error)));
        }
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::Never
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Sample {
        properties: Properties,
    }

    fn configured(text: &str) -> Result<Config, ConnectorError> {
        let options = Options::from_toml(text, PathBuf::new());
        let sample: Sample = options.parse().unwrap();
        configure(&options, "a:1", &[("group.id", "g")], Some(&sample.properties))
    }

    #[test]
    fn properties_are_passed_on() {
        let config = configured(
            "properties = { \"fetch.min.bytes\" = 2, \"socket.nagle.disable\" = true, \"client.id\" = \"x\" }",
        );
        let config = config.unwrap();
        assert_eq!(config.get("fetch.min.bytes"), Some("2"));
        assert_eq!(config.get("socket.nagle.disable"), Some("true"));
        assert_eq!((config.get("client.id"), config.get("group.id")), (Some("x"), Some("g")));
    }

    #[test]
    fn security_and_compression_are_built_in() {
        let text = "properties = { \"security.protocol\" = \"SASL_SSL\", \"sasl.mechanism\" = \"SCRAM-SHA-512\", \
                    \"sasl.username\" = \"u\", \"sasl.password\" = \"p\" }";
        let config = configured(text).unwrap();
        assert!(create::<_, BaseConsumer<Context>>(&config, Context::default(), "x").is_ok());
        for codec in ["gzip", "snappy", "lz4", "zstd"] {
            let mut config = config.clone();
            config.set("compression.type", codec);
            assert!(create::<_, BaseConsumer<Context>>(&config, Context::default(), "x").is_ok(), "{codec}");
        }
    }

    #[test]
    fn what_is_ours_and_what_is_unknown_is_refused_with_a_reason() {
        for (text, reason, at) in [
            (
                "properties = { \"enable.auto.commit\" = true }",
                "when a checkpoint is complete",
                "\"enable.auto.commit\"",
            ),
            ("properties = { \"fetch.min.bites\" = 1 }", "did you mean \"fetch.min.bytes\"?", "\"fetch.min.bites\""),
            ("properties = { \"fetch.min.bytes\" = 0 }", "fetch.min.bytes", "{ \"fetch.min.bytes\" = 0 }"),
            ("properties = { \"ssl.engine.location\" = \"x.so\" }", "is not passed on", "\"ssl.engine.location\""),
            ("properties = { \"ssl.ca.location\" = \"ca.pem\" }", "write \"ssl.ca.pem\" = ", "\"ssl.ca.location\""),
            ("properties = { \"delivery.timeout.ms\" = 0 }", "without end", "{ \"delivery.timeout.ms\" = 0 }"),
            ("properties = { \"fetch.min.bytes\" = [] }", "text, a number or a bool", "[]"),
        ] {
            let Some(ConnectorError::Option { message, span }) = configured(text).err() else { panic!("{text}") };
            assert!(message.contains(reason), "{message}");
            assert_eq!(span.map(|span| &text[span]), Some(at));
        }
    }

    #[test]
    fn the_last_trouble_stays_until_rows_flow() {
        let trouble = Trouble::default();
        assert_eq!(trouble.message(), None);
        for message in ["a", "b", "b"] {
            trouble.set(message.to_owned());
        }
        assert_eq!(trouble.message().as_deref(), Some("b (2 times)"));
        trouble.clear();
        assert_eq!((trouble.message(), trouble.check("x").is_ok()), (None, true));
        let context = Context::default();
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        assert_eq!(context.0.message().as_deref(), Some("1/1 brokers are down"));
        let refused =
            "a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        context.error(KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), refused);
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        let said = "a:1: Connect to 10.0.0.1:1 failed: Connection refused";
        assert_eq!(context.0.message().as_deref(), Some(said));
        assert!(context.0.check("x").is_ok());
        // The call that meets it is told why.
        context.error(KafkaError::Global(RDKafkaErrorCode::Fatal), "Fatal error: Local: fenced");
        assert!(context.0.check("x").is_ok());
        context.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        // It stays, whatever is said later.
        context.0.clear();
        context.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "1/1 brokers are down");
        let error = context.0.check("cannot read t").unwrap_err().to_string();
        assert!(error.starts_with("cannot read t: wrong password"), "{error}");
    }
}
