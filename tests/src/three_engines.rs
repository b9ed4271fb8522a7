//! Runs the example `three-engines`: one topic, one component, and the same windows in Weir, Flink and Spark, one after another. Their results must
//! be equal; what each takes is measured.

mod departures;
mod engines;
mod latency;
mod processes;
mod results;
mod row;

use std::process::Command;

use anyhow::Context;

use crate::kafka_broker::Broker;
use crate::kafka_topic::{load, send};
use engines::{Engine, Engines, Run};
use latency::Latency;
use results::Results;

const PARTITIONS: usize = 4;
const TOPIC: &str = "departures";
/// So many messages fit into the queue of a producer.
const MESSAGES_AT_ONCE: usize = 100_000;
/// In how many batches Spark reads the topic: its watermark moves between them.
const SPARK_BATCHES: usize = 3;
/// Results are in one partition, and have the time at which the broker got them.
const RESULTS: [(&str, &str); 1] = [("message.timestamp.type", "LogAppendTime")];

/// A broker with departures, and the three engines.
pub struct ThreeEngines {
    broker: Broker,
    engines: Engines,
    departures: usize,
}

impl ThreeEngines {
    /// Fetches what is not there, starts the broker and fills the topic.
    ///
    /// # Errors
    /// If something cannot be had.
    pub fn prepare(departures: usize) -> anyhow::Result<Self> {
        announce("getting Flink and Spark (the first time Maven and pip fetch them, 600 MB)");
        let engines = Engines::prepare()?;
        announce("starting a Kafka broker (the first time Maven fetches it, 43 MB)");
        let broker = Broker::try_new().context("no Kafka broker")?;
        // Whole rounds over the partitions, so that they are equally long.
        let departures = departures.next_multiple_of(PARTITIONS);
        announce(&format!("writing {departures} departures to {PARTITIONS} partitions of a topic"));
        load(&broker, TOPIC, PARTITIONS as i32, [])?;
        for messages in departures::messages(departures).chunks(MESSAGES_AT_ONCE) {
            send(&broker, TOPIC, PARTITIONS as i32, messages.iter().map(String::as_str))?;
        }
        send(&broker, TOPIC, PARTITIONS as i32, [departures::end().as_str(); PARTITIONS])?;
        Ok(Self { broker, engines, departures })
    }

    /// Runs all three to the end of the topic, compares them, and prints both tables. Before that it measures the latency, if that is wanted.
    ///
    /// # Errors
    /// If one fails, or their results differ.
    pub fn run(&self, with_latency: bool) -> anyhow::Result<()> {
        let all: Vec<Results> =
            Engine::ALL.into_iter().map(|engine| self.results(engine)).collect::<anyhow::Result<_>>()?;
        println!();
        results::compare(&all, self.departures)?;
        let latency = |engine| with_latency.then(|| self.latency(engine)).transpose();
        let latencies: Vec<_> = Engine::ALL.into_iter().map(latency).collect::<anyhow::Result<_>>()?;
        println!();
        results::print_costs(&all, self.departures, &latencies);
        Ok(())
    }

    fn results(&self, engine: Engine) -> anyhow::Result<Results> {
        let (name, topic) = (engine.name(), format!("departures-per-minute-{}", engine.name()));
        announce(&format!("running {name} to the end of the topic; some of its results:"));
        let mut command = self.command(engine, TOPIC, &topic, true)?;
        let cost = processes::run(&mut command).with_context(|| format!("{name} failed"))?;
        Results::read(&self.broker, &topic, name, cost)
    }

    fn latency(&self, engine: Engine) -> anyhow::Result<Latency> {
        let (name, input) = (engine.name(), format!("live-{}", engine.name()));
        let topic = format!("live-per-minute-{name}");
        announce(&format!("measuring the latency of {name} (half a minute)"));
        self.broker.create_topic(&input, PARTITIONS as i32, &[]);
        let mut command = self.command(engine, &input, &topic, false)?;
        latency::measure(&self.broker, &input, &topic, &mut command).with_context(|| format!("the latency of {name}"))
    }

    /// The command, with a topic of its own for its results.
    fn command(&self, engine: Engine, input: &str, results: &str, ends: bool) -> anyhow::Result<Command> {
        self.broker.create_topic(results, 1, &RESULTS);
        let brokers = self.broker.address();
        let spark_batch = self.departures.div_ceil(SPARK_BATCHES);
        self.engines.command(engine, &Run { brokers: &brokers, input, results, ends, spark_batch })
    }
}

fn announce(what: &str) {
    eprintln!("==> {what}");
}
