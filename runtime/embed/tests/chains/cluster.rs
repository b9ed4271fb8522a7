//! Another engine, in one thread: it carries bytes from task to task, in any order that its channels allow, aligns barriers, and commits what
//! sinks have prepared when a checkpoint is complete.

use std::collections::{BTreeMap, VecDeque};

use weir_core::key_group::{KEY_GROUPS_DEFAULT, groups_of_subtask, mix};
use weir_embed::answer::{ENDED, FROZEN, HAS_MORE};
use weir_embed::{EmbedError, Opened, Restored, Run, SinkCommitter, Task, commit};

/// A job in another engine.
pub(crate) struct Cluster {
    chains: Vec<Chain>,
    /// By sink.
    committers: BTreeMap<String, Committing>,
}

/// What is kept of a job at a barrier.
#[derive(Clone)]
pub(crate) struct Savepoint {
    checkpoint: u64,
    attempt: u64,
    /// By chain.
    states: BTreeMap<String, Vec<Piece>>,
    prepared: BTreeMap<String, Vec<Vec<u8>>>,
}

/// State of a chain, and its key group; `None`: all else of a subtask.
type Piece = (Option<u32>, Vec<u8>);

/// A committer, if the sink has one, and what it is to commit.
struct Committing {
    committer: Option<SinkCommitter>,
    waiting: Vec<Vec<u8>>,
}

struct Chain {
    name: String,
    is_source: bool,
    sinks: Vec<String>,
    /// Edges that come in.
    inputs: Vec<usize>,
    subtasks: Vec<Subtask>,
}

struct Subtask {
    task: Task,
    flags: u8,
    /// By edge and sender.
    channels: BTreeMap<(u32, u32), VecDeque<Vec<u8>>>,
}

impl Cluster {
    pub(crate) fn start(bundle: &[u8], from: Option<&Savepoint>, durable: bool) -> Self {
        let opened = Opened::open(bundle).unwrap();
        let run = Run {
            job: 1,
            checkpoint: from.map_or(0, |from| from.checkpoint),
            attempt: from.map_or(0, |from| from.attempt + 1),
            durable,
        };
        let chain = |(index, described): (usize, &weir_engine::ChainDescription)| {
            let restored = |number: usize| {
                let owned = groups_of_subtask(number, described.parallelism, KEY_GROUPS_DEFAULT);
                let mut restored = Restored::default();
                for (group, piece) in from.iter().flat_map(|from| &from.states[&described.name]) {
                    if group.is_none_or(|group| owned.contains(&group)) {
                        restored.add(piece.clone()).unwrap();
                    }
                }
                restored
            };
            let subtask = |number| {
                let task = Task::open(bundle, (index, number), restored(number), run);
                let task = task.unwrap_or_else(|error| panic!("{}: {}", described.name, error.whole()));
                Subtask { task, flags: HAS_MORE, channels: BTreeMap::new() }
            };
            Chain {
                name: described.name.clone(),
                is_source: described.source,
                sinks: described.sinks.clone(),
                inputs: described.inputs.clone(),
                subtasks: (0..described.parallelism).map(subtask).collect(),
            }
        };
        let chains: Vec<Chain> = opened.graph.chains.iter().enumerate().map(chain).collect();
        // After the writers, as it may happen.
        let sinks = chains.iter().flat_map(|chain| &chain.sinks);
        let committers = sinks.map(|sink| {
            let mut committer = SinkCommitter::open(bundle, sink, run).unwrap();
            let prepared = from.and_then(|from| from.prepared.get(sink)).cloned().unwrap_or_default();
            if let Some(committer) = &mut committer {
                committer.commit(run.checkpoint, &prepared).unwrap();
            }
            (sink.clone(), Committing { committer, waiting: Vec::new() })
        });
        let committers = committers.collect();
        Self { chains, committers }
    }

    /// Runs until the end, or for so many steps.
    pub(crate) fn run(&mut self, steps: usize, mut choose: impl FnMut(usize) -> usize) {
        for _ in 0..steps {
            let places = self.chains.iter().enumerate();
            let places: Vec<(usize, usize)> =
                places.flat_map(|(c, chain)| (0..chain.subtasks.len()).map(move |s| (c, s))).collect();
            let can = |&&(c, s): &&(usize, usize)| {
                let (chain, subtask) = (&self.chains[c], &self.chains[c].subtasks[s]);
                let runs = subtask.flags & ENDED == 0;
                let has_input = subtask.channels.values().any(|channel| !channel.is_empty());
                subtask.flags & HAS_MORE != 0 || (runs && chain.is_source) || has_input
            };
            let ready: Vec<_> = places.iter().filter(can).copied().collect();
            let Some((c, s)) = ready.get(choose(ready.len().max(1))).copied() else {
                // What has ended is not known to be complete before the checkpoint after it.
                if steps == usize::MAX {
                    self.end();
                }
                return;
            };
            self.step(c, s, &mut choose);
        }
    }

