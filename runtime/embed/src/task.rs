//! [`Task`]: one subtask of a chain, bytes in and bytes out. It is called by one thread at a time, and waits only in a poll.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_core::connector::{Prepared, SinkReport};
use weir_core::key_group::groups_of_subtask;
use weir_engine::embedded::{EmbeddedError, EmbeddedStart, EmbeddedSubtask, Handled, Kept, Sent};
use weir_state::checkpoint::Packed;
use weir_state::{Snapshot, SplitSnapshot};

use crate::answer::{ENDED, FROZEN, HAD_ROWS, HAS_MORE, HOLDING, encode};
use crate::commit::PreparedPart;
use crate::element::{self, EdgeSchema};
use crate::error::EmbedError;
use crate::frozen_task::FrozenTask;
use crate::opened::Opened;
use crate::process;
use crate::restored::Restored;
use crate::run::Run;

/// One subtask that another engine runs.
pub struct Task {
    opened: Arc<Opened>,
    subtask: EmbeddedSubtask,
    /// Its chain, by index.
    chain: usize,
    /// Its number in that.
    number: usize,
    /// The columns of all edges.
    columns: Vec<EdgeSchema>,
    run: Run,
    /// The barrier that was asked for last.
    attempt: u64,
    /// What it kept last, without what sinks have prepared.
    kept: Option<Kept>,
    /// What its sinks had done then, by name.
    reports: BTreeMap<String, SinkReport>,
    /// What each sink has prepared and the other engine has not taken yet, by the sink's name.
    prepared: Vec<(String, Vec<PreparedPart>)>,
    /// Of a source: where its splits were at barriers whose checkpoints are not complete so far.
    positions: BTreeMap<u64, (String, Vec<SplitSnapshot>)>,
    /// Whether what was prepared at the end is there, or was taken.
    has_ended: bool,
}

/// At how many barriers positions are kept, if checkpoints fail one after the other. The next complete one has later positions anyway.
const POSITIONS_MAX: usize = 16;

/// What is handed to a task.
enum Event {
    Poll(i64),
    Element(Vec<u8>),
    More,
    Time(i64),
    Flush { comes: bool },
    Barrier(u64),
    Drain,
}

impl Task {
    /// A subtask of a chain, by the chain's index and the subtask's number.
    ///
    /// # Errors
    /// If there is none, it cannot begin, or what it is to resume from is not of this pipeline.
    pub fn open(
        bundle: &[u8],
        (chain, number): (usize, usize),
        restored: Restored,
        run: Run,
    ) -> Result<Self, EmbedError> {
        let opened = Opened::open_for(bundle, run.job)?;
        if opened.graph.chains.get(chain).is_none_or(|chain| number >= chain.parallelism) {
            return Err(EmbedError::NotThere(format!("the pipeline has no chain {chain} with a subtask {number}")));
        }
        let (generation, drops_state) = (run.generation(), restored.drops_state);
        let checkpoint = restored.into_checkpoint();
        let restored = checkpoint.as_ref();
        let start = EmbeddedStart { generation, durable: run.durable, restored, drops_state };
        let subtask = opened.job.embedded(chain, number, &process::clock(), start)?;
        let columns = opened.graph.edges.iter().map(|edge| EdgeSchema::new(edge.schema.clone())).collect();
        Ok(Self {
            subtask,
            chain,
            number,
            columns,
            run,
            attempt: run.checkpoint,
            kept: None,
            reports: BTreeMap::new(),
            prepared: Vec::new(),
            positions: BTreeMap::new(),
            has_ended: false,
            opened,
        })
    }

    /// Has a source read. See [`crate::answer`] for what comes out.
    ///
    /// # Errors
    /// If it cannot continue.
    pub fn poll(&mut self, now_us: i64) -> Result<Vec<u8>, EmbedError> {
        self.handle(Event::Poll(now_us))
    }

    /// What another subtask sent.
    ///
    /// # Errors
    /// If it cannot continue, or the bytes are no element of an edge of it.
    pub fn element(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, EmbedError> {
        self.handle(Event::Element(bytes))
    }

    /// Continues with what it has to give out.
    ///
    /// # Errors
    /// If it cannot continue.
    pub fn more(&mut self) -> Result<Vec<u8>, EmbedError> {
        self.handle(Event::More)
    }

    /// The clock has reached [`Task::deadline`].
    ///
    /// # Errors
    /// If it cannot continue.
    pub fn time(&mut self, now_us: i64) -> Result<Vec<u8>, EmbedError> {
        self.handle(Event::Time(now_us))
    }

    /// Sends what waits for a batch to fill. `comes`: while more comes all the time.
    ///
    /// # Errors
    /// If it cannot continue.
    pub fn flush(&mut self, comes: bool) -> Result<Vec<u8>, EmbedError> {
        self.handle(Event::Flush { comes })
    }

    /// A barrier of the other engine, by the number of its checkpoint.
    ///
    /// # Errors
    /// If it cannot continue.
    pub fn barrier(&mut self, checkpoint: u64) -> Result<Vec<u8>, EmbedError> {
        self.attempt = checkpoint;
        self.handle(Event::Barrier(checkpoint))
    }

    /// A checkpoint is complete: a source may tell another system how far it is. Nothing depends on it.
    pub fn completed(&mut self, checkpoint: u64) {
        let later = self.positions.split_off(&(checkpoint + 1));
        if let Some((_, (source, splits))) = std::mem::replace(&mut self.positions, later).pop_last() {
            self.opened.job.embedded_completed(&source, &splits);
        }
    }

    /// Has a source end as if its input had.
    ///
    /// # Errors
    /// If it cannot continue.
    pub fn drain(&mut self) -> Result<Vec<u8>, EmbedError> {
        self.handle(Event::Drain)
    }

    /// When [`Task::time`] is wanted, microseconds.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.subtask.deadline()
    }

