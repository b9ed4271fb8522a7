//! Reading.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::Producer;
use serde_json::json;
use weir_core::connector::Polled;
use weir_core::time::ManualClock;

use crate::setting::{
    LONG, Sent, broker, clock, committed, numbers, read, reader, send, send_numbers, send_with, source, split,
};

const TEXT: &str = "format = \"raw\"\nschema = { v = \"utf8\" }\n";

#[test]
fn it_reads_all_and_resumes_from_any_offset() {
    let Some(broker) = broker() else { return };
    broker.create_topic("all", 2, &[]);
    send_numbers(&broker, "all", 0..2500);
    let source = source(&broker, "all", TEXT);
    assert_eq!(source.splits(4).unwrap(), [split("all", 0), split("all", 1)]);
    let mut first = reader(source.as_ref(), &split("all", 0), None);
    assert_eq!(first.offset(), json!({ "next": null }));
    assert_eq!(read(first.as_mut(), 1234).0, numbers(0..1234));
    let offset = first.offset();
    assert_eq!(offset, json!({ "next": 1234 }));
    // The partition is let go with its reader, and can be read again.
    drop(first);
    let mut again = reader(source.as_ref(), &split("all", 0), Some(&offset));
    assert_eq!(again.offset(), offset);
    let mut other = reader(source.as_ref(), &split("all", 1), None);
    assert_eq!(read(again.as_mut(), 1266).0, numbers(1234..2500));
    assert!(matches!(again.poll(10, LONG).unwrap(), Polled::Pending));
    assert!(matches!(other.poll(10, LONG).unwrap(), Polled::Pending));
    send(&broker, "all", vec![Sent { partition: 1, ..Sent::value("new") }]);
    assert_eq!(read(other.as_mut(), 1).0, ["new"]);
    assert_eq!(other.offset(), json!({ "next": 1 }));
    assert_eq!(source.trouble(), None);
}

#[test]
fn json_messages_become_columns_and_bad_ones_fall_out() {
    let Some(broker) = broker() else { return };
    broker.create_topic("orders", 1, &[]);
    let headers = OwnedHeaders::new().insert(Header { key: "trace", value: Some("t1") });
    send(
        &broker,
        "orders",
        vec![
            Sent {
                key: Some("k"),
                timestamp: Some(1_000),
                headers: Some(headers),
                ..Sent::value("{\"id\": 1, \"item\": {\"tags\": [\"a\", \"b\"]}}")
            },
            Sent { timestamp: Some(2_000), ..Sent::value("{\"id\": \"x\"}") },
            Sent { value: None, ..Sent::value("") },
            Sent { timestamp: Some(3_000), ..Sent::value("{\"id\": 2}") },
        ],
    );
    let text = "schema = { id = \"int64\", item = \"struct<tags: list<utf8>>\" }\nstop = \"latest\"\n\
                metadata = { key = \"key\", p = \"partition\", o = \"offset\", at = \"timestamp\", h = \"headers\" }";
    let source = source(&broker, "orders", text);
    source.splits(1).unwrap();
    let (rows, malformed) = read(reader(source.as_ref(), &split("orders", 0), None).as_mut(), usize::MAX);
    assert_eq!(
        rows,
        ["1|{tags: [a, b]}|k|0|0|1970-01-01T00:00:01Z|[{name: trace, value: 7431}]", "2|||0|3|1970-01-01T00:00:03Z|[]"]
    );
    assert!(malformed[0].starts_with("orders/0@2: it has no value"), "{malformed:?}");
    assert!(malformed[1].starts_with("orders/0@1: column \"id\""), "{malformed:?}");
    // A projection: only these, in this order; what is wrong elsewhere is not seen.
    let mut reader = source.reader(&split("orders", 0), &[4, 2], None, clock()).unwrap();
    let (rows, malformed) = read(reader.as_mut(), usize::MAX);
    assert_eq!((rows, malformed.len()), (vec!["0|k".to_owned(), "1|".to_owned(), "3|".to_owned()], 1));
}

