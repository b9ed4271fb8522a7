//! Dead letters: what waits, and how it is dropped or goes into its step again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use weir_core::graph::NodeKind;
use weir_core::names::did_you_mean;
use weir_engine::Job;
use weir_host::LAST_LOG_LINE;
use weir_state::checkpoint::CheckpointStore;

use super::Service;
use crate::catalog::{ReplayRow, Wanted};
use crate::dead_letters::{DeadLetters, END, LetterId, Letters, Lines, PartId, Visited, read};
use crate::model::{ErrorCount, Letter, LetterChoice, LettersTaken, StepLetters};
use crate::pipelines::Pipeline;
use crate::problem::{Kind, Problem};
use crate::replays::replayable;
use crate::replays::timers::{is_of_timer, keys_of, timers_are_left};

/// Letters of a step whose errors are looked at, and different errors that are counted: a list is no reason to read all of a disk.
const ERRORS_READ_MAX: u64 = 100_000;
const ERRORS_COUNTED_MAX: usize = 1000;
/// Errors of a step that are shown.
const ERRORS_SHOWN_MAX: usize = 3;
/// Letters in an answer, and about how many bytes of them.
const LETTERS_SHOWN_MAX: usize = 1000;
const BYTES_SHOWN_MAX: usize = 8 << 20;

/// Letters of a step that are asked for; `None`: all that wait.
type Wished = Option<BTreeSet<(PartId, u64)>>;

impl Service {
    /// What waits, by step.
    pub(crate) fn dead_letters(&self, job: &str) -> Result<Vec<StepLetters>, Problem> {
        self.find(job)?;
        let dead_letters = DeadLetters::of(&self.pipelines.folder(job));
        let mut steps = Vec::new();
        for step in dead_letters.steps().map_err(unreadable)? {
            let mut found = StepLetters { step: step.clone(), letters: 0, since_us: 0, errors: Vec::new() };
            let mut errors = BTreeMap::new();
            let taken = self.catalog.letters_taken(job, &step)?;
            let visit = dead_letters.visit(&step, &taken, None, |letter| {
                if found.letters == 0 {
                    found.since_us = written_us(letter.file)?;
                }
                found.letters += 1;
                if found.letters <= ERRORS_READ_MAX {
                    let (mut error, _) = read(letter.text);
                    // What a panic says is often of one row only.
                    error.truncate(error.find(LAST_LOG_LINE).unwrap_or(error.len()));
                    let is_full = errors.len() >= ERRORS_COUNTED_MAX;
                    if let Some(count) = errors.get_mut(&error) {
                        *count += 1;
                    } else if !is_full {
                        errors.insert(error, 1);
                    }
                }
                Ok(ControlFlow::Continue(()))
            });
            visit.map_err(unreadable)?;
            found.errors = errors.into_iter().map(|(error, letters)| ErrorCount { error, letters }).collect();
            found.errors.sort_by_key(|count| std::cmp::Reverse(count.letters));
            found.errors.truncate(ERRORS_SHOWN_MAX);
            steps.extend(Some(found).filter(|found| found.letters > 0));
        }
        Ok(steps)
    }

