//! A pipeline's text into a job of this server: its operators are versions of the catalog, its files are in the server's folder, its
//! checkpoints and dead letters in the job's.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use weir_core::allow_connect::AllowConnect;
use weir_core::connector::Connectors;
use weir_core::disk::{Disk, Quota};
use weir_core::graph::{AggregateSpec, CheckpointSettings, LogicalGraph, NodeKind};
use weir_core::limits::{
    CHECKPOINT_INTERVAL_MS_DEFAULT, CHECKPOINT_TIMEOUT_MS_DEFAULT, CHECKPOINTS_KEPT_DEFAULT, OperatorLimits,
};
use weir_core::memory::MemoryBudget;
use weir_core::pipeline::{Diagnostic, did_you_mean, parse};
use weir_engine::{CheckError, CheckErrors, Job, NewVersion};
use weir_host::Host;
use weir_state::checkpoint::reached;

use crate::catalog::Catalog;
use crate::components::Components;
use crate::dead_letters::FOLDER;
use crate::disk_bounds::DiskBounds;
use crate::model::VersionSettings;
use crate::names;
use crate::problem::{Kind, Problem};
use crate::semaphore::BlockingSemaphore;

/// Jobs that are checked at a time to be started: as many as a machine has some cores for, and each has connections and threads of all its
/// sources and sinks.
pub(crate) const STARTS_MAX: usize = 8;
/// How long a job waits for others that are checked.
const STARTS_WAIT_MAX: Duration = Duration::from_secs(20);

/// Sources and sinks of one pipeline at most: each may have threads and connections while it is only checked.
const CONNECTORS_MAX: usize = 64;
/// Steps of one pipeline at most, sources and sinks among them: each is asked for its plan when it is checked.
const STEPS_MAX: usize = 256;

/// Where the things that pipelines name are.
pub(crate) struct Pipelines {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) components: Arc<Components>,
    pub(crate) connectors: Box<dyn Connectors + Send + Sync>,
    pub(crate) host: Host,
    /// For jobs that are checked before they start.
    pub(crate) start_checks: BlockingSemaphore,
    /// The folder of files that sources read and sinks write.
    pub(crate) files: PathBuf,
    /// The folder of the jobs' own folders.
    pub(crate) jobs: PathBuf,
    /// What the state of all jobs may take, and that of one job of it.
    pub(crate) memory: Arc<MemoryBudget>,
    pub(crate) job_memory_bytes_max: u64,
    /// Where jobs may connect to.
    pub(crate) allow_connect: AllowConnect,
    /// How much of the disk they may take.
    pub(crate) disk: DiskBounds,
}

/// A pipeline whose operators are known.
pub(crate) struct Pipeline {
    pub(crate) graph: LogicalGraph,
    /// Its text, with what was overridden.
    document: toml::Table,
    /// By operator of the pipeline (an aggregate is `STEP.AGGREGATE`), name and version in the catalog.
    pub(crate) versions: Vec<(String, OperatorName)>,
    /// Those of its components.
    digests: BTreeSet<String>,
    /// Notes for a person.
    pub(crate) notes: Vec<String>,
}

/// A version of an operator in the catalog.
pub(crate) type OperatorName = (String, String);

/// What a swap can change of an operator but its component, as the pipeline's text has it.
#[derive(PartialEq, Eq)]
pub(crate) struct Settings {
    config: String,
    limits: String,
}

impl Pipeline {
    /// `NAME@VERSION` of an operator.
    pub(crate) fn reference(&self, operator: &str) -> Option<String> {
        let (_, (name, version)) = self.versions.iter().find(|(of, _)| of == operator)?;
        Some(format!("{name}@{version}"))
    }

    /// What an operator runs: `NAME@VERSION`, and how.
    pub(crate) fn version_of(&self, operator: &str) -> Option<(String, Settings)> {
        self.reference(operator).zip(self.settings(operator))
    }

    /// It has no such operator with a component.
    pub(crate) fn no_operator(&self, operator: &str) -> Problem {
        let known: Vec<&str> = self.versions.iter().map(|(of, _)| of.as_str()).collect();
        let (job, hint) = (&self.graph.name, did_you_mean(operator, &known));
        let known = if known.is_empty() { "none with a component".to_owned() } else { known.join(", ") };
        Problem::not_found(format!("the job {job:?} has no operator {operator:?}{hint}; it has {known}"))
    }

