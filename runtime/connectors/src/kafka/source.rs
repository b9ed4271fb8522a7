//! The source: partitions are splits, in the order of their numbers; new ones come after them, unless the pipeline file says which are read.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use weir_core::changelog::ChangelogMode;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Source, SourceReader, Split, SplitPlace};
use weir_core::graph::Options;
use weir_core::time::{Clock, WatermarkStrategy};

use super::consumer::Shared;
use super::messages::Messages;
use super::options::{SourceOptions, Start};
use super::reader::{PartitionReader, Place};
use super::start::{Began, Begin};

/// The source. It connects when its splits are first asked for.
pub(crate) struct KafkaSource {
    file: Options,
    options: SourceOptions,
    connected: Mutex<Option<Connected>>,
    /// Whether readers stop at what is there.
    stops: Arc<AtomicBool>,
    /// Partitions of the checkpoint that this job no longer reads, until a message has named them.
    gone: Mutex<BTreeSet<i32>>,
}

#[derive(Clone)]
struct Connected {
    shared: Arc<Shared>,
    /// How many partitions there were then.
    partitions: usize,
}

impl KafkaSource {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        Ok(Self {
            file: options.clone(),
            options: SourceOptions::parse(options)?,
            connected: Mutex::default(),
            stops: Arc::default(),
            gone: Mutex::default(),
        })
    }

    fn connect(&self) -> Result<Connected, ConnectorError> {
        let mut connected = self.connected.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = connected.as_ref() {
            return Ok(connected.clone());
        }
        let shared = Shared::connect(&self.options, &self.stops)?;
        let partitions = shared.partitions();
        Ok(connected.insert(Connected { shared, partitions }).clone())
    }

    /// What is connected already.
    fn connected(&self) -> Option<Connected> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The splits behind the first `known`, if the topic has so many partitions.
    fn splits_from(&self, known: usize, partitions: usize) -> Vec<Split> {
        let split = |partition: i32| Split { id: format!("{}/{partition}", self.options.topic) };
        match &self.options.partitions {
            Some(read) => read.all().iter().skip(known).copied().map(split).collect(),
            None => (known..partitions).filter_map(|partition| i32::try_from(partition).ok()).map(split).collect(),
        }
    }

    fn partition(&self, split: &Split) -> Option<i32> {
        split.id.strip_prefix(&self.options.topic)?.strip_prefix('/')?.parse().ok()
    }
}

