//! What a job resumes from: which checkpoint, whether it fits, and what was to be committed of it. Never starts anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Field;
use weir_core::connector::Committable;
use weir_core::graph::CheckpointSettings;
use weir_core::memory::MemoryLease;
use weir_core::names::did_you_mean;
use weir_core::time::Clock;
use weir_state::checkpoint::{Checkpoint, CheckpointError, CheckpointStore, Contents, Lease, Manifest, Tenure};
use weir_state::{JobSnapshot, Snapshot, StateTable};

use crate::checkpoint::recovery_error::RecoveryError;
use crate::dataflow::metrics::Metrics;
use crate::plan::job::Job;
use crate::plan::map_tables::is_given_up;
use crate::plan::node::{KeyedLayout, MakeError, Role, STATES};
use crate::plan::physical::StepPart;

/// Where a job keeps its checkpoints, and which one it resumes from.
#[derive(Clone, Debug)]
pub struct Durable {
    /// Where they are.
    pub store: CheckpointStore,
    /// When they are made.
    pub settings: CheckpointSettings,
    /// Where it begins.
    pub from: ResumeFrom,
    /// Operators, sources and sinks whose state may be given up, and columns of it: `OPERATOR.COLUMN`.
    pub allow_dropped: BTreeSet<String>,
}

/// Where a job begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResumeFrom {
    /// At the last complete checkpoint, if there is one.
    #[default]
    Last,
    /// At this checkpoint.
    Checkpoint(u64),
    /// At the beginning of its input, whatever checkpoints there are: the job runs once more.
    Beginning,
}

/// A generation of a job, and where it begins.
pub(crate) struct Recovered {
    pub(crate) lease: Lease,
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Memory that the checkpoint takes at least: until operators count what they have taken of it.
    pub(crate) memory: Option<MemoryLease>,
    /// What a person should know, one line each.
    pub(crate) notes: Vec<String>,
}

/// A checkpoint that fits the job, if there is one.
struct Found {
    checkpoint: Option<Checkpoint>,
    /// See [`Recovered::memory`].
    memory: Option<MemoryLease>,
    /// Columns of states that it has no longer.
    given_up: BTreeSet<String>,
    notes: Vec<String>,
}

impl Durable {
    /// Whether a job could resume from its checkpoint now, and what its start would tell a person about that. Nothing changes, and
    /// nobody is fenced.
    ///
    /// # Errors
    /// What the start would refuse.
    pub fn check(&self, job: &Job, clock: &Arc<dyn Clock>) -> Result<Vec<String>, RecoveryError> {
        // The job may be running, with all of its state in memory.
        let Found { checkpoint, notes, .. } = self.find_first(job, Contents::Layouts, clock)?;
        if checkpoint.is_none() {
            job.check_fresh()?;
        }
        Ok(notes)
    }

