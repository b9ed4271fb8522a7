//! Writing by one process: every row once, whatever happens to the broker, and what it refuses.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use rdkafka::producer::Producer;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    Committable, Committer, ConnectorError, Cut, Guarantee, Prepared, Sink, SinkWriter, WriterContext,
};

use crate::setting::{LONG, Sent, broker, committed, numbers, read, reader, send_with, sink, source, split};

const RAW: &str = "format = \"raw\"\n";

fn schema() -> SchemaRef {
    rows(0..0).rows.schema()
}

fn rows(range: std::ops::Range<i64>) -> StreamBatch {
    let texts: ArrayRef = Arc::new(StringArray::from(numbers(range.clone())));
    let rows = RecordBatch::try_from_iter_with_nullable([("v", texts, true)]).unwrap();
    StreamBatch::new(rows, vec![0; range.clone().count()].into(), 0)
}

/// A writer of a job with checkpoints, alone, that resumes from `restored`.
fn writer(sink: &dyn Sink, generation: u64, restored: &[Prepared]) -> Result<Box<dyn SinkWriter>, ConnectorError> {
    let restored: Vec<_> = restored.iter().map(|prepared| prepared.state.clone()).collect();
    let context = WriterContext { generation, durable: true, restored: &restored, ..WriterContext::ALONE };
    sink.writer(schema(), &context)
}

fn cut(writer: &mut dyn SinkWriter, range: std::ops::Range<i64>) -> Prepared {
    writer.write(&rows(range)).unwrap();
    writer.prepare(Cut { attempt: 1, last: false }).unwrap()().unwrap()
}

fn committer(sink: &dyn Sink, generation: u64) -> Box<dyn Committer> {
    sink.committer("job", generation).unwrap().unwrap()
}

fn parts(prepared: &Prepared) -> Vec<Committable> {
    prepared.commit.clone()
}

#[test]
fn a_checkpoint_is_written_once_however_often_it_is_committed() {
    let Some(broker) = broker() else { return };
    broker.create_topic("once", 1, &[]);
    let first = sink(&broker, "once", RAW);
    assert_eq!(first.guarantee(), Guarantee::ExactlyOnce);
    let mut committing = committer(first.as_ref(), 1);
    let mut writing = writer(first.as_ref(), 1, &[]).unwrap();
    let one = cut(writing.as_mut(), 0..1000);
    let two = cut(writing.as_mut(), 1000..1500);
    assert_eq!(committed(&broker, "once"), [numbers(0..0)]);
    committing.commit(1, parts(&one)).unwrap();
    committing.commit(1, parts(&one)).unwrap();
    assert_eq!(committed(&broker, "once"), [numbers(0..1000)]);
    committing.commit(2, parts(&two)).unwrap();
    // Nothing was written in the next one.
    committing.commit(3, Vec::new()).unwrap();
    // Another process resumes from the second; it cannot know that its rows are there.
    let second = sink(&broker, "once", RAW);
    let mut recommitting = committer(second.as_ref(), 2);
    recommitting.commit(2, parts(&two)).unwrap();
    assert_eq!(committed(&broker, "once"), [numbers(0..1500)]);
    let mut writing = writer(second.as_ref(), 2, std::slice::from_ref(&two)).unwrap();
    let three = cut(writing.as_mut(), 1500..1501);
    assert_eq!(three.report.rows, 1501);
    recommitting.commit(4, parts(&three)).unwrap();
    recommitting.commit(4, parts(&three)).unwrap();
    assert_eq!(committed(&broker, "once"), [numbers(0..1501)]);
    // A third, killed between the checkpoint and its commit.
    let four = cut(writing.as_mut(), 1501..1600);
    drop((writing, recommitting));
    let third = sink(&broker, "once", RAW);
    committer(third.as_ref(), 3).commit(5, parts(&four)).unwrap();
    assert_eq!(committed(&broker, "once"), [numbers(0..1600)]);
}

