//! Which properties of librdkafka a pipeline may set. A property is passed on only if it is listed here, because some of them load
//! libraries, start programs, or read any file of the machine. Before one is added: what does it open, load, run or reach?

use weir_core::names::did_you_mean;

use crate::options::OrderedTable;

/// `properties = { "security.protocol" = "SASL_SSL", ... }`
pub(crate) type Properties = OrderedTable<toml::Value>;

/// Properties that are set here, and why nobody else may.
const OWNED: [(&str, &str); 23] = [
    ("acks", "rows that not every replica has could be lost; it is always \"all\""),
    ("auto.offset.reset", "an offset that is gone must be reported, not skipped; write `start` for where a job begins"),
    ("batch.size", "write `batch-bytes`"),
    ("bootstrap.servers", "write `brokers`"),
    ("compression.codec", "write `compression`"),
    ("compression.type", "write `compression`"),
    ("delivery.report.only.error", "every answer is needed"),
    ("enable.auto.commit", "offsets are committed when a checkpoint is complete"),
    ("enable.auto.offset.store", "offsets are committed when a checkpoint is complete"),
    ("enable.gapless.guarantee", "delivery is ordered already"),
    ("enable.idempotence", "without it the retries of the client double rows"),
    ("enable.partition.eof", "the end of a partition must be seen"),
    ("group.id", "write `group`"),
    ("group.instance.id", "partitions are assigned by the job, not by a group"),
    ("isolation.level", "write `isolation`"),
    ("linger.ms", "write `linger`"),
    ("metadata.broker.list", "write `brokers`"),
    ("partitioner", "write `partitioner`"),
    ("plugin.library.paths", "no native code is loaded"),
    ("queue.buffering.max.ms", "write `linger`"),
    ("request.required.acks", "rows that not every replica has could be lost; it is always \"all\""),
    ("sasl.kerberos.kinit.cmd", "no program is started"),
    ("transactional.id", "write `transactional-id`"),
];

/// Properties that name a file of the machine, and what to write instead: its content, which a secret can hold.
const FILES: [(&str, &str); 3] = [
    ("ssl.ca.location", "ssl.ca.pem"),
    ("ssl.certificate.location", "ssl.certificate.pem"),
    ("ssl.key.location", "ssl.key.pem"),
];

/// Properties that are passed on.
const PASSED_ON: &[&str] = &[
    // Who it is, and how it connects.
    "allow.auto.create.topics",
    "broker.address.family",
    "broker.address.ttl",
    "client.id",
    "client.rack",
    "connections.max.idle.ms",
    "metadata.max.age.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.max.fails",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "topic.metadata.propagation.max.ms",
    "topic.metadata.refresh.fast.interval.ms",
    "topic.metadata.refresh.interval.ms",
    "topic.metadata.refresh.sparse",
    // TLS and logins, all given as values.
    "enable.ssl.certificate.verification",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.ca.pem",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.sigalgs.list",
    // What is read at once.
    "check.crcs",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "max.partition.fetch.bytes",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "receive.message.max.bytes",
    // What is sent at once, and for how long it is tried.
    "batch.num.messages",
    "compression.level",
    "delivery.timeout.ms",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.copy.max.bytes",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "queue.buffering.backpressure.threshold",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "retries",
    "sticky.partitioning.linger.ms",
    "transaction.timeout.ms",
];

/// Whether a property is passed on; if not, why, or what to write instead.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if let Some((_, why)) = OWNED.iter().find(|(owned, _)| *owned == name) {
        return Err(format!("the property {name:?} cannot be set: {why}"));
    }
    if let Some((_, instead)) = FILES.iter().find(|(file, _)| *file == name) {
        return Err(format!(
            "the property {name:?} cannot be set, because it names a file of this machine: write {instead:?} = \"${{secret:NAME}}\", \
             with the content of the file as the secret"
        ));
    }
    if PASSED_ON.contains(&name) {
        return Ok(());
    }
    let near = did_you_mean(name, PASSED_ON);
    Err(format!("the property {name:?} is not passed on to librdkafka{near}; docs/guide/kafka.md lists those that are"))
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;

    use super::*;

    #[test]
    fn librdkafka_knows_the_properties_that_are_passed_on() {
        for name in PASSED_ON {
            let error = ClientConfig::new().set(*name, "\u{1}").create_native_config().err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(!error.contains("No such configuration property"), "{error}");
        }
    }

    #[test]
    fn the_guide_lists_the_properties_that_are_passed_on() {
        let guide = include_str!("../../../../docs/guide/kafka.md");
        let listed =
            guide.split_once("## Properties").and_then(|(_, rest)| rest.split_once("\n## ")).map(|(of, _)| of).unwrap();
        for name in PASSED_ON {
            assert!(listed.contains(&format!("`{name}`")), "{name} is not in docs/guide/kafka.md");
        }
    }

    #[test]
    fn what_loads_runs_or_reads_something_is_not_passed_on() {
        for name in [
            "ssl.engine.location",
            "ssl.keystore.location",
            "ssl.providers",
            "plugin.library.paths",
            "sasl.kerberos.kinit.cmd",
            "log_cb",
            "ssl.crl.location",
            "sasl.oauthbearer.assertion.private.key.file",
            "sasl.oauthbearer.token.endpoint.url",
            "client.dns.lookup",
        ] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
