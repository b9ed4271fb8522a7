//! [`Opened`]: a bundle that was checked, once per process however many of its subtasks run there. It starts nothing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Serialize;
use weir_connectors::{StandardConnectors, WithSecrets};
use weir_core::connector::Connectors as _;
use weir_core::graph::LogicalGraph;
use weir_core::pipeline::{Diagnostic, Palette};
use weir_engine::{ChainsAndEdges, CheckErrors, Job};

use crate::bundle::{Bundle, Component};
use crate::error::EmbedError;
use crate::guest_lines::GuestLines;
use crate::process;

/// A bundle that was checked.
pub struct Opened {
    /// The job.
    pub job: Job,
    /// What runs where.
    pub graph: ChainsAndEdges,
    /// The pipeline.
    pub(crate) logical: LogicalGraph,
    /// What a person calls the pipeline file.
    pub(crate) shown: String,
    /// What tells it apart from pipelines that do something else.
    pub(crate) digest: String,
    /// The components.
    pub(crate) components: Vec<ComponentDescription>,
    /// What a person should know of dead letters.
    pub(crate) notes: Vec<String>,
}

/// A component that steps run.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentDescription {
    /// What its file was called.
    pub name: String,
    /// BLAKE3 of its bytes.
    pub digest: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// The steps that run it; an aggregate is `STEP.AGGREGATE`.
    pub operators: Vec<String>,
}

impl ComponentDescription {
    fn of(bundle: &Bundle, component: &Component) -> Self {
        let runs = bundle.operators.iter().filter(|(_, digest)| *digest == component.digest);
        Self {
            name: component.name.clone(),
            digest: component.digest.clone(),
            bytes: component.bytes.len(),
            operators: runs.map(|(operator, _)| operator.clone()).collect(),
        }
    }
}

/// What is open, by its bundle and the job that runs it.
type Known = Mutex<HashMap<([u8; 32], u128), Arc<Mutex<Weak<Opened>>>>>;

static KNOWN: std::sync::LazyLock<Known> = std::sync::LazyLock::new(Known::default);

impl Opened {
    /// Opens a bundle, or gives what is open of it.
    ///
    /// # Errors
    /// If the bytes are none, or the pipeline cannot run here.
    pub fn open(bytes: &[u8]) -> Result<Arc<Self>, EmbedError> {
        Self::open_for(bytes, 0)
    }

    /// The same for a job: its tasks share what is open, and other jobs do not. See [`Run::job`](crate::Run::job).
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub fn open_for(bytes: &[u8], job: u128) -> Result<Arc<Self>, EmbedError> {
        let id = (Bundle::id(bytes)?, job);
        let slot = {
            let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            // Removes bundles that no task has open, unless one is opening it right now.
            known.retain(|_, slot| {
                Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|open| open.strong_count() > 0)
            });
            known.entry(id).or_default().clone()
        };
        // Others that open the same wait: it takes seconds if components are compiled.
        let mut open = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = open.upgrade() {
            return Ok(opened);
        }
        let opened = Arc::new(Self::check(&Bundle::decode(bytes)?)?);
        *open = Arc::downgrade(&opened);
        Ok(opened)
    }

    /// Opens connectors and components, and checks that everything fits.
    pub(crate) fn check(bundle: &Bundle) -> Result<Self, EmbedError> {
        let host = process::host()?;
        let mut graph = bundle.graph()?;
        // Only until they are loaded.
        let io = |error| EmbedError::File { path: "a folder for components".to_owned(), error };
        let folder = tempfile::Builder::new().prefix("weir-components-").tempdir().map_err(io)?;
        for component in &bundle.components {
            let path = folder.path().join(format!("{}.wasm", component.digest));
            std::fs::write(&path, &component.bytes)
                .map_err(|error| EmbedError::File { path: path.display().to_string(), error })?;
        }
        for (operator, component) in graph.components_mut() {
            let digest = bundle.operators.iter().find(|(name, _)| *name == operator).map(|(_, digest)| digest);
            let digest = digest.ok_or_else(|| EmbedError::Bundle(format!("has no component for {operator:?}")))?;
            component.value = folder.path().join(format!("{digest}.wasm"));
        }
        let connectors = StandardConnectors::new();
        let sink_of = |path: &str, base: &Path| connectors.keeping_sink(path, base);
        let kept = graph.keep_dead_letters(&bundle.base, |name| format!("dead-letters/{name}.jsonl"), sink_of);
        let note = |(name, path): (String, std::path::PathBuf)| {
            format!("rows that {name:?} cannot process go to {}", path.display())
        };
        let notes = kept.into_iter().map(note).collect();
        let connectors = WithSecrets::new(StandardConnectors::new(), bundle.secrets_dir.clone());
        let job = Job::check(&graph, &connectors, &host).map_err(|CheckErrors(errors)| {
            let rendered = errors.into_iter().map(|error| {
                Diagnostic::error(error.message, error.span).render(&bundle.shown, &graph.text, &Palette::PLAIN)
            });
            EmbedError::Pipeline(rendered.collect::<Vec<_>>().join("\n"))
        })?;
        let job = job.with_guest_log(Arc::new(GuestLines));
        let described = job.chains_and_edges();
        let components =
            bundle.components.iter().map(|component| ComponentDescription::of(bundle, component)).collect();
        let shown = bundle.shown.clone();
        let digest = bundle.digest()?;
        Ok(Self { job, graph: described, logical: graph, shown, digest, components, notes })
    }
}