#[test]
fn a_zombie_is_fenced() {
    let Some(broker) = broker() else { return };
    broker.create_topic("fenced", 1, &[]);
    let (old, new) = (sink(&broker, "fenced", RAW), sink(&broker, "fenced", RAW));
    let mut zombie = committer(old.as_ref(), 1);
    let mut writing = writer(old.as_ref(), 1, &[]).unwrap();
    let one = cut(writing.as_mut(), 0..10);
    zombie.commit(1, parts(&one)).unwrap();
    let two = cut(writing.as_mut(), 10..20);
    let mut heir = committer(new.as_ref(), 2);
    let error = zombie.commit(2, parts(&two)).unwrap_err();
    assert!(matches!(&error, ConnectorError::Fenced(said) if said.contains("a newer generation")), "{error:?}");
    assert!(matches!(zombie.commit(2, parts(&two)), Err(ConnectorError::Fenced(_))));
    heir.commit(2, parts(&two)).unwrap();
    assert_eq!(committed(&broker, "fenced"), [numbers(0..20)]);
    // One that wakes up before it has a committer, and is not the newest by then.
    let late = sink(&broker, "fenced", RAW);
    let _late = committer(late.as_ref(), 1);
    assert!(matches!(writer(late.as_ref(), 1, &[two]), Err(ConnectorError::Fenced(_))));
}

#[test]
fn a_transaction_that_a_killed_process_left_open_is_undone() {
    let Some(broker) = broker() else { return };
    broker.create_topic("torn", 1, &[]);
    let killed = broker.producer(Some("weir-job-torn"));
    killed.begin_transaction().unwrap();
    send_with(&killed, "torn", vec![Sent::value("torn")]);
    let sink = sink(&broker, "torn", RAW);
    let mut committing = committer(sink.as_ref(), 1);
    let mut writing = writer(sink.as_ref(), 1, &[]).unwrap();
    committing.commit(1, parts(&cut(writing.as_mut(), 0..3))).unwrap();
    assert_eq!(committed(&broker, "torn"), [numbers(0..3)]);
    assert!(killed.commit_transaction(Duration::from_secs(60)).is_err());
    assert_eq!(committed(&broker, "torn"), [numbers(0..3)]);
}

#[test]
fn a_job_that_begins_anew_is_not_mistaken_for_the_old_one() {
    let Some(broker) = broker() else { return };
    broker.create_topic("anew", 1, &[]);
    for (generation, range) in [(5, 0..10), (1, 10..20)] {
        let sink = sink(&broker, "anew", RAW);
        let mut committing = committer(sink.as_ref(), generation);
        let mut writing = writer(sink.as_ref(), generation, &[]).unwrap();
        let prepared = cut(writing.as_mut(), range);
        committing.commit(1, parts(&prepared)).unwrap();
        committing.commit(1, parts(&prepared)).unwrap();
    }
    assert_eq!(committed(&broker, "anew"), [numbers(0..20)]);
}

#[test]
fn a_marker_that_is_gone_is_said_and_rows_are_not_doubled() {
    let Some(broker) = broker() else { return };
    for (topic, lost_marker, expected) in
        [("lost-skip", "skip", numbers(0..15)), ("lost-write", "write", [numbers(0..10), numbers(0..15)].concat())]
    {
        broker.create_topic(topic, 1, &[]);
        let first = sink(&broker, topic, RAW);
        let mut committing = committer(first.as_ref(), 1);
        let one = cut(writer(first.as_ref(), 1, &[]).unwrap().as_mut(), 0..10);
        committing.commit(1, parts(&one)).unwrap();
        drop(committing);
        broker.delete_group(&format!("weir-job-{topic}"));
        let second = sink(&broker, topic, RAW);
        let mut committing = committer(second.as_ref(), 2);
        let error = committing.commit(1, parts(&one)).unwrap_err().to_string();
        assert!(error.contains("does not know any more") && error.contains("lost-marker"), "{error}");
        let refused = writer(second.as_ref(), 2, std::slice::from_ref(&one)).err().unwrap().to_string();
        assert_eq!(refused, error);
        assert_eq!(committed(&broker, topic), [numbers(0..10)]);
        drop(committing);
        let third = sink(&broker, topic, &format!("{RAW}lost-marker = \"{lost_marker}\""));
        let mut committing = committer(third.as_ref(), 3);
        committing.commit(1, parts(&one)).unwrap();
        let mut writing = writer(third.as_ref(), 3, std::slice::from_ref(&one)).unwrap();
        let two = cut(writing.as_mut(), 10..15);
        committing.commit(2, parts(&two)).unwrap();
        committing.commit(2, parts(&two)).unwrap();
        assert_eq!(committed(&broker, topic), [expected]);
    }
}

