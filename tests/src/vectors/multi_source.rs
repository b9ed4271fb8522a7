//! Cases of kind `multi_source_watermark`: batches of event times of several sources in, the watermark over all of them out.
//!
//! They are Spark's. Its watermark W says no more rows before W, ours that there are no more rows at or before it, so W is one more
//! than ours; it starts at 0 where ours starts at the beginning of time. After a restart Spark keeps the watermark over all
//! sources and forgets how far each was: so does the driver, with generators that are new.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use weir_core::time::{WATERMARK_MIN, WatermarkGenerator, WatermarkMerger, WatermarkStrategy};

use super::Unchecked;
use super::case::{Case, Flag, Stop, can_be_met, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    ops: Vec<Op>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Batch(BTreeMap<String, Vec<i64>>),
    CheckpointRestore(Flag),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    by_op: usize,
    watermark: i64,
}

pub(super) struct Sources {
    delays: BTreeMap<String, i64>,
    generators: BTreeMap<String, WatermarkGenerator>,
    merger: WatermarkMerger,
    before_restart: i64,
}

impl Sources {
    pub(super) fn new(delays: BTreeMap<String, i64>, before_restart: i64) -> Self {
        let generator = |delay: &i64| WatermarkGenerator::new(WatermarkStrategy::BoundedOutOfOrderness(*delay));
        let generators = delays.iter().map(|(name, delay)| (name.clone(), generator(delay))).collect();
        let merger = WatermarkMerger::new(delays.len());
        Self { delays, generators, merger, before_restart }
    }

    fn take(&mut self, batch: &BTreeMap<String, Vec<i64>>) -> Result<(), Stop> {
        if let Some(name) = batch.keys().find(|name| !self.generators.contains_key(*name)) {
            return Err(Stop::skip(format!("has rows of the source {name:?}, which has no delay")));
        }
        self.take_known(batch);
        Ok(())
    }

    /// The times of all sources that have a delay; the others have no watermark.
    pub(super) fn take_known(&mut self, batch: &BTreeMap<String, Vec<i64>>) {
        for (channel, (name, generator)) in self.generators.iter_mut().enumerate() {
            for time in batch.get(name).into_iter().flatten() {
                generator.observe(&[*time]);
            }
            self.merger.on_watermark(channel, generator.watermark());
        }
    }

    pub(super) fn watermark(&self) -> i64 {
        self.merger.watermark().max(self.before_restart)
    }

    pub(super) fn restart(self) -> Self {
        let before_restart = self.watermark();
        Self::new(self.delays, before_restart)
    }
}

pub(super) fn drive(mut case: Case) -> Result<Unchecked, Stop> {
    case.must_be_empty("expected_late")?;
    let mut strategy: BTreeMap<String, Value> = read(case.take("strategy"))?;
    match strategy.remove("policy") {
        None => {}
        Some(Value::String(policy)) if policy == "min" => {}
        Some(policy) => {
            return Err(Stop::skip(format!("has the policy {policy}: event time here is the least of the inputs")));
        }
    }
    let mut delays = BTreeMap::new();
    for (key, value) in strategy {
        let (Some(name), Some(delay)) = (key.strip_suffix("_delay"), value.as_i64()) else {
            return Err(Stop::skip(format!("not understood: {key} = {value} in strategy")));
        };
        delays.insert(name.to_owned(), delay);
    }
    let form: Form = case.into_form()?;
    can_be_met(form.expected.iter().map(|e| e.by_op), |op| op < form.ops.len())?;
    let mut sources = Sources::new(delays, WATERMARK_MIN);
    for (op, step) in form.ops.iter().enumerate() {
        match step {
            Op::Batch(batch) => sources.take(batch)?,
            Op::CheckpointRestore(_) => sources = sources.restart(),
        }
        let got = sources.watermark().saturating_add(1).max(0);
        if let Some(e) = form.expected.iter().find(|e| e.by_op == op && e.watermark != got) {
            return Err(Stop::fail(format!("op {op}: expected watermark {}, got {got}", e.watermark)));
        }
    }
    Ok(Vec::new())
}
