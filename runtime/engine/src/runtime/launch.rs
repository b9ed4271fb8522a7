//! Starts a checked job: its subtasks on threads, and the thread that makes its checkpoints.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use weir_core::batch::StreamElement;
use weir_core::checkpoint::Timing;
use weir_core::limits::{CHANNEL_BYTES_MAX, CHANNEL_ELEMENTS_MAX, CHECKPOINT_FAILURES_MAX};
use weir_core::time::Clock;
use weir_state::checkpoint::{Lease, Tenure};

use super::build::{Built, BuiltSubtask, StartError};
use super::control::{Control, Request};
use super::inbox::{Room, inbox};
use super::job_handle::{JobError, JobHandle, NodeRole, Outside};
use super::late::LateWatch;
use super::worker::{CheckpointWorker, Status, Worker};
use crate::checkpoint::checkpointer::Checkpointer;
use crate::checkpoint::origin::Origin;
use crate::checkpoint::part::Storage;
use crate::checkpoint::recovery::{Durable, Recovered};
use crate::plan::job::Job;

impl Job {
    /// Starts every subtask on a thread of its own; nothing is kept of what the job has done.
    ///
    /// # Errors
    /// If a split, a writer or an operator cannot be made; then nothing runs.
    pub fn start(&self, clock: Arc<dyn Clock>) -> Result<JobHandle, StartError> {
        self.launch(clock, Launch::UNKEPT, Origin::default())
    }

    /// Starts the job where its last checkpoint was, at any parallelism, and keeps checkpoints as it continues. Older generations
    /// of the job are fenced.
    ///
    /// # Errors
    /// As [`Job::start`], or if there is no checkpoint that the job can resume from.
    pub fn resume(&self, clock: Arc<dyn Clock>, durable: &Durable) -> Result<JobHandle, StartError> {
        self.resume_after(clock, durable, &mut None)
    }

    /// As [`Job::resume`], for a run that may have had the job before: `held`, which is what it has then.
    pub(crate) fn resume_after(
        &self,
        clock: Arc<dyn Clock>,
        durable: &Durable,
        held: &mut Option<Tenure>,
    ) -> Result<JobHandle, StartError> {
        let Recovered { lease, checkpoint, memory, notes } = durable.recover(self, held, &clock)?;
        let origin = Origin::of(&lease, checkpoint.as_ref());
        // From here on operators count it.
        drop(memory);
        let mut handle = self.launch(clock, Launch::kept(self, durable, lease), origin)?;
        handle.from = checkpoint.map(|c| c.manifest.number);
        handle.notes = notes;
        Ok(handle)
    }