#[test]
fn aborted_rows_are_hidden_and_a_bounded_job_ends_behind_markers() {
    let Some(broker) = broker() else { return };
    broker.create_topic("markers", 1, &[]);
    let producer = broker.producer(Some("markers"));
    for (range, is_committed) in [(0..3, true), (3..6, false), (6..9, true), (9..12, false)] {
        producer.begin_transaction().unwrap();
        let texts = numbers(range);
        send_with(&producer, "markers", texts.iter().map(|text| Sent::value(text)).collect());
        match is_committed {
            true => producer.commit_transaction(Duration::from_secs(60)).unwrap(),
            false => producer.abort_transaction(Duration::from_secs(60)).unwrap(),
        }
    }
    assert_eq!(committed(&broker, "markers"), [[numbers(0..3), numbers(6..9)].concat()]);
    let all = format!("{TEXT}isolation = \"read_uncommitted\"\nstop = \"latest\"");
    let source_of_all = source(&broker, "markers", &all);
    let mut reader_of_all = reader(source_of_all.as_ref(), &split("markers", 0), None);
    assert_eq!(read(reader_of_all.as_mut(), usize::MAX).0, numbers(0..12));
    // Where it ends is kept in the offset: what comes later is not of this job.
    let bounded = source(&broker, "markers", &format!("{TEXT}stop = \"latest\""));
    let mut first = reader(bounded.as_ref(), &split("markers", 0), None);
    assert_eq!(read(first.as_mut(), 2).0, numbers(0..2));
    let offset = first.offset();
    assert_eq!(offset, json!({ "next": 2, "end": 16 }));
    send_numbers(&broker, "markers", 100..110);
    let restored = source(&broker, "markers", &format!("{TEXT}stop = \"latest\""));
    let mut second = reader(restored.as_ref(), &split("markers", 0), Some(&offset));
    assert_eq!(read(second.as_mut(), usize::MAX).0, [numbers(2..3), numbers(6..9)].concat());
    assert_eq!((second.offset(), second.progress()), (json!({ "next": 16, "end": 16 }), Some(1.0)));
    let mut done = reader(restored.as_ref(), &split("markers", 0), Some(&second.offset()));
    assert_eq!(read(done.as_mut(), usize::MAX).0, Vec::<String>::new());
    // A job that had no end so far gets one when it continues, and one that is to have none any more continues after it.
    let mut ending = reader(restored.as_ref(), &split("markers", 0), Some(&json!({ "next": 16 })));
    assert_eq!(read(ending.as_mut(), usize::MAX).0, numbers(100..110));
    let endless = source(&broker, "markers", TEXT);
    let mut endless = reader(endless.as_ref(), &split("markers", 0), Some(&second.offset()));
    assert_eq!(read(endless.as_mut(), 10).0, numbers(100..110));
}

#[test]
fn it_begins_where_the_options_say() {
    let Some(broker) = broker() else { return };
    broker.create_topic("begin", 1, &[]);
    let at = |ms: i64, text: &'static str| Sent { timestamp: Some(1_767_225_600_000 + ms), ..Sent::value(text) };
    send(&broker, "begin", vec![at(0, "0"), at(10, "1"), at(20, "2")]);
    let group: BaseConsumer = broker.client().set("group.id", "begin-group").create().unwrap();
    let first = source(&broker, "begin", &format!("{TEXT}group = \"begin-group\""));
    let mut reader_of_first = reader(first.as_ref(), &split("begin", 0), None);
    assert_eq!(read(reader_of_first.as_mut(), 1).0, ["0"]);
    // A checkpoint is complete: the group is told.
    first.completed(&[(split("begin", 0), reader_of_first.offset())]);
    let committed_offset = || {
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition("begin", 0);
        let list = group.committed_offsets(list, Duration::from_secs(60)).unwrap();
        list.find_partition("begin", 0).unwrap().offset()
    };
    assert!((0..600).any(|_| {
        let _ = reader_of_first.poll(0, LONG);
        committed_offset() == rdkafka::Offset::Offset(1)
    }));
    for (place, (start, expected)) in [
        ("\"earliest\"", vec!["0", "1", "2", "3"]),
        ("\"group\"", vec!["1", "2", "3"]),
        ("\"latest\"", vec!["3"]),
        ("{ timestamp = \"2026-01-01T00:00:00.005Z\" }", vec!["1", "2", "3"]),
        ("{ timestamp = \"2026-01-01 00:00:00.020\" }", vec!["2", "3"]),
        ("{ timestamp = \"2026-01-02T00:00:00Z\" }", vec!["3"]),
    ]
    .into_iter()
    .enumerate()
    {
        let topic = format!("begin-{place}");
        broker.create_topic(&topic, 1, &[]);
        send(&broker, &topic, vec![at(0, "0"), at(10, "1"), at(20, "2")]);
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, rdkafka::Offset::Offset(1)).unwrap();
        group.commit(&list, rdkafka::consumer::CommitMode::Sync).unwrap();
        let text = format!("{TEXT}start = {start}\ngroup = \"begin-group\"");
        let source = source(&broker, &topic, &text);
        let mut reader = reader(source.as_ref(), &split(&topic, 0), None);
        // It is begun before the last message is sent.
        while reader.offset()["next"].is_null() {
            let _ = reader.poll(0, LONG).unwrap();
        }
        send(&broker, &topic, vec![at(30, "3")]);
        assert_eq!(read(reader.as_mut(), expected.len()).0, expected, "{start}");
    }
}