#[test]
fn a_start_in_the_same_process_gets_over_a_fatal_error_of_the_last_producer() {
    let Some(broker) = broker() else { return };
    broker.create_topic("again", 1, &[]);
    let (sink, other) = (sink(&broker, "again", RAW), sink(&broker, "again", RAW));
    let mut fenced = committer(sink.as_ref(), 1);
    let one = cut(writer(sink.as_ref(), 1, &[]).unwrap().as_mut(), 0..10);
    let _other = committer(other.as_ref(), 2);
    assert!(matches!(fenced.commit(1, parts(&one)), Err(ConnectorError::Fenced(_))));
    // The client says so, too.
    assert!((0..600).any(|_| {
        std::thread::park_timeout(LONG);
        sink.trouble().is_some_and(|trouble| trouble.contains("fenced"))
    }));
    drop(fenced);
    committer(sink.as_ref(), 3).commit(1, parts(&one)).unwrap();
    assert_eq!(committed(&broker, "again"), [numbers(0..10)]);
    // A generation is known as soon as it has a committer.
    let _newer = committer(other.as_ref(), 4);
    let _late = committer(sink.as_ref(), 3);
    assert!(matches!(writer(sink.as_ref(), 3, &[one]), Err(ConnectorError::Fenced(_))));
}

#[test]
fn a_transaction_that_takes_too_long_is_no_newer_generation() {
    let Some(broker) = broker() else { return };
    broker.create_topic("slow", 1, &[]);
    // One message after the other, each with a wait.
    let text = format!(
        "{RAW}linger = \"300ms\"\n\
         properties = {{ \"transaction.timeout.ms\" = 3000, \"queue.buffering.max.messages\" = 1 }}"
    );
    let slow = sink(&broker, "slow", &text);
    let mut committing = committer(slow.as_ref(), 1);
    let one = cut(writer(slow.as_ref(), 1, &[]).unwrap().as_mut(), 0..30);
    let error = committing.commit(1, parts(&one)).unwrap_err();
    assert!(matches!(error, ConnectorError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("`transaction.timeout.ms`"), "{error}");
    let next = sink(&broker, "slow", RAW);
    committer(next.as_ref(), 2).commit(1, parts(&one)).unwrap();
    assert_eq!(committed(&broker, "slow"), [numbers(0..30)]);
}

#[test]
fn checkpoints_that_come_back_from_an_older_copy_are_not_taken_for_written_ones() {
    let Some(broker) = broker() else { return };
    broker.create_topic("copy", 1, &[]);
    let first = sink(&broker, "copy", RAW);
    let mut committing = committer(first.as_ref(), 1);
    let mut writing = writer(first.as_ref(), 1, &[]).unwrap();
    let two = cut(writing.as_mut(), 0..10);
    committing.commit(2, parts(&two)).unwrap();
    committing.commit(9, parts(&cut(writing.as_mut(), 10..20))).unwrap();
    drop(committing);
    // The copy ends with the checkpoint 2: the next run is the generation 3, and its checkpoints are 4, 5, ...
    let second = sink(&broker, "copy", RAW);
    committer(second.as_ref(), 3).commit(2, parts(&two)).unwrap();
    let error = writer(second.as_ref(), 3, std::slice::from_ref(&two)).err().unwrap();
    assert!(matches!(&error, ConnectorError::Data(said) if said.contains("lost-marker = \"skip\"")), "{error:?}");
    let text = format!("{RAW}transactional-id = \"another\"\nlost-marker = \"skip\"");
    let third = sink(&broker, "copy", &text);
    let mut committing = committer(third.as_ref(), 4);
    committing.commit(2, parts(&two)).unwrap();
    let mut writing = writer(third.as_ref(), 4, &[two]).unwrap();
    committing.commit(5, parts(&cut(writing.as_mut(), 10..25))).unwrap();
    assert_eq!(committed(&broker, "copy"), [[numbers(0..20), numbers(10..25)].concat()]);
}

#[test]
fn a_commit_that_fails_for_good_leaves_no_transaction_open() {
    let Some(broker) = broker() else { return };
    broker.create_topic("ended", 1, &[]);
    let wide = sink(&broker, "ended", RAW);
    let _committing = committer(wide.as_ref(), 1);
    let mut writing = writer(wide.as_ref(), 1, &[]).unwrap();
    writing.write(&rows(0..3)).unwrap();
    let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(5000)]));
    let long = RecordBatch::try_from_iter_with_nullable([("v", long, true)]).unwrap();
    writing.write(&StreamBatch::new(long, vec![0].into(), 0)).unwrap();
    let prepared = writing.prepare(Cut { attempt: 1, last: false }).unwrap()().unwrap();
    // The second row is taken when the first is at the broker, the last never.
    let text = "properties = { \"message.max.bytes\" = 2000, \"queue.buffering.max.messages\" = 1 }";
    let narrow = sink(&broker, "ended", &format!("{RAW}{text}"));
    let mut committing = committer(narrow.as_ref(), 2);
    let error = committing.commit(1, parts(&prepared)).unwrap_err().to_string();
    assert!(error.contains("Message size too large"), "{error}");
    assert!(broker.settle("ended"), "a transaction stays open");
    assert_eq!(committed(&broker, "ended"), [numbers(0..0)]);
}