impl Source for KafkaSource {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.options.columns.schema)
    }

    fn changelog(&self) -> ChangelogMode {
        if self.options.columns.key.is_some() { ChangelogMode::Upsert } else { ChangelogMode::InsertOnly }
    }

    fn key(&self) -> Option<Vec<usize>> {
        self.options.columns.key.as_ref().map(|key| key.columns.clone())
    }

    /// A job that reads what is there now waits for all of it; one that reads on follows the time of its messages.
    fn default_watermark(&self) -> WatermarkStrategy {
        if self.options.is_bounded { WatermarkStrategy::AtEnd } else { WatermarkStrategy::Monotonic }
    }

    fn is_endless(&self) -> bool {
        !self.options.is_bounded
    }

    fn stop_at_present(&self) -> bool {
        self.stops.store(true, Ordering::Relaxed);
        true
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, _parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        let partitions = self.connect()?.shared.partitions();
        let beyond = self.options.partitions.as_ref().map_or(&[][..], |read| read.beyond(partitions));
        if let [first, rest @ ..] = beyond {
            let (topic, more) =
                (&self.options.topic, rest.last().map(|last| format!(" .. {last}")).unwrap_or_default());
            let message = format!(
                "the topic {topic} has the partitions 0 to {}, and `partitions` names {first}{more}: leave them out",
                partitions - 1
            );
            return Err(self.file.error("partitions", message));
        }
        Ok(self.splits_from(0, partitions))
    }

    fn place(&self, split: &Split) -> SplitPlace {
        match (self.partition(split), &self.options.partitions) {
            (None, _) => SplitPlace::AsBefore,
            (Some(partition), None) => usize::try_from(partition).map_or(SplitPlace::AsBefore, SplitPlace::At),
            (Some(partition), Some(read)) => read.place(partition).map_or_else(
                || {
                    self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(partition);
                    SplitPlace::Gone
                },
                SplitPlace::At,
            ),
        }
    }

    fn take_notices(&self) -> Vec<String> {
        let gone = std::mem::take(&mut *self.gone.lock().unwrap_or_else(PoisonError::into_inner));
        if gone.is_empty() {
            return Vec::new();
        }
        let numbers: Vec<String> = gone.iter().map(i32::to_string).collect();
        let (topic, numbers) = (&self.options.topic, numbers.join(", "));
        vec![format!("topic {topic}: `partitions` has {numbers} no more; how far this job had read there is dropped")]
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let Connected { shared, partitions } = self.connect()?;
        let unknown =
            || ConnectorError::Data(format!("the topic {} has no partition {}", self.options.topic, split.id));
        let partition = self.partition(split).ok_or_else(unknown)?;
        let place = |offset: &Offset| {
            serde_json::from_value::<Place>(offset.clone())
                .map_err(|_| ConnectorError::Data(format!("{}: {offset} is no offset of a partition", split.id)))
        };
        let is_found_later = usize::try_from(partition).is_ok_and(|partition| partition >= partitions);
        // A partition that this job did not read so far may have been read by another: the group knows how far.
        let is_taken_over = self.options.partitions.is_some() || self.options.start == Start::Group;
        let begin = match offset.map(place).transpose()? {
            Some(Place { next: Some(next), end }) => {
                shared.set_restored();
                Begin::At(Began { next, end })
            }
            None if is_taken_over => Begin::First(self.options.start),
            _ if is_found_later => Begin::First(Start::Earliest),
            Some(Place { next: None, .. }) => Begin::First(self.options.start),
            None => Begin::Unknown(self.options.start),
        };
        let messages = Messages::new(&self.options.columns, &self.options.topic, partition, projection)?;
        let queue = shared.queue(partition).ok_or_else(unknown)?;
        Ok(Box::new(PartitionReader::new(shared, partition, queue, messages, begin, clock)))
    }

    fn new_splits(&self, known: usize) -> Vec<Split> {
        let partitions = self.connected().map_or(0, |connected| connected.shared.partitions());
        self.splits_from(known, partitions)
    }

    fn completed(&self, offsets: &[(Split, Offset)]) {
        let (true, Some(connected)) = (self.options.has_group, self.connected()) else { return };
        let next = |(split, offset): &(Split, Offset)| {
            let place: Place = serde_json::from_value(offset.clone()).ok()?;
            Some((self.partition(split)?, place.next?))
        };
        let offsets: Vec<_> = offsets.iter().filter_map(next).collect();
        if !offsets.is_empty() {
            connected.shared.commit(&offsets);
        }
    }

    fn trouble(&self) -> Option<String> {
        self.connected()?.shared.trouble.message()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn brokers_that_do_not_answer_are_named_with_the_reason() {
        let error = |address: &str| {
            let text = format!("brokers = {address:?}\ntopic = \"t\"\nformat = \"text\"");
            let source = KafkaSource::open(&Options::from_toml(&text, PathBuf::new())).unwrap();
            source.splits(1).unwrap_err().to_string()
        };
        // The system accepts connections, and no answer comes.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = silent.local_addr().unwrap().to_string();
        std::thread::scope(|scope| {
            let refused = scope.spawn(|| error("127.0.0.1:1"));
            let silent_error = error(&silent);
            assert!(silent_error.starts_with(&format!("cannot read the topic t at {silent}: ")), "{silent_error}");
            let refused = refused.join().unwrap();
            let expected = "cannot read the topic t at 127.0.0.1:1: 127.0.0.1:1: Connect to 127.0.0.1:1 failed: Connection refused";
            assert!(refused.starts_with(expected), "{refused}");
        });
    }
}
