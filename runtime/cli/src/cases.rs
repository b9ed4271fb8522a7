//! Test cases of an operator: what comes in, and what must come out. They are run against the built component, by the engine's own steps, so
//! that a case means what it would mean in a pipeline.
//!
//! | module | holds |
//! |---|---|
//! | `file` | how a case is written |
//! | `job` | the pipeline around the component |
//! | `observed` | what came out |
//! | `toml_text` | its text in TOML |
//! | `compare` | how that differs from what was expected |
//! | `report` | the report on the cases that were run |
//! | `large` | cases of many rows |
//! | `timing` | how long a row takes |

mod compare;
mod file;
mod job;
pub(crate) mod large;
mod observed;
pub(crate) mod report;
pub(crate) mod timing;
mod toml_text;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use weir_core::time::ManualClock;
use weir_engine::single_step::SingleStep;
use weir_host::{Component, GuestLog, Host};

pub(crate) use compare::Difference;
pub(crate) use file::Case;
use file::Step;
use observed::Observed;

/// What a case gave.
pub(crate) struct Outcome {
    /// Nothing: it passed.
    pub(crate) differences: Vec<Difference>,
    observed: Observed,
}

impl Outcome {
    /// The case with what came out as what is expected, as the text of its file.
    ///
    /// # Errors
    /// If the file does not end with its expectations, or the operator failed and the case expects rows.
    pub(crate) fn updated(&self, case: &Case) -> anyhow::Result<String> {
        case.with_expected(&self.observed.expectations(&case.expect)?)
    }
}

/// Runs one case.
///
/// # Errors
/// If the case itself is wrong: a row that has not the case's columns, a pipeline that cannot be.
pub(crate) fn run(
    host: &Host,
    component: &Component,
    path: &Path,
    case: &Case,
    log: &Arc<dyn GuestLog>,
) -> anyhow::Result<Outcome> {
    let observed = match job::of(host, component, path, case) {
        Err(job::Refused::Case(error)) => return Err(error),
        Err(job::Refused::Operator(reason)) => Observed::failed(reason),
        Ok((job, plan)) => {
            let clock = Arc::new(ManualClock::default());
            let step = SingleStep::new(job.with_guest_log(Arc::clone(log)), job::STEP, Arc::clone(&clock) as _);
            match step {
                Err(error) => Observed::failed(format!("{:#}", anyhow!(error))),
                Ok(mut step) => observe(Observed::of(&step, &plan), &mut step, &clock, case)?,
            }
        }
    };
    Ok(Outcome { differences: compare::differences(&case.expect, &observed), observed })
}

/// What comes in, one after the other.
fn observe(
    mut observed: Observed,
    step: &mut SingleStep,
    clock: &ManualClock,
    case: &Case,
) -> anyhow::Result<Observed> {
    let schema = case.schema()?;
    if let Some(before) = &case.state_before {
        let rows = weir_connectors::json_rows::from_json(&case.schema_before(before)?, &before.rows);
        if let Err(error) = step.resume_from(before.version, rows.context("state-before.rows")?) {
            observed.failed = Some(format!("{:#}", anyhow!(error)));
            return Ok(observed);
        }
    }
    for (number, given) in case.steps.iter().enumerate() {
        let emitted = match given {
            Step::Rows(rows) => {
                let rows = weir_connectors::json_rows::from_json(&schema, rows);
                step.process(rows.with_context(|| format!("steps[{number}].rows"))?)
            }
            Step::Watermark(at) => {
                step.advance_to(file::time(at).with_context(|| format!("steps[{number}].watermark"))?)
            }
            Step::ProcessingTime(at) => {
                clock.set_us(file::time(at).with_context(|| format!("steps[{number}].processing-time"))?);
                step.on_clock()
            }
            Step::Restart => step.restart().map(|()| Vec::new()),
            Step::End => step.end(),
        };
        match emitted {
            Ok(emitted) => observed.add(&emitted)?,
            Err(error) => {
                observed.failed = Some(format!("{:#}", anyhow!(error)));
                return Ok(observed);
            }
        }
    }
    observed.add_state(&step.snapshot().context("the state cannot be read")?)?;
    Ok(observed)
}