#[test]
fn a_broker_that_is_killed_in_the_middle_of_a_commit_has_all_rows_once() {
    let Some(mut broker) = broker() else { return };
    broker.create_topic("killed", 3, &[]);
    let sink = sink(
        &broker,
        "killed",
        &format!("{RAW}properties = {{ \"queue.buffering.max.messages\" = 5000, \"reconnect.backoff.max.ms\" = 500 }}"),
    );
    let mut committing = committer(sink.as_ref(), 1);
    let mut writing = writer(sink.as_ref(), 1, &[]).unwrap();
    let mut all = Vec::new();
    for checkpoint in 1..4 {
        let range = (checkpoint - 1) * 100_000..checkpoint * 100_000;
        all.extend(numbers(range.clone()));
        let prepared = cut(writing.as_mut(), range);
        let committed = std::thread::scope(|scope| {
            let commit = scope.spawn(|| committing.commit(u64::try_from(checkpoint).unwrap(), parts(&prepared)));
            // Each time at another moment of it, or after it.
            std::thread::park_timeout(Duration::from_millis(u64::try_from(checkpoint).unwrap() * 40));
            broker.stop();
            broker.start();
            commit.join().unwrap()
        });
        if let Err(error) = committed {
            // The job resumes from the checkpoint.
            assert!(!matches!(error, ConnectorError::Fenced(_)), "{error}");
            committing = committer(sink.as_ref(), u64::try_from(checkpoint).unwrap() + 1);
            committing.commit(u64::try_from(checkpoint).unwrap(), parts(&prepared)).unwrap();
        }
    }
    let mut read = committed(&broker, "killed").concat();
    read.sort_by_key(|text| text.parse::<i64>().unwrap());
    assert!(read == all, "{} rows instead of {}", read.len(), all.len());
}

#[test]
fn rows_are_sent_at_once_if_at_least_once_is_enough() {
    let Some(broker) = broker() else { return };
    broker.create_topic("direct", 1, &[]);
    for (text, durable) in [("delivery = \"at-least-once\"", true), ("", false)] {
        let sink = sink(&broker, "direct", &format!("{RAW}{text}"));
        assert_eq!(sink.guarantee() == Guarantee::ExactlyOnce, text.is_empty());
        let context = WriterContext { durable, ..WriterContext::ALONE };
        let mut writing = sink.writer(schema(), &context).unwrap();
        let first = cut(writing.as_mut(), 0..5000);
        assert_eq!((first.commit.len(), first.report.rows), (0, 5000));
        let half = committed(&broker, "direct").concat().len();
        assert_eq!(half % 7000, 5000);
        assert_eq!(cut(writing.as_mut(), 5000..7000).report.rows, 7000);
    }
    assert_eq!(committed(&broker, "direct"), [[numbers(0..7000), numbers(0..7000)].concat()]);
}

#[test]
fn a_row_that_the_broker_refuses_fails_with_its_reason() {
    let Some(broker) = broker() else { return };
    broker.create_topic("narrow", 1, &[("max.message.bytes", "2000")]);
    let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(50_000)]));
    let rows = RecordBatch::try_from_iter_with_nullable([("v", long, true)]).unwrap();
    let batch = StreamBatch::new(rows, vec![0].into(), 0);
    let sink = sink(&broker, "narrow", RAW);
    let mut committing = committer(sink.as_ref(), 1);
    let mut writing = writer(sink.as_ref(), 1, &[]).unwrap();
    writing.write(&batch).unwrap();
    let prepared = writing.prepare(Cut { attempt: 1, last: false }).unwrap()().unwrap();
    let error = committing.commit(1, parts(&prepared)).unwrap_err().to_string();
    assert!(error.contains("Message size too large"), "{error}");
    let direct = crate::setting::sink(&broker, "narrow", &format!("{RAW}delivery = \"at-least-once\""));
    let mut writing = direct.writer(schema(), &WriterContext::ALONE).unwrap();
    writing.write(&batch).unwrap();
    let error = writing.prepare(Cut { attempt: 1, last: false }).unwrap()().unwrap_err().to_string();
    assert!(error.contains("Message size too large"), "{error}");
    assert_eq!(committed(&broker, "narrow"), [numbers(0..0)]);
}

