//! Cases of kind `idleness`: activity and a clock in, whether the split is idle out when it is checked.

use serde::Deserialize;
use weir_core::time::IdleTimer;

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
    Check(Flag),
    ClockAdvance(i64),
    Activity(Flag),
    Create(Create),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    timeout: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    by_op: usize,
    idle: Option<bool>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strategy {
    #[serde(rename = "type")]
    kind: String,
    timeout: i64,
}

pub(super) fn drive(mut case: Case) -> Result<Unchecked, Stop> {
    case.must_be_empty("expected_late")?;
    let timeout = match case.take("strategy") {
        serde_json::Value::Null => None,
        value => match read::<Strategy>(value)? {
            Strategy { kind, timeout } if kind == "with_idleness" => Some(timeout),
            Strategy { kind, .. } => return Err(Stop::skip(format!("the strategy {kind:?} is not known here"))),
        },
    };
    let form: Form = case.into_form()?;
    let ops_where = |want: fn(&Expected) -> bool| form.expected.iter().filter(move |e| want(e)).map(|e| e.by_op);
    can_be_met(ops_where(|e| e.idle.is_some()), |op| matches!(form.ops.get(op), Some(Op::Check(_))))?;
    can_be_met(ops_where(|e| e.idle.is_none()), |op| matches!(form.ops.get(op), Some(Op::Create(_))))?;
    if let Some(timeout) = timeout {
        IdleTimer::check(timeout).map_err(|e| Stop::fail(format!("the strategy was refused: {e}")))?;
    }
    let mut timer = timeout.map(|timeout| IdleTimer::new(Some(timeout)));
    let mut now: i64 = 0;
    let mut checked = None;
    for (op, step) in form.ops.iter().enumerate() {
        let no_timer = || Stop::skip("has no strategy to check");
        match step {
            Op::Check(_) => checked = Some(timer.as_mut().ok_or_else(no_timer)?.is_idle(now)),
            Op::ClockAdvance(ticks) => now = now.saturating_add(*ticks),
            Op::Activity(_) => timer.as_mut().ok_or_else(no_timer)?.active(),
            Op::Create(Create { timeout }) => {
                let expected = form.expected.iter().find(|e| e.by_op == op).and_then(|e| e.error.as_deref());
                super::windows::compare_creation(
                    op,
                    expected,
                    IdleTimer::check(*timeout).err().map(|e| e.to_string()),
                )?;
            }
        }
        for idle in form.expected.iter().filter(|e| e.by_op == op).filter_map(|e| e.idle) {
            if checked != Some(idle) {
                return Err(Stop::fail(format!("op {op}: expected idle = {idle}, got {checked:?}")));
            }
        }
    }
    Ok(Vec::new())
}
