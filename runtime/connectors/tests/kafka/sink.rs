//! Writing: every row once, whatever happens to the broker, and what the broker refuses.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use rdkafka::producer::Producer;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    Committable, Committer, ConnectorError, Cut, Guarantee, Prepared, Sink, SinkWriter, WriterContext,
};

use crate::setting::{Sent, broker, committed, numbers, read, reader, send_with, sink, source, split};

pub(crate) const RAW: &str = "format = \"raw\"\n";

fn schema() -> SchemaRef {
    rows(0..0).rows.schema()
}

fn rows(range: std::ops::Range<i64>) -> StreamBatch {
    let texts: ArrayRef = Arc::new(StringArray::from(numbers(range.clone())));
    let rows = RecordBatch::try_from_iter_with_nullable([("v", texts, true)]).unwrap();
    StreamBatch::new(rows, vec![0; range.clone().count()].into(), 0)
}

/// A writer of a job with checkpoints, alone, that resumes from `restored`.
pub(crate) fn writer(
    sink: &dyn Sink,
    generation: u64,
    restored: &[Prepared],
) -> Result<Box<dyn SinkWriter>, ConnectorError> {
    let restored: Vec<_> = restored.iter().map(|prepared| prepared.state.clone()).collect();
    let context = WriterContext { generation, durable: true, restored: &restored, ..WriterContext::ALONE };
    sink.writer(schema(), &context)
}

pub(crate) fn cut(writer: &mut dyn SinkWriter, range: std::ops::Range<i64>) -> Prepared {
    writer.write(&rows(range)).unwrap();
    writer.prepare(Cut { attempt: 1, last: false }).unwrap()().unwrap()
}

pub(crate) fn committer(sink: &dyn Sink, generation: u64) -> Box<dyn Committer> {
    sink.committer("job", generation).unwrap().unwrap()
}

pub(crate) fn parts(prepared: &Prepared) -> Vec<Committable> {
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

#[test]
fn writers_may_begin_before_a_committer_that_is_apart() {
    let Some(broker) = broker() else { return };
    broker.create_topic("apart", 1, &[]);
    let here = || sink(&broker, "apart", RAW);
    let context = |generation| WriterContext { durable: true, apart: true, generation, ..WriterContext::ALONE };
    let commits = |generation, resumes| here().committer_apart("job", generation, resumes).unwrap().unwrap();
    let mut writing = here().writer(schema(), &context(1)).unwrap();
    let one = cut(writing.as_mut(), 0..10);
    let mut committing = commits(1, false);
    committing.commit(1000, parts(&one)).unwrap();
    let two = cut(writing.as_mut(), 10..20);
    // Another run: the checkpoint was complete, and what it had prepared was not committed.
    let mut writing = here().writer(schema(), &context(2001)).unwrap();
    let three = cut(writing.as_mut(), 20..30);
    let mut again = commits(2001, true);
    for (checkpoint, prepared) in [(1000, &one), (2000, &two), (3000, &three)] {
        again.commit(checkpoint, parts(prepared)).unwrap();
    }
    assert_eq!(committed(&broker, "apart"), [numbers(0..30)]);
    let fenced = committing.commit(2000, parts(&two)).unwrap_err();
    assert!(matches!(fenced, ConnectorError::Fenced(_)), "{fenced}");
    // An older copy of its checkpoints would write rows again.
    let copy = here().committer_apart("job", 1001, true).map(drop).unwrap_err();
    assert!(copy.to_string().contains("older copy"), "{copy}");
    // A job that begins anew counts for itself.
    commits(1, false).commit(1000, parts(&one)).unwrap();
    assert_eq!(committed(&broker, "apart"), [[numbers(0..30), numbers(0..10)].concat()]);
}
