//! Tests of gathering: which rows and watermarks leave when, and in which order.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use weir_core::batch::Barrier;
use weir_core::key_group::hash_keys;
use weir_core::limits::EXCHANGE_BYTES_MAX;

use super::*;

const TARGETS: usize = 3;

/// A sequence that looks random and is the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What a target gets, one row or mark at a time.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    Row { number: i64, time: i64 },
    Watermark(i64),
    Idle,
    Barrier(u64),
    End,
}

fn heard(element: &StreamElement) -> Vec<Heard> {
    match element {
        StreamElement::Batch(batch) => {
            let numbers = batch.rows.column(1).as_primitive::<Int64Type>().values();
            let texts = batch.rows.column(2).as_string::<i32>();
            let row = |(index, number): (usize, &i64)| {
                assert_eq!(texts.value(index), format!("row {number}"), "columns stay together");
                Heard::Row { number: *number, time: batch.event_times[index] }
            };
            numbers.iter().enumerate().map(row).collect()
        }
        StreamElement::Watermark(watermark) => vec![Heard::Watermark(*watermark)],
        StreamElement::Idle => vec![Heard::Idle],
        StreamElement::Barrier(barrier) => vec![Heard::Barrier(barrier.attempt)],
        StreamElement::End => vec![Heard::End],
    }
}

fn batch(keys: Vec<i64>, first: i64, times: Vec<i64>) -> StreamBatch {
    let numbers = first..first + keys.len() as i64;
    let texts: Vec<String> = numbers.clone().map(|number| format!("row {number}")).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("key", Arc::new(Int64Array::from(keys))),
        ("number", Arc::new(Int64Array::from_iter_values(numbers))),
        ("text", Arc::new(StringArray::from(texts))),
    ];
    StreamBatch::new(RecordBatch::try_from_iter(columns).unwrap(), times.into(), first)
}

fn by_key(batch_rows_max: usize) -> Exchange {
    Exchange::new(Partitioning::Hash { keys: vec![0], groups: 16 }, 0, TARGETS, batch_rows_max)
}

/// By row: whether it is behind the watermark; by anything else that is no watermark: what came before it.
fn facts(heard: &[Heard]) -> Vec<String> {
    let mut watermark = i64::MIN;
    let mut facts = Vec::new();
    for one in heard {
        match one {
            Heard::Watermark(w) => watermark = *w,
            Heard::Row { number, time } => facts.push(format!("{number} {}", *time <= watermark)),
            mark => facts.push(format!("{mark:?} at {watermark}")),
        }
    }
    facts
}

#[test]
fn gathered_rows_keep_order_and_lateness() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut gathering = by_key(1 + dice.roll(8) as usize);
        let mut got = vec![Vec::new(); TARGETS];
        let mut at_once = vec![Vec::new(); TARGETS];
        let (mut watermark, mut number) = (0, 0);
        for attempt in 0..60 {
            let mut send = |target: usize, element: StreamElement| got[target].extend(heard(&element));
            // The same through an exchange that holds nothing back.
            let mut naive = by_key(1);
            let mut said = |target: usize, element: StreamElement| at_once[target].extend(heard(&element));
            match dice.roll(12) {
                0..6 => {
                    let rows = dice.roll(12) as usize;
                    let keys: Vec<i64> = (0..rows).map(|_| dice.roll(9) as i64).collect();
                    let times: Vec<i64> = (0..rows).map(|_| watermark - 3 + dice.roll(20) as i64).collect();
                    let batch = batch(keys, number, times);
                    number += rows as i64;
                    naive.rows(batch.clone(), &mut said).unwrap();
                    gathering.rows(batch, &mut send).unwrap();
                }
                6..9 => {
                    watermark += dice.roll(4) as i64;
                    let element = StreamElement::Watermark(watermark);
                    naive.is_idle = true;
                    naive.pass(&element, &mut said).unwrap();
                    gathering.pass(&element, &mut send).unwrap();
                }
                9 => {
                    naive.pass(&StreamElement::Idle, &mut said).unwrap();
                    gathering.pass(&StreamElement::Idle, &mut send).unwrap();
                }
                10 => {
                    let element = StreamElement::Barrier(Barrier { attempt });
                    naive.pass(&element, &mut said).unwrap();
                    gathering.pass(&element, &mut send).unwrap();
                }
                _ => gathering.flush(&mut send).unwrap(),
            }
            if dice.roll(4) == 0 {
                gathering.flush(&mut send).unwrap();
                assert!(!gathering.is_holding());
                for (got, at_once) in got.iter().zip(&at_once) {
                    let last = |heard: &[Heard]| heard.iter().rev().find(|h| matches!(h, Heard::Watermark(_))).cloned();
                    assert_eq!(last(got), last(at_once), "seed {seed}: nothing is held back after a flush");
                }
            }
        }
        gathering.pass(&StreamElement::End, &mut |target, element| got[target].extend(heard(&element))).unwrap();
        by_key(1).pass(&StreamElement::End, &mut |target, e| at_once[target].extend(heard(&e))).unwrap();
        for (got, at_once) in got.iter().zip(&at_once) {
            assert_eq!(facts(got), facts(at_once), "seed {seed}");
            let rows_before = |all: &[Heard], mark: &Heard| {
                let end = all.iter().position(|one| one == mark)?;
                Some(all[..end].iter().filter(|one| matches!(one, Heard::Row { .. })).count())
            };
            for mark in got.iter().filter(|one| matches!(one, Heard::Watermark(_))) {
                assert!(rows_before(got, mark) >= rows_before(at_once, mark), "seed {seed}: {mark:?} overtook a row");
            }
        }
    }
}

