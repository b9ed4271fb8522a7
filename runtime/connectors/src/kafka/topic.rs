//! What a broker says about a topic. Nothing here makes one: how many partitions it has, and for how long it keeps its messages, is
//! for people to decide.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use weir_core::connector::ConnectorError;

use super::client::is_fatal;
use super::failure::{cannot, describe, passing};
use super::trouble::Trouble;

/// How long one question to the broker may take, before events are served again.
pub(super) const ASK_WAIT: Duration = Duration::from_secs(1);
/// How often the partitions are asked for when a job begins, before it is given up: together ten seconds, which a person waits for an answer.
const FIRST_ASKS_MAX: usize = 10;

/// Whether there is no such topic or partition.
pub(super) fn is_unknown(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(code, C::UnknownTopicOrPartition | C::UnknownTopic | C::UnknownPartition)
}

/// How many partitions it has.
pub(super) fn partitions<C: ClientContext>(client: &Client<C>, topic: &str) -> Result<usize, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), ASK_WAIT)?;
    let unknown = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition);
    let topic = metadata.topics().iter().find(|known| known.name() == topic).ok_or(unknown)?;
    match topic.error() {
        Some(error) => Err(KafkaError::MetadataFetch(error.into())),
        None if topic.partitions().is_empty() => Err(KafkaError::MetadataFetch(RDKafkaErrorCode::LeaderNotAvailable)),
        None => Ok(topic.partitions().len()),
    }
}

/// As [`partitions`], when a job begins: brokers have ten seconds to answer. `serve` serves the client's events.
///
/// # Errors
/// If they refuse us, do not answer, or have no such topic.
pub(super) fn partitions_at_start<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    trouble: &Trouble,
    serve: impl Fn(),
    what: &str,
) -> Result<usize, ConnectorError> {
    let mut last = None;
    for _ in 0..FIRST_ASKS_MAX {
        let asked = partitions(client, topic);
        serve();
        trouble.check(what)?;
        match asked {
            Ok(partitions) => return Ok(partitions),
            Err(error) => {
                let code = error.rdkafka_error_code();
                if code.is_some_and(|code| is_unknown(code) || is_fatal(code)) {
                    return Err(cannot(what, &error));
                }
                last = Some(error);
            }
        }
    }
    // What the client says about its connections is more exact than that the question timed out.
    let reason = trouble.message().or_else(|| last.filter(|error| !is_time_out(error)).map(|error| describe(&error)));
    let waited = ASK_WAIT.as_secs() * FIRST_ASKS_MAX as u64;
    Err(passing(what, reason.unwrap_or_else(|| format!("no broker has answered for {waited} s"))))
}

fn is_time_out(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as C;
    matches!(error.rdkafka_error_code(), Some(C::OperationTimedOut | C::RequestTimedOut | C::BrokerTransportFailure))
}