    fn step(&mut self, c: usize, s: usize, mut choose: impl FnMut(usize) -> usize) {
        let Chain { is_source, subtasks, .. } = &mut self.chains[c];
        let subtask = &mut subtasks[s];
        let answer = if subtask.flags & HAS_MORE != 0 {
            subtask.task.more()
        } else if *is_source {
            subtask.task.poll(1_000_000)
        } else {
            let open: Vec<_> = subtask.channels.iter().filter(|(_, c)| !c.is_empty()).map(|(k, _)| *k).collect();
            let channel = open[choose(open.len())];
            let element = subtask.channels.get_mut(&channel).and_then(VecDeque::pop_front).unwrap();
            subtask.task.element(element)
        };
        self.carry(c, s, answer);
    }

    fn carry(&mut self, c: usize, s: usize, answer: Result<Vec<u8>, EmbedError>) {
        let name = &self.chains[c].name;
        let answer = answer.unwrap_or_else(|error| panic!("{name}/{s}: {}", error.whole()));
        self.chains[c].subtasks[s].flags = answer[0];
        let mut rest = &answer[1..];
        let number = |rest: &mut &[u8]| {
            let (number, after) = rest.split_first_chunk::<4>().unwrap();
            *rest = after;
            u32::from_le_bytes(*number)
        };
        while !rest.is_empty() {
            let (edge, target, length) = (number(&mut rest), number(&mut rest) as usize, number(&mut rest) as usize);
            let (element, after) = rest.split_at(length);
            rest = after;
            let to = self.chains.iter().position(|chain| chain.inputs.contains(&(edge as usize))).unwrap();
            let from = u32::try_from(s).unwrap();
            let channels = &mut self.chains[to].subtasks[target].channels;
            channels.entry((edge, from)).or_default().push_back(element.to_vec());
        }
    }

    /// Makes a checkpoint. `is_told`: whether the committers learn that it is complete.
    pub(crate) fn checkpoint(&mut self, number: u64, is_told: bool) -> Savepoint {
        let mut states = BTreeMap::new();
        for c in 0..self.chains.len() {
            for s in 0..self.chains[c].subtasks.len() {
                // All before the barrier: sources read on after it.
                while self.chains[c].subtasks[s].channels.values().any(|channel| !channel.is_empty()) {
                    self.step(c, s, |_| 0);
                }
                let answer = self.chains[c].subtasks[s].task.barrier(number);
                self.carry(c, s, answer);
                while self.chains[c].subtasks[s].flags & FROZEN == 0 {
                    let answer = self.chains[c].subtasks[s].task.more();
                    self.carry(c, s, answer);
                }
                let of_chain: &mut Vec<Piece> = states.entry(self.chains[c].name.clone()).or_default();
                let task = &mut self.chains[c].subtasks[s].task;
                // Both ways fit together.
                if (number as usize + s).is_multiple_of(2) {
                    of_chain.push((None, task.snapshot().unwrap()));
                } else {
                    let mut frozen = task.freeze().unwrap();
                    of_chain.push((None, frozen.rest().unwrap()));
                    let groups = frozen.groups().unwrap().into_iter();
                    of_chain.extend(groups.map(|group| (Some(group), frozen.take_group(group).unwrap())));
                }
                self.take_prepared(c, s);
            }
        }
        let prepared = self.committers.iter().map(|(sink, of)| (sink.clone(), of.waiting.clone())).collect();
        if is_told {
            self.commit(number);
        }
        Savepoint { checkpoint: number, attempt: 0, states, prepared }
    }

    fn take_prepared(&mut self, c: usize, s: usize) {
        let Chain { sinks, subtasks, .. } = &mut self.chains[c];
        for sink in sinks {
            if let Some(prepared) = subtasks[s].task.take_prepared(sink) {
                let bytes = commit::encode(&prepared).unwrap();
                self.committers.get_mut(sink).unwrap().waiting.push(bytes);
            }
        }
    }

    fn commit(&mut self, checkpoint: u64) {
        for Committing { committer, waiting } in self.committers.values_mut() {
            let bytes = std::mem::take(waiting);
            if let Some(committer) = committer {
                committer.commit(checkpoint, &bytes).unwrap();
            }
        }
    }

    fn end(&mut self) {
        for c in 0..self.chains.len() {
            for s in 0..self.chains[c].subtasks.len() {
                let subtask = &self.chains[c].subtasks[s];
                assert!(subtask.flags & ENDED != 0, "{}/{s} has not ended", self.chains[c].name);
                self.take_prepared(c, s);
            }
        }
        // What has ended is prepared for the checkpoint behind the last.
        self.commit(u64::MAX);
    }
}

/// A sequence that looks random and is the same every time.
pub(crate) fn chooser(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |n| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (mix(state) % n as u64) as usize
    }
}