    /// The first letters that wait, of one step or of all, behind the one of an id.
    pub(crate) fn letters(
        &self,
        job: &str,
        step: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Letter>, Problem> {
        self.find(job)?;
        let dead_letters = DeadLetters::of(&self.pipelines.folder(job));
        let after = after.map(id).transpose()?;
        let (mut letters, mut bytes) = (Vec::new(), 0);
        let limit = limit.min(LETTERS_SHOWN_MAX);
        let steps = dead_letters.steps().map_err(unreadable)?;
        if let Some(step) = step {
            self.check_step(job, step, &steps)?;
        }
        for of in steps {
            if step.is_some_and(|step| step != of) || after.as_ref().is_some_and(|after| of < after.step) {
                continue;
            }
            let after = after.as_ref().filter(|after| after.step == of).map(|after| (after.part, after.line));
            let taken = self.catalog.letters_taken(job, &of)?;
            let visit =
                dead_letters.visit(&of, &taken, after.map(|(part, _)| part), |Visited { part, line, text, .. }| {
                    if letters.len() >= limit || bytes >= BYTES_SHOWN_MAX {
                        return Ok(ControlFlow::Break(()));
                    }
                    if after.is_none_or(|after| (part, line) > after) {
                        let (error, row) = read(text);
                        bytes += text.len();
                        letters.push(Letter { id: LetterId { step: of.clone(), part, line }.to_string(), error, row });
                    }
                    Ok(ControlFlow::Continue(()))
                });
            visit.map_err(unreadable)?;
        }
        Ok(letters)
    }

    /// Letters wait no longer.
    pub(crate) fn drop_letters(&self, job: &str, choice: &LetterChoice) -> Result<LettersTaken, Problem> {
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        let (mut dropped, mut count) = (Vec::new(), 0);
        for (step, wished) in self.wished(job, choice)? {
            let (mut letters, of_step) = self.choose(job, &step, wished, |_| Ok(true))?;
            self.end_parts(job, &step, &mut letters)?;
            count += of_step;
            dropped.push((step, letters));
        }
        self.catalog.drop_letters(job, &dropped)?;
        self.forget_letters(job);
        let dead_letters = DeadLetters::of(&self.pipelines.folder(job));
        let mut left = 0;
        for (step, letters) in &dropped {
            let mut over = self.catalog.letters_dropped(job, step)?;
            over.retain(|part, _| letters.contains_key(part));
            left += dead_letters.free(step, &over);
        }
        let note = || format!("the disk space of {left} parts cannot be freed: they stay until `weir rm {job}`");
        Ok(LettersTaken { letters: count, notes: (left > 0).then(note).into_iter().collect() })
    }

    /// Of parts of which no other letter is left all is dropped, whatever would come behind it.
    fn end_parts(&self, job: &str, step: &str, letters: &mut Letters) -> Result<(), Problem> {
        let dead_letters = DeadLetters::of(&self.pipelines.folder(job));
        let dropped = self.catalog.letters_dropped(job, step)?;
        for (part, lines) in letters {
            let mut all = dropped.get(part).cloned().unwrap_or_default();
            lines.ranges().for_each(|(first, last)| all.add(first, last));
            if lines.last() < END && dead_letters.has_only(step, *part, &all).map_err(unreadable)? {
                lines.add(all.last().saturating_add(1).min(END), END);
            }
        }
        Ok(())
    }

    /// Letters go into their steps again. A job that runs takes a last checkpoint, and resumes from it with them; whenever the
    /// server ends meanwhile, they either wait still or are on their way.
    pub(crate) fn replay(&self, job: &str, choice: &LetterChoice) -> Result<LettersTaken, Problem> {
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        let (row, _) = self.find(job)?;
        let was_running = slot.is_running();
        if was_running && slot.live().swap.is_some_and(|swap| swap.phase.is_open()) {
            return Err(weir_engine::SwapError::UnderWay.into());
        }
        let pipeline = self.pipelines.read(&self.revision(&row)?.pipeline, &[])?;
        let store = CheckpointStore::open(&pipeline.location())?;
        newest_unfinished(&store, job)?;
        let checked = self.pipelines.check(&pipeline)?;
        let mut unknown = Unknown(Vec::new());
        let (mut replays, mut taken) = self.write_replays(&pipeline, &checked, choice, &mut unknown)?;
        if replays.is_empty() {
            return Ok(taken);
        }
        let _reserved = self.admit(&slot, checked.guest_resources())?;
        if was_running && let Err(problem) = self.suspend(&slot) {
            return Err(self.resume_as_before(&slot, Some(&row), Ok(()), problem));
        }
        let (row, _) = self.find(job)?;
        let written = newest_unfinished(&store, job).and_then(|checkpoint| {
            replays.iter_mut().for_each(|(replay, _)| replay.checkpoint = checkpoint);
            self.catalog.add_replays(job, &replays)?;
            unknown.0.clear();
            Ok(())
        });
        let resumes = was_running && row.wanted == Wanted::Running;
        let begun = written.and_then(|()| match resumes {
            true => self.start_revision(&slot, checked, &pipeline),
            false => Ok(()),
        });
        match begun {
            Err(problem) if resumes => {
                let numbers: Vec<u64> = replays.iter().map(|(replay, _)| replay.number).collect();
                let undone = self.catalog.settle_replays(job, &numbers, &[], 0).map_err(Problem::from);
                Err(self.resume_as_before(&slot, Some(&row), undone, problem))
            }
            Err(problem) => Err(problem),
            Ok(()) if resumes => Ok(taken),
            Ok(()) => {
                taken
                    .notes
                    .push(format!("the job does not run: they are replayed when `weir start {job}` has started it"));
                Ok(taken)
            }
        }
    }

    /// Writes the files of replays, and checks them. The catalog does not know of them yet.
    fn write_replays(
        &self,
        pipeline: &Pipeline,
        checked: &Job,
        choice: &LetterChoice,
        unknown: &mut Unknown,
    ) -> Result<(Vec<(ReplayRow, Letters)>, LettersTaken), Problem> {
        let job = &pipeline.graph.name;
        let folder = self.pipelines.folder(job);
        let last = self.catalog.replays(job)?.last().map_or(0, |replay| replay.number);
        let (mut replays, mut taken) = (Vec::new(), LettersTaken { letters: 0, notes: Vec::new() });
        for (step, wished) in self.wished(job, choice)? {
            if let Err(reason) = replayable(&pipeline.graph, checked, &step) {
                if !choice.all {
                    return Err(Problem::conflict(reason));
                }
                taken.notes.push(reason);
                continue;
            }
            let number = last + 1 + replays.len() as u64;
            let mut replay = ReplayRow { number, step, bytes: 0, checkpoint: 0, done: None };
            let path = folder.join(replay.file());
            unknown.0.push(path.clone());
            let mut file = create(&path).map_err(unwritable)?;
            let (keys, mut timers, is_by_id) = (keys_of(&pipeline.graph, &replay.step), 0, wished.is_some());
            let (letters, count) = self.choose(job, &replay.step, wished, |line| {
                let is_of_timer = keys.as_ref().is_some_and(|keys| is_of_timer(line, keys));
                timers += u64::from(is_of_timer);
                if is_of_timer { Ok(false) } else { file.write_all(line).map(|()| true) }
            })?;
            if timers > 0 {
                let note = timers_are_left(job, &replay.step, timers);
                if is_by_id {
                    return Err(Problem::conflict(note));
                }
                taken.notes.push(note);
            }
            if count > 0 {
                replay.bytes = finish(file, &path).map_err(unwritable)?;
                self.pipelines.check_replay(pipeline, checked, &replay, &self.clock)?;
                taken.letters += count;
                replays.push((replay, letters));
            }
        }
        Ok((replays, taken))
    }

    /// The steps that a choice is about, and what it wishes of each.
    fn wished(&self, job: &str, choice: &LetterChoice) -> Result<Vec<(String, Wished)>, Problem> {
        let LetterChoice { step, letters, all } = choice;
        let steps = DeadLetters::of(&self.pipelines.folder(job)).steps().map_err(unreadable)?;
        let mut wished = BTreeMap::<String, Wished>::new();
        match (step, letters.as_slice(), all) {
            (None, [], true) => wished.extend(steps.iter().map(|step| (step.clone(), None))),
            (Some(step), [], false) => drop(wished.insert(step.clone(), None)),
            (None, [_, ..], false) => {
                for text in letters {
                    let LetterId { step, part, line } = id(text)?;
                    wished.entry(step).or_default().get_or_insert_default().insert((part, line));
                }
            }
            _ => return Err(Problem::new(Kind::Invalid, "give either a step, or the ids of letters, or all")),
        }
        wished.keys().try_for_each(|step| self.check_step(job, step, &steps))?;
        Ok(wished.into_iter().collect())
    }

    /// Refuses a step that the job does not have, if it has kept no dead letters of it from when it had.
    fn check_step(&self, job: &str, step: &str, kept: &[String]) -> Result<(), Problem> {
        let mut known: BTreeSet<&str> = kept.iter().map(String::as_str).collect();
        if known.contains(step) {
            return Ok(());
        }
        let (row, _) = self.find(job)?;
        let graph = self.pipelines.read(&self.revision(&row)?.pipeline, &[])?.graph;
        let steps = graph.nodes.iter().filter(|node| !matches!(node.kind, NodeKind::Sink(_)));
        known.extend(steps.map(|node| node.name.as_str()));
        if known.contains(step) {
            return Ok(());
        }
        let known = Vec::from_iter(known);
        let (hint, known) = (did_you_mean(step, &known), known.join(", "));
        let detail = format!("the job {job:?} has no step {step:?} that can have dead letters{hint}; it has {known}");
        Err(Problem::not_found(detail))
    }

    /// Visits the letters of a step that are wished for; gives those of which the visitor says that it takes them, and how many they are.
    fn choose(
        &self,
        job: &str,
        step: &str,
        mut wished: Wished,
        mut visit: impl FnMut(&[u8]) -> io::Result<bool>,
    ) -> Result<(Letters, u64), Problem> {
        let taken = self.catalog.letters_taken(job, step)?;
        let (mut letters, mut left, mut count) = (Letters::new(), BTreeMap::new(), 0);
        let visited = DeadLetters::of(&self.pipelines.folder(job)).visit(step, &taken, None, |letter| {
            let Visited { part, line, text, .. } = letter;
            match &mut wished {
                None => {}
                Some(wished) if wished.is_empty() => return Ok(ControlFlow::Break(())),
                Some(wished) if !wished.contains(&(part, line)) => return Ok(ControlFlow::Continue(())),
                Some(wished) => drop(wished.remove(&(part, line))),
            }
            if visit(text)? {
                letters.entry(part).or_default().add(line, line);
                count += 1;
            } else {
                left.insert(part, line);
            }
            Ok(ControlFlow::Continue(()))
        });
        visited.map_err(unreadable)?;
        if wished.is_none() {
            // Nothing is behind them: the part is over as a whole, but for what is left. What a replay has taken stays that replay's, which may be undone.
            for (part, lines) in &mut letters {
                let left = left.get(part).copied().unwrap_or_default();
                let last = lines.last().max(left).max(taken.get(part).map_or(0, Lines::last));
                lines.add(last.saturating_add(1).min(END), END);
            }
        }
        match wished.and_then(|wished| wished.into_iter().next()) {
            None => Ok((letters, count)),
            Some((part, line)) => {
                let id = LetterId { step: step.to_owned(), part, line };
                Err(Problem::not_found(format!(
                    "{job:?} has no waiting dead letter {id}: it was replayed or dropped, or never existed; `weir dlq {job} \
                     show` shows those that wait"
                )))
            }
        }
    }
}

/// Files of replays that the catalog does not know: they would fill the disk for nothing.
struct Unknown(Vec<PathBuf>);

impl Drop for Unknown {
    fn drop(&mut self) {
        for path in &self.0 {
            // The next replay of the job writes over it.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The number of a job's newest checkpoint, 0 if there is none; refuses one behind which nothing comes.
fn newest_unfinished(store: &CheckpointStore, job: &str) -> Result<u64, Problem> {
    let newest = store.list()?.into_iter().next().map(|listed| listed.manifest).transpose()?;
    match newest {
        Some(manifest) if manifest.finished => Err(Problem::conflict(format!(
            "the job {job:?} has finished, and takes no more rows: deploy a job that reads the output of `weir dlq {job} show`"
        ))),
        manifest => Ok(manifest.map_or(0, |manifest| manifest.number)),
    }
}

fn id(text: &str) -> Result<LetterId, Problem> {
    let form = "an id is STEP:GENERATION-ATTEMPT-SUBTASK:LINE, as `weir dlq JOB show` shows it";
    text.parse().map_err(|()| Problem::new(Kind::Invalid, format!("{text:?} is not the id of a dead letter: {form}")))
}

fn written_us(file: &File) -> io::Result<i64> {
    let since = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn create(path: &Path) -> io::Result<BufWriter<File>> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    File::create(path).map(BufWriter::new)
}

/// Makes a file outlive a loss of power; gives its length.
fn finish(file: BufWriter<File>, path: &Path) -> io::Result<u64> {
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    // Its folder may be new too.
    path.ancestors().skip(1).take(2).try_for_each(|folder| File::open(folder)?.sync_all())?;
    Ok(file.metadata()?.len())
}

fn unreadable(error: io::Error) -> Problem {
    Problem::internal("the dead letters cannot be read", &error)
}

fn unwritable(error: io::Error) -> Problem {
    Problem::internal("the replay cannot be written", &error)
}