#[test]
fn a_topic_must_be_there() {
    let Some(broker) = broker() else { return };
    let sink = sink(&broker, "no-such-topic", RAW);
    let committer = sink.committer("job", 1).err().unwrap().to_string();
    let writer = sink.writer(schema(), &WriterContext::ALONE).err().unwrap().to_string();
    for error in [committer, writer] {
        assert!(error.starts_with("cannot write to the topic no-such-topic at 127.0.0.1:"), "{error}");
        assert!(error.contains("Unknown topic"), "{error}");
    }
}

#[test]
fn a_job_that_is_down_for_longer_than_a_transaction_may_take_loses_nothing() {
    let Some(broker) = broker() else { return };
    broker.create_topic("down", 1, &[]);
    let text = format!("{RAW}properties = {{ \"transaction.timeout.ms\" = 5000 }}");
    let first = sink(&broker, "down", &text);
    let mut committing = committer(first.as_ref(), 1);
    let mut writing = writer(first.as_ref(), 1, &[]).unwrap();
    committing.commit(1, parts(&cut(writing.as_mut(), 0..10))).unwrap();
    let two = cut(writing.as_mut(), 10..20);
    drop((committing, writing, first));
    // A transaction of somebody else that is opened now is undone by the broker: so would be one of ours that was open.
    let other = broker.client().set("transactional.id", "down").set("transaction.timeout.ms", "5000").create();
    let other: rdkafka::producer::BaseProducer = other.unwrap();
    other.init_transactions(Duration::from_secs(60)).unwrap();
    other.begin_transaction().unwrap();
    send_with(&other, "down", vec![Sent::value("other")]);
    let all = |isolation: &str| {
        let text = format!("{RAW}schema = {{ v = \"utf8\" }}\nstop = \"latest\"\nisolation = \"{isolation}\"");
        let source = source(&broker, "down", &text);
        let mut reader = reader(source.as_ref(), &split("down", 0), None);
        read(reader.as_mut(), usize::MAX);
        reader.offset()["end"].as_i64().unwrap()
    };
    // Committed readers stop before an open transaction, and go past one that is ended.
    assert!((0..600).any(|_| all("read_committed") == all("read_uncommitted")));
    let second = sink(&broker, "down", &text);
    committer(second.as_ref(), 2).commit(2, parts(&two)).unwrap();
    assert_eq!(committed(&broker, "down"), [numbers(0..20)]);
}

#[test]
fn rows_go_through_a_topic_in_every_format() {
    let Some(broker) = broker() else { return };
    let columns: [(&str, ArrayRef); 2] = [
        ("id", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
        ("name", Arc::new(StringArray::from(vec![Some("a,\n\"b\""), Some("é"), None]))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let expected = ["1|a,\n\"b\"|1", "|é|", "3||3"];
    for (topic, format) in [("through-json", "json"), ("through-csv", "csv")] {
        broker.create_topic(topic, 1, &[]);
        let sink = sink(&broker, topic, &format!("format = \"{format}\"\nkey = \"id\"\ncompression = \"zstd\""));
        let mut committing = committer(sink.as_ref(), 1);
        let context = WriterContext { durable: true, generation: 1, ..WriterContext::ALONE };
        let mut writing = sink.writer(rows.schema(), &context).unwrap();
        let batch = StreamBatch::new(rows.clone(), vec![0; 3].into(), 0);
        writing.write(&batch).unwrap();
        let prepared = writing.prepare(Cut { attempt: 1, last: true }).unwrap()().unwrap();
        committing.commit(1, prepared.commit).unwrap();
        let text = format!(
            "format = \"{format}\"\nschema = {{ id = \"int64\", name = \"utf8\" }}\nmetadata = {{ k = \"key\" }}\nstop = \"latest\""
        );
        let source = source(&broker, topic, &text);
        let (read, malformed) = read(reader(source.as_ref(), &split(topic, 0), None).as_mut(), usize::MAX);
        assert_eq!((read, malformed), (expected.map(str::to_owned).to_vec(), vec![]), "{format}");
    }
}