    /// What it kept at the last barrier, or at its end, as one piece.
    ///
    /// # Errors
    /// If there was none, or it cannot be written.
    pub fn snapshot(&mut self) -> Result<Vec<u8>, EmbedError> {
        let kept = self.take_kept()?.make().map_err(EmbeddedError::from)?;
        let job = &self.opened.logical;
        let packed = Packed::pack(&job.name, job.max_parallelism, self.made(), &kept)?;
        self.kept = Some(Kept::made(kept));
        Ok(packed)
    }

    /// The same, to be written by key group while the task continues. After the last barrier there is nothing more to take, unless it has ended.
    ///
    /// # Errors
    /// If there was no barrier.
    pub fn freeze(&mut self) -> Result<FrozenTask, EmbedError> {
        let mut kept = self.take_kept()?;
        if self.has_ended {
            let whole = kept.make().map_err(EmbeddedError::from)?;
            self.kept = Some(Kept::made(whole.clone()));
            kept = Kept::made(whole);
        }
        let (job, parallelism) = (&self.opened.logical, self.opened.graph.chains[self.chain].parallelism);
        let owned = groups_of_subtask(self.number, parallelism, job.max_parallelism);
        Ok(FrozenTask::new(&job.name, job.max_parallelism, self.made(), owned, kept))
    }

    fn take_kept(&mut self) -> Result<Kept, EmbedError> {
        let none = || EmbedError::NotThere(format!("{:?} has not had a barrier yet", self.subtask.name()));
        self.kept.take().ok_or_else(none)
    }

    /// The checkpoint of what it keeps.
    fn made(&self) -> (u64, u64) {
        (self.run.generation(), self.attempt)
    }

    /// What a sink of it has prepared since this was asked last; `None`: nothing.
    pub fn take_prepared(&mut self, sink: &str) -> Option<Vec<PreparedPart>> {
        let place = self.prepared.iter().position(|(name, _)| name == sink)?;
        Some(self.prepared.remove(place).1).filter(|commit| !commit.is_empty())
    }

    /// What its steps counted, and what its sinks had done at the last barrier, as JSON.
    #[must_use]
    pub fn figures(&self) -> String {
        let steps = self.opened.graph.chains.get(self.chain).map_or(&[][..], |chain| &chain.steps);
        let counts = self.subtask.counts();
        // A window's rows may be counted where they are combined ahead of it.
        let counts: Vec<_> = counts.iter().filter(|node| steps.contains(&node.name) || node.rows_in > 0).collect();
        serde_json::json!({ "steps": counts, "sinks": self.reports }).to_string()
    }

    fn handle(&mut self, event: Event) -> Result<Vec<u8>, EmbedError> {
        let mut sent: Vec<Sent> = Vec::new();
        let (was_over, is_barrier) = (self.has_ended, matches!(event, Event::Barrier(_)));
        let handled = match event {
            Event::Poll(now_us) => self.subtask.poll(now_us, &mut sent)?,
            Event::Element(bytes) => {
                let (edge, from) = element::sender(&bytes)?;
                let columns = self.columns.get(edge).ok_or_else(|| {
                    EmbedError::Element(format!("names edge {edge}, which the pipeline does not have"))
                })?;
                let element = element::read(bytes, columns)?;
                self.subtask.element(edge, from, element, &mut sent)?
            }
            Event::More => self.subtask.more(&mut sent)?,
            Event::Time(now_us) => self.subtask.time(now_us, &mut sent)?,
            Event::Flush { comes } => self.subtask.flush(comes, &mut sent)?,
            Event::Barrier(attempt) => self.subtask.barrier(attempt, &mut sent)?,
            Event::Drain => self.subtask.drain(&mut sent)?,
        };
        let Handled { had_rows, kept } = handled;
        let is_kept = kept.is_some();
        self.has_ended = self.subtask.has_ended();
        // What is kept after the end is what was kept at the end: its sinks have prepared nothing more.
        if let Some(kept) = kept.filter(|_| !was_over) {
            self.keep(kept);
        }
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags = flag(self.subtask.has_more(), HAS_MORE)
            | flag(is_kept && (!self.has_ended || is_barrier), FROZEN)
            | flag(self.has_ended, ENDED)
            | flag(had_rows, HAD_ROWS)
            | flag(self.subtask.is_holding(), HOLDING);
        encode(flags, self.number, &sent, &self.columns)
    }

    /// What is to be committed goes its own way: the committer's state has it.
    fn keep(&mut self, mut kept: Kept) {
        // What comes at the end is complete with the next checkpoint.
        let checkpoint = self.attempt + u64::from(self.has_ended);
        for (name, part) in &mut kept.sinks {
            self.keep_prepared(checkpoint, name, part);
        }
        if let Some(splits) = kept.splits() {
            self.positions.insert(checkpoint, splits.clone());
            if self.positions.len() > POSITIONS_MAX {
                self.positions.pop_first();
            }
        }
        self.kept = Some(kept);
    }

    fn keep_prepared(&mut self, checkpoint: u64, name: &str, part: &mut Snapshot) {
        let Some(Prepared { commit, report, .. }) = &mut part.sink else { return };
        self.reports.insert(name.to_owned(), report.clone());
        let of = |committable| PreparedPart { checkpoint, committable };
        let commit = std::mem::take(commit).into_iter().map(of);
        match self.prepared.iter_mut().find(|(known, _)| known == name) {
            Some((_, waiting)) => waiting.extend(commit),
            None => self.prepared.push((name.to_owned(), commit.collect())),
        }
    }
}
