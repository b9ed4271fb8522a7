//! How fast it is, with the client alone beside it. Run by hand: `cargo test --release -p weir-connectors --test kafka -- --ignored
//! --nocapture rates`.

use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use weir_core::batch::StreamBatch;
use weir_core::connector::{Cut, Polled, WriterContext};

use crate::kafka_broker::Broker;
use crate::setting::{LONG, broker, sink, source, split};

const ROWS: usize = 3_000_000;
const BATCH: usize = 4096;

#[expect(clippy::disallowed_methods, reason = "this is what is measured")]
fn rate(what: &str, rows: usize, run: impl FnOnce()) {
    let begun = Instant::now();
    run();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{what}: {:.0} rows/s", rows as f64 / seconds);
}

/// A row whose JSON has 150 bytes, about.
fn row(number: usize) -> String {
    format!(
        "{{\"order_id\":{number:>9},\"customer\":\"customer-{:05}\",\"product\":\"product-{:04}\",\"quantity\":{},\"price\":{}.25,\
         \"at\":\"2026-01-01T00:{:02}:{:02}Z\",\"note\":\"regular\"}}",
        number % 99_999,
        number % 9_999,
        number % 10,
        number % 1000,
        number / 60 % 60,
        number % 60
    )
}

const SCHEMA: &str = "schema = { order_id = \"int64\", customer = \"utf8\", product = \"utf8\", quantity = \"int32\", \
                      price = \"float64\", at = \"timestamp\", note = \"utf8\" }\nstop = \"latest\"";

#[test]
#[ignore = "a measurement"]
fn rates() {
    let Some(broker) = broker() else { return };
    broker.create_topic("rates", 1, &[]);
    let producer = broker.producer(None);
    for number in 0..ROWS {
        let text = row(number);
        let mut record: BaseRecord<'_, (), str> = BaseRecord::to("rates").payload(&text);
        while let Err((_, refused)) = producer.send(record) {
            record = refused;
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    println!("{} bytes a message", row(1).len());
    rate("client alone, reading", ROWS, || {
        let client: BaseConsumer = broker
            .client()
            .set("group.id", "rates")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "5")
            .create()
            .unwrap();
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition_offset("rates", 0, rdkafka::Offset::Beginning).unwrap();
        client.assign(&list).unwrap();
        let (mut rows, mut bytes) = (0, 0);
        while rows < ROWS {
            if let Some(message) = client.poll(LONG) {
                bytes += message.unwrap().payload().map_or(0, <[u8]>::len);
                rows += 1;
            }
        }
        assert!(bytes > ROWS);
    });
    for (what, projection) in [("source, all columns", vec![0, 1, 2, 3, 4, 5, 6]), ("source, no column", vec![])] {
        let source = source(&broker, "rates", SCHEMA);
        rate(what, ROWS, || {
            let mut reader = source.reader(&split("rates", 0), &projection, None, crate::setting::clock()).unwrap();
            let mut rows_read = 0;
            loop {
                match reader.poll(BATCH, LONG).unwrap() {
                    Polled::Batch { rows, .. } => rows_read += rows.num_rows(),
                    Polled::Pending => {}
                    Polled::End => break,
                }
            }
            assert_eq!(rows_read, ROWS);
        });
    }
    written(&broker);
}

fn written(broker: &Broker) {
    for (what, text) in [("sink, exactly-once", ""), ("sink, at-least-once", "delivery = \"at-least-once\"")] {
        let topic = if text.is_empty() { "rates-once" } else { "rates-direct" };
        broker.create_topic(topic, 1, &[]);
        let sink = sink(broker, topic, text);
        let mut committer = sink.committer("job", 1).unwrap();
        let numbers: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(0..4096));
        let texts: ArrayRef = std::sync::Arc::new(StringArray::from_iter_values((0..BATCH).map(|_| "x".repeat(110))));
        let rows = RecordBatch::try_from_iter([("order_id", numbers), ("text", texts)]).unwrap();
        let batch = StreamBatch { rows, event_times: vec![0; BATCH].into(), ingested_at: 0 };
        let context = WriterContext { durable: true, generation: 1, ..WriterContext::ALONE };
        let mut writer = sink.writer(batch.rows.schema(), &context).unwrap();
        let batches = ROWS / 3 / BATCH;
        let mut prepared = None;
        rate(&format!("{what}: write and prepare"), batches * BATCH, || {
            (0..batches).for_each(|_| writer.write(&batch).unwrap());
            prepared = Some(writer.prepare(Cut { attempt: 1, last: false }).unwrap()().unwrap());
        });
        if let Some(committer) = committer.as_mut() {
            let parts = prepared.unwrap().commit;
            rate(&format!("{what}: commit"), batches * BATCH, || committer.commit(1, parts).unwrap());
        }
    }
}