    /// Shuts out older generations of the job, and finds the checkpoint that it resumes from. `held` is what this run had of the
    /// job before, and has now: what another run has taken since it does not take back.
    pub(crate) fn recover(
        &self,
        job: &Job,
        held: &mut Option<Tenure>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Recovered, RecoveryError> {
        let now_us = clock.now_us();
        let (before, lease) = match held {
            // A start that is refused shuts nobody out.
            None => {
                let before = (self.newest()?, self.find_first(job, Contents::All, clock)?);
                let lease = match self.begins_anew()? {
                    true => self.store.claim_anew(&job.name, now_us)?,
                    false => self.store.claim(&job.name, now_us)?,
                };
                (Some(before), lease)
            }
            Some(ended) => (None, self.store.claim_after(&job.name, ended, now_us)?),
        };
        *held = Some(lease.tenure());
        let newest = self.newest()?;
        let Found { checkpoint, memory, mut notes, .. } = match before {
            Some((before, found)) if self.from != ResumeFrom::Last || before == newest => found,
            // What this run has completed itself is later than where it began, and has nothing that was to be given up there.
            None if newest >= Some(lease.tenure().since()) => {
                Self { from: ResumeFrom::Last, allow_dropped: BTreeSet::new(), ..self.clone() }.find(
                    job,
                    Contents::All,
                    clock,
                )?
            }
            // The run before may have completed one until it was fenced.
            before => {
                drop(before);
                self.find(job, Contents::All, clock)?
            }
        };
        // A run that was killed may have left as much as a checkpoint takes: a full disk has no room for the next one beside that.
        if let Err(error) = lease.retain(usize::MAX) {
            notes.push(format!("leftovers of earlier runs could not be removed: {error}"));
        }
        Ok(Recovered { lease, checkpoint, memory, notes })
    }

    /// Whether the job begins at the beginning of its input, whatever checkpoints there are.
    fn begins_anew(&self) -> Result<bool, CheckpointError> {
        Ok(match self.from {
            ResumeFrom::Beginning => true,
            ResumeFrom::Last => self.store.is_begun_anew()?,
            ResumeFrom::Checkpoint(_) => false,
        })
    }

    fn newest(&self) -> Result<Option<u64>, CheckpointError> {
        Ok(self.store.list()?.first().map(|listed| listed.number))
    }

    /// What a run that has not had the job before resumes from.
    fn find_first(&self, job: &Job, contents: Contents, clock: &Arc<dyn Clock>) -> Result<Found, RecoveryError> {
        let found = self.find(job, contents, clock)?;
        self.check_allowed(job, &found)?;
        Ok(found)
    }

    fn find(&self, job: &Job, contents: Contents, clock: &Arc<dyn Clock>) -> Result<Found, RecoveryError> {
        self.store.check_job(&job.name)?;
        let (mut notes, mut given_up) = (Vec::new(), BTreeSet::new());
        let memory = if contents == Contents::All { self.lease_memory(job)? } else { None };
        let mut checkpoint = match self.from {
            ResumeFrom::Checkpoint(number) => Some(self.store.read_as(number, contents)?),
            ResumeFrom::Last if self.store.is_begun_anew()? => {
                notes.push(
                    "the last run began at the beginning of its input and ended before its first checkpoint: so does this one"
                        .to_owned(),
                );
                None
            }
            ResumeFrom::Last => self.latest(job, contents, &mut notes)?,
            ResumeFrom::Beginning => None,
        };
        if let Some(checkpoint) = &mut checkpoint {
            if checkpoint.manifest.finished {
                let number = checkpoint.manifest.number;
                notes.push(format!(
                    "the job had ended at checkpoint {number}, and reads no more of its input; to read it from the beginning: \
                     `weir run --again`, on a server `weir rm` and `weir deploy`"
                ));
            }
            let dropped = job.check_fits(checkpoint, &self.allow_dropped)?;
            job.check_event_times(checkpoint)?;
            given_up = job.give_up_columns(&mut checkpoint.snapshot, &self.allow_dropped);
            job.check_layouts(checkpoint, clock)?;
            notes.extend(dropped.iter().chain(&given_up).map(|name| format!("the state of {name:?} is discarded")));
        }
        Ok(Found { checkpoint, memory, given_up, notes })
    }

    /// Takes as much memory as the checkpoint has bytes that is about to be read, before it is.
    fn lease_memory(&self, job: &Job) -> Result<Option<MemoryLease>, RecoveryError> {
        let number = match self.from {
            ResumeFrom::Checkpoint(number) => Some(number),
            ResumeFrom::Last => self.newest()?,
            ResumeFrom::Beginning => None,
        };
        // If it cannot be read, the read that follows reports that.
        let manifest = number.and_then(|number| self.store.manifest(number).ok());
        let lease = |manifest: Manifest| {
            let mut memory = job.memory_budget().lease();
            let (checkpoint, leased) = (manifest.number, memory.resize(manifest.bytes()));
            leased.map(|()| memory).map_err(|error| RecoveryError::Memory { checkpoint, error })
        };
        manifest.map(lease).transpose()
    }

    /// Refuses a name that gives up nothing, now or after another change of the pipeline.
    fn check_allowed(&self, job: &Job, found: &Found) -> Result<(), RecoveryError> {
        let owners = found.checkpoint.iter().flat_map(|checkpoint| owners(&checkpoint.snapshot));
        let names = job.resolved.nodes.iter().map(|node| node.name.as_str()).chain(owners.map(|(name, _)| name));
        let columns: Vec<String> = job.state_columns().chain(found.given_up.iter().cloned()).collect();
        let known: Vec<&str> = names.chain(columns.iter().map(String::as_str)).collect();
        match self.allow_dropped.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(RecoveryError::NothingToDrop { name: name.clone(), near: did_you_mean(name, &known) }),
            None => Ok(()),
        }
    }

