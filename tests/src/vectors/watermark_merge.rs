//! Cases of kind `watermark_merge`: watermarks and idleness of several channels in, those of the merged stream out.

use std::fmt;

use serde::Deserialize;
use weir_core::time::{Merged, WatermarkMerger};

use super::Unchecked;
use super::case::{Case, Stop};
use super::compare::{At, compare};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    channels: usize,
    ops: Vec<Op>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Op {
    channel: usize,
    watermark: Option<i64>,
    status: Option<Status>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Idle,
    Active,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    by_op: usize,
    watermark: Option<i64>,
    status: Option<Status>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Watermark(i64),
    Status(Status),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watermark(watermark) => write!(f, "watermark {watermark}"),
            Self::Status(Status::Idle) => write!(f, "idle"),
            Self::Status(Status::Active) => write!(f, "active"),
        }
    }
}

/// Channels of one merger at most: a case with more is a mistake, not a reason to run out of memory.
const CHANNELS_MAX: usize = 65_536;

pub(super) fn drive(mut case: Case) -> Result<Unchecked, Stop> {
    case.must_be_empty("expected_late")?;
    let ordered = case.ordered;
    let form: Form = case.into_form()?;
    if form.channels > CHANNELS_MAX {
        return Err(Stop::skip(format!("has {} channels, more than {CHANNELS_MAX}", form.channels)));
    }
    let mut merger = WatermarkMerger::new(form.channels);
    let mut outputs = Vec::new();
    for (op, step) in form.ops.iter().enumerate() {
        if step.channel >= form.channels {
            return Err(Stop::skip(format!(
                "op {op} is about channel {}, but there are {}",
                step.channel, form.channels
            )));
        }
        let merged = match (step.watermark, step.status) {
            (Some(watermark), None) => merger.on_watermark(step.channel, watermark),
            (None, Some(Status::Idle)) => merger.on_idle(step.channel),
            (None, Some(Status::Active)) => merger.on_active(step.channel),
            _ => return Err(Stop::skip(format!("op {op} is neither a watermark nor a status"))),
        };
        let said = match merged {
            Merged::Unchanged => vec![],
            Merged::Watermark(watermark) => vec![Said::Watermark(watermark)],
            Merged::Idle { risen_to } => {
                risen_to.map(Said::Watermark).into_iter().chain([Said::Status(Status::Idle)]).collect()
            }
            Merged::Active => vec![Said::Status(Status::Active)],
        };
        outputs.extend(said.into_iter().map(|what| At { op, what }));
    }
    let mut expected = Vec::new();
    for e in form.expected {
        let what = match (e.watermark, e.status) {
            (Some(watermark), None) => Said::Watermark(watermark),
            (None, Some(status)) => Said::Status(status),
            _ => return Err(Stop::skip("expects something that is neither a watermark nor a status")),
        };
        expected.push(At { op: e.by_op, what });
    }
    compare(&expected, &outputs, ordered, |e, o| e == o)?;
    Ok(Vec::new())
}