#[test]
fn new_partitions_are_found_and_begin_at_their_first_message() {
    let Some(broker) = broker() else { return };
    broker.create_topic("grows", 1, &[]);
    let source = source(&broker, "grows", &format!("{TEXT}start = \"latest\"\ndiscover = \"1s\""));
    assert_eq!(source.splits(1).unwrap().len(), 1);
    let clock = Arc::new(ManualClock::default());
    let mut old = source.reader(&split("grows", 0), &[0], None, clock.clone()).unwrap();
    while old.offset()["next"].is_null() {
        let _ = old.poll(10, LONG).unwrap();
    }
    assert_eq!(source.new_splits(1), []);
    broker.add_partitions("grows", 3);
    let message = |partition| Sent { partition, ..Sent::value("early") };
    send(&broker, "grows", vec![message(1), message(2)]);
    let found = (0..600).any(|second| {
        clock.set_us(second * 1_000_000);
        let _ = old.poll(10, LONG).unwrap();
        source.new_splits(1).len() == 2
    });
    assert!(found);
    assert_eq!(source.new_splits(1), [split("grows", 1), split("grows", 2)]);
    assert_eq!(source.new_splits(2), [split("grows", 2)]);
    assert_eq!(read(reader(source.as_ref(), &split("grows", 1), None).as_mut(), 1).0, ["early"]);
    // A job that resumes from a checkpoint without that partition reads all of it, too.
    let restored = crate::setting::source(&broker, "grows", &format!("{TEXT}start = \"latest\""));
    restored.splits(1).unwrap();
    let mut new = reader(restored.as_ref(), &split("grows", 2), None);
    let _known = reader(restored.as_ref(), &split("grows", 0), Some(&json!({ "next": 0 })));
    assert_eq!(read(new.as_mut(), 1).0, ["early"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let Some(broker) = broker() else { return };
    let unknown = source(&broker, "nowhere", TEXT).splits(1).unwrap_err().to_string();
    assert!(unknown.starts_with("cannot read the topic nowhere at 127.0.0.1:"), "{unknown}");
    broker.create_topic("trimmed", 1, &[]);
    send_numbers(&broker, "trimmed", 0..10);
    broker.delete_records("trimmed", 0, 6);
    let source = source(&broker, "trimmed", TEXT);
    assert!(source.reader(&split("trimmed", 7), &[0], None, clock()).is_ok(), "the broker is asked later");
    assert!(source.reader(&split("other", 0), &[0], None, clock()).is_err());
    assert!(source.reader(&split("trimmed", 0), &[0], Some(&json!("x")), clock()).is_err());
    for (next, is_there) in [(3, false), (6, true), (10, true), (11, false)] {
        let mut reader = reader(source.as_ref(), &split("trimmed", 0), Some(&json!({ "next": next })));
        // Only where nothing comes all of them are waited for.
        let looks = if next == 10 { 30 } else { 600 };
        let polled = (0..looks).map(|_| reader.poll(10, LONG)).find(|polled| !matches!(polled, Ok(Polled::Pending)));
        match polled {
            Some(Err(error)) if !is_there => {
                let said =
                    format!("trimmed/0 no longer has the offset {next}: the earliest is 6, the next to be written 10");
                assert!(error.to_string().starts_with(&said), "{error}");
            }
            Some(Ok(Polled::Batch { .. })) => assert_eq!(next, 6),
            None => assert_eq!(next, 10),
            other => panic!("{next}: {other:?}"),
        }
    }
}

#[test]
fn a_broker_that_is_away_is_waited_for() {
    let Some(mut broker) = broker() else { return };
    broker.create_topic("away", 1, &[]);
    send_numbers(&broker, "away", 0..10);
    let source = source(&broker, "away", TEXT);
    let mut reader = reader(source.as_ref(), &split("away", 0), None);
    assert_eq!(read(reader.as_mut(), 10).0, numbers(0..10));
    broker.stop();
    let said = (0..600).find_map(|_| {
        assert!(matches!(reader.poll(10, LONG).unwrap(), Polled::Pending));
        source.trouble()
    });
    assert!(said.is_some());
    broker.start();
    send_numbers(&broker, "away", 10..20);
    assert_eq!(read(reader.as_mut(), 10).0, numbers(10..20));
    assert_eq!(source.trouble(), None);
}