    /// All that a step runs: of a window, its aggregates.
    pub(crate) fn references(&self, step: &str) -> Option<String> {
        let versions = self.versions.iter().filter(|(of, _)| is_of_step(of, step));
        let named: Vec<_> = versions.map(|(_, (name, version))| format!("{name}@{version}")).collect();
        (!named.is_empty()).then(|| named.join(", "))
    }

    /// Configuration and limits of an operator.
    pub(crate) fn settings(&self, operator: &str) -> Option<Settings> {
        let table = match operator.split_once('.') {
            None => self.document.get("operators")?.get(operator)?,
            Some((step, aggregate)) => {
                let node = self.graph.nodes.iter().find(|node| node.name == step)?;
                self.document.get(node.kind.section())?.get(step)?.get("aggregates")?.get(aggregate)?
            }
        };
        let text = |key: &str| table.get(key).map_or_else(|| "{}".to_owned(), toml::Value::to_string);
        Some(Settings { config: text("config"), limits: text("limits") })
    }

    /// Where its job keeps checkpoints.
    pub(crate) fn location(&self) -> String {
        self.graph.checkpoint.as_ref().map(|settings| settings.location.clone()).unwrap_or_default()
    }
}

impl Settings {
    /// With the component that they are of, as others are told of it.
    pub(crate) fn told(&self, component: String) -> VersionSettings {
        VersionSettings { component, config: self.config.clone(), limits: self.limits.clone() }
    }

    /// What is to be changed in a pipeline so that an operator has these.
    pub(crate) fn overrides(&self, pipeline: &LogicalGraph, operator: &str, reference: &str) -> Vec<(String, String)> {
        let component = serde_json::json!(reference).to_string();
        let values = [("component", &component), ("config", &self.config), ("limits", &self.limits)];
        values.map(|(key, value)| (pipeline.path_of(operator, key), value.clone())).to_vec()
    }
}

impl Pipelines {
    /// Reads a pipeline, with values of it changed.
    pub(crate) fn read(&self, text: &str, overrides: &[(String, String)]) -> Result<Pipeline, Problem> {
        let (pipeline, unknown) = self.draft(text, overrides)?;
        if unknown.is_empty() { Ok(pipeline) } else { Err(Problem::pipeline(&unknown)) }
    }

    /// Reads a pipeline that somebody has written, and checks it; all that is wrong is told at once.
    pub(crate) fn read_new(&self, text: &str) -> Result<(Pipeline, Job), Problem> {
        let (mut pipeline, mut problems) = self.draft(text, &[])?;
        names::check_new_job(&pipeline.graph.name)?;
        pipeline.notes.extend(pipeline.graph.passwords_in_clear().into_iter().map(|option| {
            format!(
                "{option} is in the pipeline, so everybody who may look at the job can see it: write it into a file of the server's \
                 --secrets-dir, and \"${{secret:FILE}}\" here"
            )
        }));
        problems.extend(self.unreachable(&pipeline).map(|refusal| Diagnostic::error(refusal, None)));
        self.check_components(&pipeline)?;
        let checked = Job::check(&pipeline.graph, &*self.connectors, &self.host);
        let errors = match checked {
            Ok(job) if problems.is_empty() => return Ok((pipeline, job)),
            checked => checked.err().map_or_else(Vec::new, |CheckErrors(errors)| errors),
        };
        // That an operator has no file follows from what is said of its name.
        let is_new = |error: &CheckError| !problems.iter().any(|problem| problem.span == error.span);
        let new: Vec<_> = errors.into_iter().filter(is_new).map(|e| Diagnostic::error(e.message, e.span)).collect();
        problems.extend(new);
        problems.sort_by_key(|problem| problem.span.as_ref().map_or(0, |span| span.start));
        Err(Problem::pipeline(&problems))
    }