    fn latest(
        &self,
        job: &Job,
        contents: Contents,
        notes: &mut Vec<String>,
    ) -> Result<Option<Checkpoint>, RecoveryError> {
        let latest = self.store.latest_as(contents)?;
        let whole = latest.checkpoint.as_ref().map(|c| c.manifest.number);
        for (damaged, error) in latest.damaged {
            let error = Box::new(error);
            let Some(whole) = whole else {
                return Err(RecoveryError::NoneWhole { location: self.store.name().to_owned(), error });
            };
            if let Some(sink) = job.sink_that_shows() {
                return Err(RecoveryError::Damaged { damaged, whole, sink, error });
            }
            notes.push(format!("{error}; resuming from checkpoint {whole} instead"));
        }
        Ok(latest.checkpoint)
    }
}

impl Job {
    /// Refuses a checkpoint that is not of this pipeline, or whose state its steps would not take.
    pub(crate) fn check_restored(
        &self,
        checkpoint: &Checkpoint,
        drops_state: bool,
        clock: &Arc<dyn Clock>,
    ) -> Result<(), RecoveryError> {
        let is_gone = |name: &str| self.resolved.nodes.iter().all(|node| node.name != name);
        let gone = owners(&checkpoint.snapshot).map(|(name, _)| name).filter(|name| drops_state && is_gone(name));
        self.check_fits(checkpoint, &gone.map(str::to_owned).collect()).map_err(|error| match error {
            RecoveryError::Dropped { checkpoint, name, kind } => RecoveryError::DroppedThere { checkpoint, name, kind },
            error => error,
        })?;
        self.check_event_times(checkpoint)?;
        self.check_layouts(checkpoint, clock)
    }

    /// A sink that makes rows visible at each checkpoint, and cannot take them back.
    fn sink_that_shows(&self) -> Option<String> {
        let node = self.sinks().find(|(_, sink)| sink.publishes_before_end()).map(|(node, _)| node);
        node.map(|node| self.resolved.nodes[node].name.clone())
    }

