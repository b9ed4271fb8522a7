//! Writing by one process after another, or beside another: which of them may commit, and what is known of the last one.

use std::time::Duration;

use rdkafka::producer::Producer;
use weir_core::connector::ConnectorError;

use crate::setting::{LONG, Sent, broker, committed, numbers, send_with, sink};
use crate::sink::{RAW, committer, cut, parts, writer};

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
        assert!(error.contains("no longer knows") && error.contains("lost-marker"), "{error}");
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