    /// A pipeline, and what it says of operators that there are not.
    fn draft(&self, text: &str, overrides: &[(String, String)]) -> Result<(Pipeline, Vec<Diagnostic>), Problem> {
        let mut graph = parse(text, &self.files, overrides)?;
        names::check("a job", &graph.name)?;
        check_size(&graph)?;
        let document: toml::Table = graph.text.parse().unwrap_or_default();
        if !document.contains_key("name") {
            let message = "on a server a pipeline needs a name, which becomes the name of its job: write `name = \"...\"` in its first line";
            return Err(Problem::pipeline(&[Diagnostic::error(message, None)]));
        }
        graph.confine(&self.allow_connect, self.disk.reserve_bytes);
        let folder = self.folder(&graph.name);
        let mut notes = Vec::new();
        let location = folder.join("checkpoints").display().to_string();
        match &mut graph.checkpoint {
            Some(settings) if settings.location.contains("://") => {}
            Some(settings) => {
                if !settings.location.is_empty() {
                    notes.push("the server keeps the job's checkpoints: checkpoint.dir is not used".to_owned());
                }
                settings.location = location;
            }
            none => {
                *none = Some(CheckpointSettings {
                    location,
                    interval_ms: CHECKPOINT_INTERVAL_MS_DEFAULT,
                    min_pause_ms: 0,
                    timeout_ms: CHECKPOINT_TIMEOUT_MS_DEFAULT,
                    keep: CHECKPOINTS_KEPT_DEFAULT,
                });
            }
        }
        let (versions, digests, unknown) = self.resolve(&mut graph);
        let settings = graph.dead_letters;
        let sink_of = |path: &str, base: &Path| {
            let (connector, mut options) = self.connectors.keeping_sink(path, base)?;
            let most = self.disk.dead_letter_bytes_max;
            let bytes_max = settings.bytes_max.map_or(most, |bytes| bytes.min(most));
            let quota = Quota { folder: base.join(FOLDER), bytes_max, when_full: settings.when_full };
            options.disk = Disk { reserve_bytes: self.disk.reserve_bytes, quota: Some(quota) };
            Some((connector, options))
        };
        graph.keep_dead_letters(&folder, |name| format!("{FOLDER}/{name}/"), sink_of);
        Ok((Pipeline { graph, document, versions, digests, notes }, unknown))
    }

    /// Opens connectors and components, and checks that everything fits. Waits for its turn for a while.
    pub(crate) fn check(&self, pipeline: &Pipeline) -> Result<Job, Problem> {
        if let Some(refusal) = self.unreachable(pipeline) {
            return Err(Problem::pipeline(&[Diagnostic::error(refusal, None)]));
        }
        let busy = || {
            let time = STARTS_WAIT_MAX.as_secs();
            Problem::new(
                Kind::Busy,
                format!("other jobs are being started, and this one has waited {time} s: try again later"),
            )
        };
        let _permit = self.start_checks.acquire(STARTS_WAIT_MAX).ok_or_else(busy)?;
        self.check_components(pipeline)?;
        Ok(Job::check(&pipeline.graph, &*self.connectors, &self.host)?)
    }

    /// Why its checkpoints cannot be where it has them: a host would be asked that jobs may not connect to.
    fn unreachable(&self, pipeline: &Pipeline) -> Option<String> {
        let location = pipeline.location();
        let resolve = |host: &str, port| (host, port).to_socket_addrs().map(Iterator::collect);
        let mut refused = reached(&location).into_iter();
        refused.find_map(|(host, port)| {
            let refusal = self.allow_connect.check(&host, port, resolve).err()?;
            Some(format!("checkpoints in {location}: {refusal}"))
        })
    }

    /// What is loaded is what was pushed.
    fn check_components(&self, pipeline: &Pipeline) -> Result<(), Problem> {
        pipeline.digests.iter().try_for_each(|digest| self.components.check(digest))
    }

    /// What an operator of a pipeline is to run; `goes_back`: again.
    pub(crate) fn version(&self, pipeline: &Pipeline, operator: &str, goes_back: bool) -> Result<NewVersion, Problem> {
        let found = component_of(&pipeline.graph, operator);
        let (component, config, limits) = found.ok_or_else(|| pipeline.no_operator(operator))?;
        self.check_components(pipeline)?;
        let (component, config, limits) = (self.host.load(component)?, config.clone(), limits.clone());
        Ok(NewVersion { operator: operator.to_owned(), component, config, limits, goes_back })
    }