#[test]
fn batches_are_sent_when_they_are_full() {
    let mut sent: Vec<(usize, usize)> = Vec::new();
    let mut exchange = by_key(100);
    for first in 0..20 {
        let keys = (0..60).collect();
        exchange
            .rows(batch(keys, first * 60, vec![first; 60]), &mut |target, element| match element {
                StreamElement::Batch(batch) => sent.push((target, batch.len())),
                StreamElement::Watermark(_) => {}
                other => panic!("{other:?} was not asked for"),
            })
            .unwrap();
        exchange.pass(&StreamElement::Watermark(first - 1), &mut |_, _| panic!("it is held back")).unwrap();
    }
    assert!(sent.len() >= 9 && sent.iter().all(|(_, rows)| *rows == 100), "{sent:?}");
}

#[test]
fn hashes_of_keys_go_along_with_their_rows() {
    let mut exchange = Exchange::new(Partitioning::Hash { keys: vec![2, 0], groups: 16 }, 0, TARGETS, usize::MAX);
    let mut check = |_: usize, element: StreamElement| {
        let StreamElement::Batch(batch) = element else { panic!("{element:?} was not asked for") };
        let mut expected = Vec::new();
        let keys = [2, 0].map(|column: usize| batch.rows.column(column).clone());
        hash_keys(&keys, batch.len(), &mut expected).unwrap();
        let hashes = batch.key_hashes.as_ref().unwrap();
        assert_eq!(hashes.of(&[2, 0]), Some(expected.as_slice()));
        assert_eq!(hashes.of(&[0, 2]), None);
        assert_eq!(batch.slice(1, 2).key_hashes.unwrap().of(&[2, 0]), Some(&expected[1..3]));
    };
    for first in 0..3 {
        exchange.rows(batch((0..60).collect(), first * 60, vec![first; 60]), &mut check).unwrap();
    }
    assert!(exchange.is_holding());
    exchange.flush(&mut check).unwrap();
}

#[test]
fn bytes_that_wait_are_bounded() {
    let mut exchange = by_key(usize::MAX);
    let rows = 1 << 16;
    let bytes = batch(vec![0; rows], 0, vec![0; rows]).bytes() as usize;
    let mut waiting = 0_usize;
    for first in 0..20 {
        let keys = (0..rows as i64).collect();
        waiting += rows;
        let mut send = |_: usize, element: StreamElement| {
            if let StreamElement::Batch(batch) = element {
                waiting -= batch.len();
            }
        };
        exchange.rows(batch(keys, first, vec![0; rows]), &mut send).unwrap();
        assert!(waiting / rows * bytes <= EXCHANGE_BYTES_MAX as usize);
    }
}

#[test]
fn rows_of_an_idle_edge_do_not_wait_until_a_watermark_says_that_it_is_active() {
    let mut exchange = by_key(100);
    let mut sent = Vec::new();
    let mut send = |_: usize, element: StreamElement| sent.extend(heard(&element));
    exchange.pass(&StreamElement::Idle, &mut send).unwrap();
    exchange.pass(&StreamElement::Barrier(Barrier { attempt: 1 }), &mut send).unwrap();
    exchange.rows(batch(vec![1], 0, vec![5]), &mut send).unwrap();
    assert!(!exchange.is_holding(), "it waits beside an idle channel");
    exchange.pass(&StreamElement::Watermark(5), &mut send).unwrap();
    assert!(!exchange.is_holding(), "the first watermark ends the idleness");
    exchange.rows(batch(vec![1], 1, vec![6]), &mut send).unwrap();
    assert!(exchange.is_holding(), "an active edge gathers rows");
    let rows = sent.iter().filter(|one| matches!(one, Heard::Row { .. })).count();
    let watermarks = sent.iter().filter(|one| **one == Heard::Watermark(5)).count();
    assert_eq!((rows, watermarks), (1, TARGETS));
}

#[test]
fn the_last_watermark_before_the_end_is_not_lost() {
    let mut exchange = by_key(100);
    let mut got = vec![Vec::new(); TARGETS];
    let mut send = |target: usize, element: StreamElement| got[target].extend(heard(&element));
    exchange.rows(batch(vec![1, 2, 3], 0, vec![5, 6, 7]), &mut send).unwrap();
    for watermark in [3, 6, WATERMARK_MAX] {
        exchange.pass(&StreamElement::Watermark(watermark), &mut send).unwrap();
    }
    exchange.pass(&StreamElement::End, &mut send).unwrap();
    for heard in got {
        let marks: Vec<&Heard> = heard.iter().filter(|one| !matches!(one, Heard::Row { .. })).collect();
        assert_eq!(marks, [&Heard::Watermark(6), &Heard::Watermark(WATERMARK_MAX), &Heard::End]);
    }
}
