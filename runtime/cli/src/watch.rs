//! Components whose files change while their pipeline runs (`weir run --watch`): each is loaded, and takes the place of the running one
//! as in a swap. The file is all that it knows: who builds it is another's business.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use weir_core::graph::{AggregateSpec, LogicalGraph, NodeKind};
use weir_core::limits::OperatorLimits;
use weir_core::swap::{Phase, Probation, RollbackReason};
use weir_engine::{NewVersion, SharedSwap, Supervisor, SwapError};
use weir_host::{Component, Host, LoadError};

use crate::changes::{Stamp, stamp};

/// How long a new version has to show that it is no worse: a person waits for it.
const PROBATION: Probation = Probation { batches: 100, time_max_us: 3_000_000, regressions_max: 0, canary: None };

/// The components of a pipeline.
pub(crate) struct Watch {
    host: Host,
    operators: Vec<Watched>,
    open: Option<(String, SharedSwap)>,
    loading: Option<Loading>,
}

struct Watched {
    /// The operator, or WINDOW.AGGREGATE.
    name: String,
    path: PathBuf,
    config: serde_json::Value,
    limits: OperatorLimits,
    seen: Stamp,
}

/// A component that is being compiled, on a thread of its own: the job continues meanwhile, and hears what it is asked.
struct Loading {
    operator: usize,
    loaded: Receiver<Result<Component, LoadError>>,
}

impl Watch {
    /// Those of a graph, as their files are now.
    pub(crate) fn of(graph: &LogicalGraph, host: Host) -> Self {
        let mut operators = Vec::new();
        let mut add = |name: String, path: &PathBuf, config: &serde_json::Value, limits: &OperatorLimits| {
            let (path, config, limits) = (path.clone(), config.clone(), limits.clone());
            operators.push(Watched { name, seen: stamp(&path), path, config, limits });
        };
        for node in &graph.nodes {
            if let NodeKind::Operator(of) = &node.kind {
                add(node.name.clone(), &of.component.value, &of.config, &of.limits);
            }
            for (name, spec) in node.kind.aggregates() {
                if let AggregateSpec::Component { component, config, limits, .. } = spec {
                    add(format!("{}.{}", node.name, name.value), &component.value, config, limits);
                }
            }
        }
        Self { host, operators, open: None, loading: None }
    }

    /// Goes one step further: looks for a change, begins a swap, or finds out how one went. What a person should know, a line each.
    pub(crate) fn look(&mut self, job: &mut Supervisor) -> Vec<String> {
        if let Some((name, swap)) = self.open.take() {
            return match swap.phase() {
                Phase::Done => vec![format!("{name}: the new component runs")],
                Phase::RolledBack(reason) => {
                    vec![format!("{name}: the new component was rolled back: {}", why(&reason))]
                }
                _ => {
                    self.open = Some((name, swap));
                    Vec::new()
                }
            };
        }
        let Some(Loading { operator, loaded }) = self.loading.take() else {
            self.loading = self.changed();
            return Vec::new();
        };
        let of = &self.operators[operator];
        let failed = |error: anyhow::Error| vec![format!("{}: the new component is not used: {error:#}", of.name)];
        match loaded.try_recv() {
            Err(TryRecvError::Empty) => {
                self.loading = Some(Loading { operator, loaded });
                Vec::new()
            }
            Err(TryRecvError::Disconnected) => failed(anyhow::anyhow!("it could not be compiled")),
            Ok(Err(error)) => failed(error.into()),
            Ok(Ok(component)) => {
                let (config, limits) = (of.config.clone(), of.limits.clone());
                let version = NewVersion { operator: of.name.clone(), component, config, limits, goes_back: false };
                match job.swap(&[version], PROBATION) {
                    Ok(swap) => {
                        self.open = Some((of.name.clone(), swap));
                        Vec::new()
                    }
                    // Written again with the same contents.
                    Err(SwapError::Same(_)) => Vec::new(),
                    Err(error) => failed(error.into()),
                }
            }
        }
    }

    /// The first component whose file is another one now, on its way to be loaded.
    fn changed(&mut self) -> Option<Loading> {
        let operator = self.operators.iter_mut().position(|of| {
            let now = stamp(&of.path);
            // A file that is away for a moment is about to come back.
            let is_new = now.is_some() && now != of.seen;
            of.seen = now.or(of.seen);
            is_new
        })?;
        let (host, path) = (self.host.clone(), self.operators[operator].path.clone());
        let (sender, loaded) = sync_channel(1);
        let load = move || {
            // Nobody may wait for it any more.
            let _ = sender.send(host.load(&path));
        };
        std::thread::Builder::new().name("weir-watch".to_owned()).spawn(load).ok()?;
        Some(Loading { operator, loaded })
    }
}

fn why(reason: &RollbackReason) -> &str {
    match reason {
        RollbackReason::Refused(why) | RollbackReason::Regressed(why) => why,
        RollbackReason::Asked => "it was asked for",
    }
}
