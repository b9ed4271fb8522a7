//! Components that keep state and timers, and aggregates that are components: a snapshot of the whole job at any point, restored
//! at any parallelism, changes nothing. Driven step by step in one thread, like the engine's own laws.

use crate::support::{HOST, Memory, chooser, root};
use proptest::prelude::*;
use weir_connectors::StandardConnectors;
use weir_core::connector::{ConnectorError, Connectors, Sink, Source};
use weir_core::graph::Options;
use weir_engine::Job;

/// Real sources, and sinks whose rows stay in memory.
struct Captured {
    sources: StandardConnectors,
    sinks: Memory,
}

impl Connectors for Captured {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        self.sources.source(connector, options)
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        self.sinks.sink(connector, options)
    }

    fn source_names(&self) -> Vec<&'static str> {
        self.sources.source_names()
    }

    fn sink_names(&self) -> Vec<&'static str> {
        self.sinks.sink_names()
    }
}

fn job(query: &str, parallelism: usize, connectors: &Captured) -> Job {
    let folder = root().join("examples/nexmark");
    let text = std::fs::read_to_string(folder.join(format!("{query}.toml"))).unwrap();
    let set = [
        ("parallelism", parallelism.to_string()),
        ("batch-rows", "500".into()),
        ("sources.bids.events", "60000".into()),
    ];
    let set = set.map(|(key, value)| (key.to_owned(), value));
    let graph = weir_core::pipeline::parse(&text, &folder, &set).unwrap();
    Job::check(&graph, connectors, &HOST).unwrap()
}

proptest! {
    #![proptest_config(crate::support::cases(6))]

    #[test]
    fn a_restore_of_components_at_any_point_changes_nothing(
        seed in any::<u64>(),
        steps in 0..400_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let connectors = Captured { sources: StandardConnectors::new(), sinks: Memory::default() };
        let rows = &connectors.sinks;
        for query in ["q5", "q7", "q11"] {
            let expected = rows.run(&job(query, 1, &connectors), |_| 0);
            prop_assert!(!expected.is_empty());
            let (job, next) = (job(query, before, &connectors), job(query, after, &connectors));
            let got = rows.run_with_restore(&job, &next, steps, chooser(seed));
            prop_assert_eq!(&got, &expected, "{} from {} to {} subtasks", query, before, after);
        }
    }
}