    /// Refuses a checkpoint with state that no part of the job takes; returns whose state is given up on purpose.
    fn check_fits(
        &self,
        checkpoint: &Checkpoint,
        allowed: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, RecoveryError> {
        let (number, found) = (checkpoint.manifest.number, checkpoint.snapshot.key_groups);
        if found != self.groups {
            return Err(RecoveryError::KeyGroups { checkpoint: number, found, pipeline: self.groups });
        }
        let mut dropped = BTreeSet::new();
        for (name, kind) in owners(&checkpoint.snapshot) {
            let fits = self.resolved.nodes.iter().any(|node| node.name == name && kind_of(&node.step.role()) == kind);
            if !fits && !allowed.contains(name) {
                return Err(RecoveryError::Dropped { checkpoint: number, name: name.to_owned(), kind });
            }
            if !fits {
                dropped.insert(name.to_owned());
            }
        }
        Ok(dropped)
    }

    /// Refuses a checkpoint whose watermarks are of another column.
    fn check_event_times(&self, checkpoint: &Checkpoint) -> Result<(), RecoveryError> {
        for (name, splits) in checkpoint.snapshot.subtasks.iter().filter_map(|subtask| subtask.splits.as_ref()) {
            let node = self.resolved.nodes.iter().find(|node| node.name == *name);
            let Some(source) = node.and_then(|node| node.step.role().source()) else { continue };
            let before = splits.iter().find_map(|split| split.event_time.as_deref());
            let now = source.event_time_column();
            if let Some(before) = before.filter(|before| *before != now) {
                let times = |column: &str| match column {
                    "" => "the time of arrival".to_owned(),
                    column => format!("the column {column:?}"),
                };
                let (before, now) = (times(before), times(&now));
                let checkpoint = checkpoint.manifest.number;
                return Err(RecoveryError::EventTime { checkpoint, name: name.clone(), before, now });
            }
        }
        Ok(())
    }

    /// The columns of the states of keyed operators, each as `OPERATOR.COLUMN`.
    fn state_columns(&self) -> impl Iterator<Item = String> {
        let nodes = self.resolved.nodes.iter().enumerate();
        nodes.filter_map(|(node, of)| Some((&of.name, self.step(node).keyed_state()?.layout))).flat_map(
            |(name, layout)| {
                let fields = layout.schema.fields().iter();
                fields.map(|field| format!("{name}.{}", field.name())).collect::<Vec<_>>()
            },
        )
    }

    /// Takes out columns of the states of keyed operators, and maps, that those keep no longer, or in another type; returns those that
    /// were there.
    fn give_up_columns(&self, snapshot: &mut JobSnapshot, allowed: &BTreeSet<String>) -> BTreeSet<String> {
        let mut given_up = BTreeSet::new();
        for (operator, part) in snapshot.subtasks.iter_mut().flat_map(|subtask| &mut subtask.operators) {
            let node = self.resolved.nodes.iter().position(|node| node.name == *operator);
            let Some(KeyedLayout { keys, layout, maps, .. }) = node.and_then(|node| self.step(node).keyed_state())
            else {
                continue;
            };
            part.tables.retain(|table| {
                let name = format!("{operator}.{}", table.name);
                let is_given_up = allowed.contains(&name) && is_given_up(&maps, keys, table);
                given_up.extend(is_given_up.then_some(name));
                !is_given_up
            });
            for StateTable { rows, .. } in part.tables.iter_mut().filter(|table| table.name == STATES) {
                for column in (keys..rows.num_columns()).rev() {
                    let field = rows.schema_ref().field(column);
                    let name = format!("{operator}.{}", field.name());
                    let now = layout.schema.field_with_name(field.name()).map(Field::data_type);
                    if allowed.contains(&name) && now.ok() != Some(field.data_type()) {
                        rows.remove_column(column);
                        given_up.insert(name);
                    }
                }
            }
        }
        given_up
    }

    /// Refuses state that an operator would not take: one of each is handed all of it, without the rows.
    fn check_layouts(&self, checkpoint: &Checkpoint, clock: &Arc<dyn Clock>) -> Result<(), RecoveryError> {
        let steps = self.physical.chains.iter().flat_map(|chain| &chain.steps);
        for step in steps.filter(|step| step.part != StepPart::Ahead) {
            let name = &self.resolved.nodes[step.node].name;
            let layout = |table: &StateTable| match table.key_group {
                Some(_) => StateTable { rows: table.rows.slice(0, 0), ..table.clone() },
                None => table.clone(),
            };
            let parts = checkpoint.snapshot.subtasks.iter().flat_map(|s| &s.operators).filter(|(of, _)| of == name);
            let tables: Vec<StateTable> = parts.flat_map(|(_, part)| part.tables.iter().map(layout)).collect();
            if tables.is_empty() {
                continue;
            }
            let made = match self.operator(step, &Metrics::default(), clock, None) {
                Ok(made) => Ok(made),
                Err(MakeError::Operator(error)) => Err(error),
                Err(MakeError::Connector(error)) => Err(error.into()),
            };
            let restored = made.and_then(|made| match made {
                Some(mut made) => made.restore(Snapshot { tables, ..Snapshot::default() }),
                None => Ok(()),
            });
            restored.map_err(|error| RecoveryError::Layout {
                checkpoint: checkpoint.manifest.number,
                operator: name.clone(),
                error,
            })?;
        }
        Ok(())
    }
}

/// Who has state in a snapshot: names, and what they are.
fn owners(snapshot: &JobSnapshot) -> impl Iterator<Item = (&str, &'static str)> {
    let sources = snapshot.subtasks.iter().filter_map(|s| s.splits.as_ref()).map(|(name, _)| (name.as_str(), "source"));
    let operators = snapshot.subtasks.iter().flat_map(|s| &s.operators).filter_map(|(name, part)| match &part.sink {
        Some(sink) if !sink.state.is_null() || !sink.commit.is_empty() => Some((name.as_str(), "sink")),
        None if !part.tables.is_empty() => Some((name.as_str(), "operator")),
        _ => None,
    });
    sources.chain(operators)
}

fn kind_of(role: &Role<'_>) -> &'static str {
    match role {
        Role::Source(_) => "source",
        Role::Sink(..) => "sink",
        Role::Operator => "operator",
    }
}

/// What the writers of a sink had prepared at a checkpoint.
pub(crate) fn prepared(snapshot: &JobSnapshot, sink: &str) -> Vec<Committable> {
    let parts = snapshot.subtasks.iter().flat_map(|s| &s.operators).filter(|(name, _)| name == sink);
    parts.filter_map(|(_, part)| part.sink.as_ref()).flat_map(|prepared| prepared.commit.clone()).collect()
}
