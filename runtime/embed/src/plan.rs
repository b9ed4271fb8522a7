//! [`Plan`]: what another engine is to run, as JSON. It starts nothing.

use serde::Serialize;
use weir_engine::{ChainsAndEdges, JobDescription, NodeDescription};

use crate::element::EdgeSchema;
use crate::opened::{ComponentDescription, Opened};
use crate::refusals::{notes, refused};

/// What another engine is to run.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// The version of Weir.
    pub weir: &'static str,
    /// Tells pipelines apart that do not do the same: see [`crate::Bundle::digest`].
    pub digest: String,
    /// The key groups, beyond which no step has subtasks (`max-parallelism`).
    pub key_groups: u32,
    /// Rows of a batch at most.
    pub batch_rows: usize,
    /// How long rows are held back for a batch to fill, milliseconds.
    pub linger_ms: u64,
    /// When checkpoints are made; `None`: the pipeline makes none.
    pub checkpoint: Option<Checkpoints>,
    /// When it is started again.
    pub restart: Restarts,
    /// Tells apart what tasks must agree on: chains, edges with their columns, and splits.
    pub fingerprint: String,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why it cannot run in another engine; with lines of the pipeline file.
    pub refusals: Vec<String>,
    /// Chains and edges.
    #[serde(flatten)]
    pub graph: ChainsAndEdges,
    /// All steps.
    pub steps: Vec<NodeDescription>,
    /// The components.
    pub components: Vec<ComponentDescription>,
}

/// When checkpoints are made, milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Checkpoints {
    /// From the beginning of one to that of the next.
    pub interval_ms: u64,
    /// At least this long between two.
    pub min_pause_ms: u64,
    /// One that takes longer is given up.
    pub timeout_ms: u64,
}

/// When a job that failed is started again, milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Restarts {
    /// How long after the first failure; twice as long after each further one.
    pub delay_ms: u64,
    /// The longest delay.
    pub delay_max_ms: u64,
    /// So many failures within a period are tolerated.
    pub failures_max: u32,
    /// The period.
    pub period_ms: u64,
}

impl Plan {
    /// Of a bundle.
    #[must_use]
    pub fn new(opened: &Opened) -> Self {
        let graph = &opened.logical;
        let JobDescription { nodes, notes: of_job, guarantees } = opened.job.describe();
        Self {
            name: graph.name.clone(),
            weir: env!("CARGO_PKG_VERSION"),
            digest: opened.digest.clone(),
            key_groups: graph.max_parallelism,
            batch_rows: graph.batch_rows_max,
            linger_ms: graph.linger_ms.max(1),
            checkpoint: graph.checkpoint.as_ref().map(|settings| Checkpoints {
                interval_ms: settings.interval_ms,
                min_pause_ms: settings.min_pause_ms,
                timeout_ms: settings.timeout_ms,
            }),
            restart: Restarts {
                delay_ms: graph.restart.delay_ms,
                delay_max_ms: graph.restart.delay_max_ms,
                failures_max: graph.restart.failures_max,
                period_ms: graph.restart.period_ms,
            },
            fingerprint: fingerprint(&opened.graph),
            notes: opened.notes.iter().cloned().chain(of_job).chain(guarantees).chain(notes(opened)).collect(),
            refusals: refused(opened),
            graph: opened.graph.clone(),
            steps: nodes,
            components: opened.components.clone(),
        }
    }
}

/// A hash of what all tasks have to agree on.
fn fingerprint(graph: &ChainsAndEdges) -> String {
    let mut hasher = blake3::Hasher::new();
    for chain in &graph.chains {
        hasher.update(format!("{} {} {:?}\n", chain.name, chain.parallelism, chain.inputs).as_bytes());
    }
    for edge in &graph.edges {
        let hash = EdgeSchema::new(edge.schema.clone()).hash();
        hasher.update(format!("{} {} {} {} {hash}\n", edge.from, edge.to, edge.port, edge.partitioning).as_bytes());
    }
    hasher.update(format!("{:?}", graph.splits).as_bytes());
    hasher.finalize().to_hex().to_string()
}
