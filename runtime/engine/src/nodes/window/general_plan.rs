//! What the planner must know of windows with triggers, and of kinds that only the general operator runs. Plans nothing by itself.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use weir_core::changelog::ChangelogMode;
use weir_core::column_type::type_name;
use weir_core::graph::{MAIN_OUTPUT, WindowNode};
use weir_core::window::{Changes, Look, Trigger, WindowClock, WindowRules};

use crate::plan::error::{CheckError, CheckErrors, column};
use crate::plan::node::{OutputPort, OutputRole};

/// Whether it runs without the general operator.
pub(super) fn is_plain(spec: &WindowNode) -> bool {
    spec.rules.is_none() && spec.window.is_plain()
}

/// A window where only final results are given out: one result, when it closes. What fires by the number of its rows, or once, has no other
/// results, and stays as it is.
pub(super) fn with_final_results(spec: &WindowNode) -> WindowNode {
    let mut spec = spec.clone();
    let rules = spec.rules.clone().unwrap_or_default();
    // It may forget its rows when it fires, or have only some of them then.
    let is_unbounded = !spec.window.is_bounded() && (rules.discarding || rules.evictor.is_some());
    let has_one_result = spec.rules.is_none() && spec.allowed_lateness_us == 0;
    if !(has_one_result || rules.trigger.once || is_unbounded) {
        let (trigger, changes) = (Trigger::on_close(), Changes::None);
        spec.rules = Some(WindowRules { trigger, changes, discarding: false, suppress: None, ..rules });
    }
    spec
}

/// Whether what fires depends on rows of other keys, so that one subtask has to see all of them.
pub(super) fn sees_all_rows(spec: &WindowNode) -> bool {
    spec.rules.as_ref().is_some_and(|rules| {
        let counts_waiting = rules.suppress.is_some_and(|suppress| suppress.rows_max.is_some());
        rules.clock == WindowClock::Stream || rules.trigger.look == Look::All || counts_waiting
    })
}

/// Whether it takes back results that it gave out, as they were.
pub(super) fn takes_results_back(spec: &WindowNode) -> bool {
    spec.rules.as_ref().is_some_and(|rules| rules.changes == Changes::Retract)
}

/// The results, and what they do to those before them.
pub(super) fn main_output(spec: &WindowNode, keys: usize, schema: SchemaRef) -> OutputPort {
    let port = OutputPort::new(MAIN_OUTPUT, schema, OutputRole::Made);
    let changelog = match spec.rules.as_ref().map_or(Changes::None, |rules| rules.changes) {
        Changes::None => return port,
        Changes::Upsert => ChangelogMode::Upsert,
        Changes::Retract => ChangelogMode::Retract,
    };
    let key: Vec<usize> = (0..if spec.window.is_bounded() { keys + 2 } else { keys }).collect();
    OutputPort { changelog, always: key.clone(), key: Some(key), ..port }
}

/// The column with the gap of each row's session, and the microseconds of one of its units.
pub(super) fn gap_column(input: &SchemaRef, spec: &WindowNode) -> Result<Option<(usize, i64)>, CheckErrors> {
    let Some(gap) = &spec.gap else { return Ok(None) };
    let index = column(input, &gap.column)?;
    let unit = match input.field(index).data_type() {
        DataType::Duration(unit) => unit,
        other if other.is_integer() => &gap.unit,
        other => {
            let name = &gap.column.value;
            let message =
                format!("the gap of a session is a duration or a whole number, but {name:?} is {}", type_name(other));
            return Err(CheckError::at(&gap.column.span, message).into());
        }
    };
    match unit {
        TimeUnit::Second => Ok(Some((index, 1_000_000))),
        TimeUnit::Millisecond => Ok(Some((index, 1_000))),
        TimeUnit::Microsecond => Ok(Some((index, 1))),
        TimeUnit::Nanosecond => {
            let message = "the gap of a session is whole microseconds: cast the column in a select before the window";
            Err(CheckError::at(&gap.column.span, message).into())
        }
    }
}

/// The column that an evictor compares.
pub(super) fn delta_column(input: &SchemaRef, spec: &WindowNode) -> Result<Option<usize>, CheckErrors> {
    let Some(delta) = &spec.delta else { return Ok(None) };
    let index = column(input, delta)?;
    match input.field(index).data_type() {
        DataType::UInt64 => {
            let message =
                format!("an evictor does not compare uint64, as {:?} is: cast it to int64 before", delta.value);
            Err(CheckError::at(&delta.span, message).into())
        }
        of if of.is_integer() || of.is_floating() => Ok(Some(index)),
        other => {
            let message = format!("an evictor compares numbers, but {:?} is {}", delta.value, type_name(other));
            Err(CheckError::at(&delta.span, message).into())
        }
    }
}