    fn launch(&self, clock: Arc<dyn Clock>, launch: Launch, origin: Origin<'_>) -> Result<JobHandle, StartError> {
        let Launch { timing, storage } = launch;
        let built = Built::new(self, &clock, origin)?;
        let subtasks = built.subtasks.len();
        let is_durable = storage.is_some();
        let boxes: Vec<_> = built.subtasks.iter().map(|built| built.subtask.swaps.clone()).collect();
        let control = Arc::new(Control::new(boxes.clone()));
        let sources = self.sources();
        let checkpointer = Checkpointer::new(timing, storage, built.sinks, sources, boxes, clock.clone());
        let checkpoints = checkpointer.status();
        let mut senders: Vec<_> = (0..built.channels).map(|_| None).collect();
        let mut inboxes = Vec::with_capacity(subtasks);
        for BuiltSubtask { inputs, .. } in &built.subtasks {
            let room =
                Room { elements: CHANNEL_ELEMENTS_MAX, bytes: CHANNEL_BYTES_MAX, bytes_of: StreamElement::bytes };
            let (into, inbox) = inbox(inputs.len(), room);
            inputs.iter().zip(into).for_each(|(channel, sender)| senders[*channel] = Some(sender));
            inboxes.push(inbox);
        }
        let started_us = clock.now_us();
        let threads = Threads::new(subtasks + 1, control.clone());
        let (parts, frozen) = bounded(PARTS_A_SUBTASK_MAX * subtasks);
        let mut statuses = Vec::with_capacity(subtasks);
        for (number, (built, inbox)) in built.subtasks.into_iter().zip(inboxes).enumerate() {
            let BuiltSubtask { subtask, nodes, outputs, .. } = built;
            let name = subtask.name.clone();
            let status = Arc::new(Status::new(name.clone(), nodes, clock.now_us()));
            statuses.push(status.clone());
            let worker = Worker {
                subtask,
                number,
                parts: parts.clone(),
                inbox,
                outputs: outputs
                    .into_iter()
                    .map(|targets| targets.into_iter().map(|channel| senders[channel?].take()).collect())
                    .collect(),
                control: control.clone(),
                status,
                clock: clock.clone(),
                linger: Duration::from_millis(self.linger_ms.max(1)),
            };
            let subtask = name.clone();
            threads.spawn(name, move || {
                worker.run().map_err(|error| JobError::Subtask { subtask, error: Box::new(error) })
            })?;
        }
        let worker = CheckpointWorker { checkpointer, parts: frozen, _open: parts, control: control.clone() };
        threads.spawn("checkpoints".to_owned(), move || {
            worker.run().map_err(|error| JobError::Checkpoint(Box::new(error)))
        })?;
        Ok(JobHandle {
            started_us,
            clock,
            control,
            running: statuses.len() + 1,
            statuses,
            ended: threads.ended,
            error: None,
            stopped: false,
            names: self.resolved.nodes.iter().map(|n| (n.name.clone(), NodeRole::of(n))).collect(),
            metrics: built.metrics,
            late: LateWatch::new(self),
            reports: built.reports,
            latency: built.latency,
            checkpoints,
            outsides: self.resolved.nodes.iter().filter_map(Outside::of).collect(),
            from: None,
            notes: Vec::new(),
            is_durable,
        })
    }
}

/// When and where a job that starts keeps checkpoints.
pub(crate) struct Launch {
    pub(crate) timing: Timing,
    pub(crate) storage: Option<Storage>,
}

impl Launch {
    /// Nothing is kept; sinks commit once, at the end.
    pub(crate) const UNKEPT: Self = Self {
        timing: Timing { interval_us: None, min_pause_us: 0, timeout_us: i64::MAX, failures_max: 0 },
        storage: None,
    };

    pub(crate) fn kept(job: &Job, durable: &Durable, lease: Lease) -> Self {
        let settings = &durable.settings;
        let us = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000);
        let timing = Timing {
            interval_us: Some(us(settings.interval_ms)),
            min_pause_us: us(settings.min_pause_ms),
            timeout_us: us(settings.timeout_ms),
            failures_max: CHECKPOINT_FAILURES_MAX,
        };
        Self { timing, storage: Some(Storage { lease, key_groups: job.groups, keep: settings.keep }) }
    }
}

/// The threads of a job; each says how it ended.
struct Threads {
    control: Arc<Control>,
    done: Sender<Result<(), JobError>>,
    ended: Receiver<Result<(), JobError>>,
}

impl Threads {
    fn new(threads: usize, control: Arc<Control>) -> Self {
        let (done, ended) = bounded(threads);
        Self { control, done, ended }
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce() -> Result<(), JobError> + Send + 'static,
    ) -> Result<(), StartError> {
        let (done, thread) = (self.done.clone(), name.clone());
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(run));
            let panicked = |panic: Box<dyn std::any::Any + Send>| {
                Err(JobError::Panic { subtask: thread, message: panic_text(panic.as_ref()) })
            };
            // Nobody listens any more if the handle is gone.
            let _ = done.send(result.unwrap_or_else(panicked));
        };
        let spawned = std::thread::Builder::new().name(name.clone()).spawn(run);
        spawned.map(drop).map_err(|error| {
            self.control.request(Request::Stop);
            StartError::Thread { subtask: name, error }
        })
    }
}

/// Parts of checkpoints that wait to be put together, a subtask: one of the attempt under way, one of an attempt given up, its
/// last.
const PARTS_A_SUBTASK_MAX: usize = 3;

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
