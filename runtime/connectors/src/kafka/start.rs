//! Where a partition begins, and where a bounded job ends it. Asks the broker; never guesses.

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset as KafkaOffset, TopicPartitionList};

use super::client::Client;
use super::options::Start;
use super::topic::ASK_WAIT;

/// What is known about where a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// There.
    At(Began),
    /// As the pipeline file says.
    First(Start),
    /// As the pipeline file says, unless the job resumes from a checkpoint: then the partition is new.
    Unknown(Start),
}

/// Where a partition was begun, and where it ends if the job is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Began {
    pub(super) next: i64,
    pub(super) end: Option<i64>,
}

/// Finds out the rest.
pub(super) fn resolve(
    client: &Client,
    topic: &str,
    partition: i32,
    begin: Begin,
    is_bounded: bool,
) -> Result<Began, KafkaError> {
    let start = match begin {
        // The pipeline file says whether there is an end; a checkpoint, where it is.
        Begin::At(Began { next, .. }) if !is_bounded => return Ok(Began { next, end: None }),
        Begin::At(Began { next, end: None }) => {
            let (_, high) = client.fetch_watermarks(topic, partition, ASK_WAIT)?;
            return Ok(Began { next, end: Some(high.max(next)) });
        }
        Begin::At(began) => return Ok(began),
        Begin::First(start) | Begin::Unknown(start) => start,
    };
    let (low, high) = client.fetch_watermarks(topic, partition, ASK_WAIT)?;
    let next = match start {
        Start::Earliest => low,
        Start::Latest => high,
        Start::Group => committed(client, topic, partition)?.unwrap_or(low),
        Start::Timestamp(ms) => at_time(client, topic, partition, ms)?.unwrap_or(high),
    };
    Ok(Began { next, end: is_bounded.then_some(high) })
}

fn committed(client: &Client, topic: &str, partition: i32) -> Result<Option<i64>, KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    offset_of(&client.committed_offsets(list, ASK_WAIT)?, topic, partition)
}

fn at_time(client: &Client, topic: &str, partition: i32, ms: i64) -> Result<Option<i64>, KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, KafkaOffset::Offset(ms))?;
    offset_of(&client.offsets_for_times(list, ASK_WAIT)?, topic, partition)
}

/// The answer for a partition; `None`: there is no such offset.
fn offset_of(list: &TopicPartitionList, topic: &str, partition: i32) -> Result<Option<i64>, KafkaError> {
    let unknown = KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownPartition);
    let element = list.find_partition(topic, partition).ok_or(unknown)?;
    element.error()?;
    Ok(match element.offset() {
        KafkaOffset::Offset(offset) => Some(offset),
        _ => None,
    })
}