    /// The folder of a job's checkpoints and dead letters.
    pub(crate) fn folder(&self, job: &str) -> PathBuf {
        self.jobs.join(job)
    }

    /// Removes the folders of other jobs: a kill may have come before all of a removed one was gone.
    pub(crate) fn remove_folders_but(&self, jobs: &BTreeSet<&str>) {
        for entry in std::fs::read_dir(&self.jobs).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_none_or(|name| !jobs.contains(name))
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(folder = %entry.path().display(), "leftovers of a removed job cannot be removed: {error}");
            }
        }
    }

    /// Puts the files of the catalog's versions in the place of their names; also, what is wrong with these.
    fn resolve(&self, graph: &mut LogicalGraph) -> (Vec<(String, OperatorName)>, BTreeSet<String>, Vec<Diagnostic>) {
        let (mut versions, mut digests, mut problems) = (Vec::new(), BTreeSet::new(), Vec::new());
        for (node, component) in graph.components_mut() {
            let text = reference_of(&self.files, &component.value);
            match self.find(&text) {
                Ok((name, version, digest)) => {
                    component.value = self.components.path(&digest);
                    digests.insert(digest);
                    versions.push((node, (name, version)));
                }
                Err(problem) => {
                    // No file, whatever is said: only what was pushed is loaded.
                    component.value = PathBuf::new();
                    problems.push(Diagnostic::error(problem.detail, component.span.clone()));
                }
            }
        }
        (versions, digests, problems)
    }

    fn find(&self, reference: &str) -> Result<(String, String, String), Problem> {
        let (name, version) = names::reference(reference)?;
        if let Some(row) = self.catalog.operator(name, version)? {
            return Ok((row.name, row.version, row.digest));
        }
        let there = self.catalog.operators(Some(name))?;
        let versions: Vec<_> = there.iter().map(|row| row.version.as_str()).collect();
        Err(Problem::not_found(match versions.as_slice() {
            [] => format!("there is no operator {name:?} on this server: `weir push FILE --name {name}` brings it"),
            versions => format!("there is no {reference}; the versions of {name} are {}", versions.join(", ")),
        }))
    }
}

/// Refuses a pipeline that takes much before it runs.
fn check_size(graph: &LogicalGraph) -> Result<(), Problem> {
    let is_connector = |kind: &NodeKind| matches!(kind, NodeKind::Source(_) | NodeKind::Sink(_));
    let connectors = graph.nodes.iter().filter(|node| is_connector(&node.kind)).count();
    for (found, most, what) in
        [(connectors, CONNECTORS_MAX, "sources and sinks"), (graph.nodes.len(), STEPS_MAX, "steps")]
    {
        if found > most {
            let message = format!(
                "the pipeline has {found} {what}, and on a server it may have {most}: divide it into several pipelines"
            );
            return Err(Problem::pipeline(&[Diagnostic::error(message, None)]));
        }
    }
    Ok(())
}

/// Whether an operator is a step, or an aggregate of it.
pub(crate) fn is_of_step(operator: &str, step: &str) -> bool {
    operator.strip_prefix(step).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What the pipeline says for a component, which the parser takes for a path.
fn reference_of(files: &Path, path: &Path) -> String {
    path.strip_prefix(files).unwrap_or(path).display().to_string()
}

/// What an operator, or an aggregate, runs: file, configuration and bounds.
fn component_of<'a>(
    graph: &'a LogicalGraph,
    operator: &str,
) -> Option<(&'a Path, &'a serde_json::Value, &'a OperatorLimits)> {
    let (step, aggregate) = operator.split_once('.').map_or((operator, None), |(step, of)| (step, Some(of)));
    match (&graph.nodes.iter().find(|node| node.name == step)?.kind, aggregate) {
        (NodeKind::Operator(operator), None) => Some((&operator.component.value, &operator.config, &operator.limits)),
        (kind, Some(aggregate)) => match kind.aggregates().iter().find(|(name, _)| name.value == aggregate)? {
            (_, AggregateSpec::Component { component, config, limits, .. }) => Some((&component.value, config, limits)),
            (_, AggregateSpec::Builtin { .. }) => None,
        },
        _ => None,
    }
}
