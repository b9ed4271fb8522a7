//! Cases of kind `watermark_strategy`: event times in, the split's watermark out when it is asked for.

use serde::Deserialize;
use weir_core::time::{WATERMARK_MIN, WatermarkGenerator, WatermarkStrategy};

use super::Unchecked;
use super::case::{Case, Flag, Stop, can_be_met, read};
use super::compare::At;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    ops: Vec<Op>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Op {
    Event(i64),
    PeriodicEmit(Flag),
    CheckpointRestore(Flag),
    Create(Strategy),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    by_op: usize,
    watermark: Option<i64>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strategy {
    #[serde(rename = "type")]
    kind: Option<String>,
    delay: Option<i64>,
}

/// What engines call a split whose event times never go back.
const MONOTONIC: [&str; 5] = ["monotonic", "monotonous", "monotonous_timestamps", "ascending", "ascending_timestamps"];

impl Strategy {
    fn strategy(&self) -> Result<WatermarkStrategy, Stop> {
        match (self.kind.as_deref(), self.delay) {
            (None | Some("bounded_out_of_orderness"), Some(delay)) => {
                Ok(WatermarkStrategy::BoundedOutOfOrderness(delay))
            }
            (Some(kind), None | Some(0)) if MONOTONIC.contains(&kind) => Ok(WatermarkStrategy::Monotonic),
            (kind, delay) => Err(Stop::skip(format!("the strategy {kind:?} with delay {delay:?} is not known here"))),
        }
    }
}

/// How rows reach the generator: results must not depend on it.
#[derive(Clone, Copy, Debug)]
enum Variant {
    RowByRow,
    /// Rows between two operations together, as a source reads them.
    Batches,
    /// A new generator, restored, before every operation.
    Restored,
}

pub(super) fn drive(mut case: Case) -> Result<Unchecked, Stop> {
    case.must_be_empty("expected_late")?;
    let strategy = match case.take("strategy") {
        serde_json::Value::Null => None,
        value => Some(read::<Strategy>(value)?.strategy()?),
    };
    let form: Form = case.into_form()?;
    let ops_where = |want: fn(&Expected) -> bool| form.expected.iter().filter(move |e| want(e)).map(|e| e.by_op);
    can_be_met(ops_where(|e| e.watermark.is_some()), |op| op < form.ops.len())?;
    can_be_met(ops_where(|e| e.watermark.is_none()), |op| matches!(form.ops.get(op), Some(Op::Create(_))))?;
    let created = create(&form)?;
    for variant in [Variant::RowByRow, Variant::Batches, Variant::Restored] {
        let said = match strategy {
            Some(strategy) => watermarks(strategy, &form.ops, variant)?,
            None if created => Vec::new(),
            None => return Err(Stop::skip("has no strategy")),
        };
        compare_said(&form, &said).map_err(|why| Stop::Fail(format!("{why} ({variant:?})")))?;
    }
    Ok(Vec::new())
}

/// Strategies that are made and thrown away, to see whether they can be. Says whether there are any.
fn create(form: &Form) -> Result<bool, Stop> {
    let mut any = false;
    for (op, step) in form.ops.iter().enumerate() {
        let Op::Create(strategy) = step else { continue };
        any = true;
        let expected = form.expected.iter().find(|e| e.by_op == op).and_then(|e| e.error.as_deref());
        super::windows::compare_creation(op, expected, strategy.strategy()?.check().err().map(|e| e.to_string()))?;
    }
    Ok(any)
}

/// The watermark at every operation that asks for it.
fn watermarks(strategy: WatermarkStrategy, ops: &[Op], variant: Variant) -> Result<Vec<At<i64>>, Stop> {
    strategy.check().map_err(|e| Stop::fail(format!("the strategy was refused: {e}")))?;
    let mut generator = WatermarkGenerator::new(strategy);
    let mut held: Vec<i64> = Vec::new();
    let mut said = Vec::new();
    for (op, step) in ops.iter().enumerate() {
        if let Op::Event(time) = step {
            held.push(*time);
        }
        if matches!(variant, Variant::Batches) && matches!(step, Op::Event(_)) {
            continue;
        }
        let mut rows = held.as_slice();
        while !rows.is_empty() {
            let taken = generator.observe(rows);
            rows = rows.get(taken.max(1)..).unwrap_or_default();
        }
        held.clear();
        if matches!(variant, Variant::Restored) || matches!(step, Op::CheckpointRestore(_)) {
            let max_event_time = generator.max_event_time();
            generator = WatermarkGenerator::new(strategy);
            generator.restore(max_event_time);
        }
        if matches!(step, Op::PeriodicEmit(_)) {
            said.push(At { op, what: generator.watermark() });
        }
    }
    Ok(said)
}

/// Every watermark that is expected was the last one said, and none rose that is not expected.
fn compare_said(form: &Form, said: &[At<i64>]) -> Result<(), String> {
    for e in &form.expected {
        let Some(expected) = e.watermark else { continue };
        let got = said.iter().rfind(|s| s.op <= e.by_op).map(|s| s.what);
        if got != Some(expected) {
            let got = got.map_or("none".into(), |w| w.to_string());
            return Err(format!("op {}: expected watermark {expected}, got {got}", e.by_op));
        }
    }
    let mut last = WATERMARK_MIN;
    for At { op, what } in said {
        if *what != last && !form.expected.iter().any(|e| e.by_op >= *op && e.watermark == Some(*what)) {
            return Err(format!("op {op}: unexpected watermark {what}"));
        }
        last = *what;
    }
    Ok(())
}
