//! A case's `window` object as an assigner of Weir's, or the reason why there is none.

use serde::Deserialize;
use serde_json::Value;
use weir_core::window::WindowAssigner;

use super::case::{Stop, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(rename = "type")]
    kind: String,
    size: Option<i64>,
    slide: Option<i64>,
    gap: Option<Value>,
    offset: Option<i64>,
    stagger: Option<Stagger>,
    merge: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stagger {
    kind: String,
    first_seen_processing_time: Option<i64>,
}

/// How windows are assigned and merged.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowSettings {
    /// Not checked yet.
    pub(super) assigner: WindowAssigner,
    /// Whether sessions that only touch stay apart, as Beam has it.
    pub(super) apart_if_touching: bool,
}

/// Windows of one time at most: a case with more would only show how much memory there is.
const WINDOWS_MAX: i64 = 1_000_000;

/// Reads a `window` object of which Weir must be able to make windows.
pub(super) fn checked_window(value: Value) -> Result<WindowSettings, Stop> {
    let settings = window_settings(value)?;
    settings.assigner.check().map_err(|e| Stop::fail(format!("the window was refused: {e}")))?;
    match settings.assigner {
        WindowAssigner::Sliding { size, slide, .. } if size / slide > WINDOWS_MAX => {
            Err(Stop::skip(format!("has more than {WINDOWS_MAX} windows a row")))
        }
        _ => Ok(settings),
    }
}

/// Reads a `window` object, whether or not it can be.
pub(super) fn window_settings(mut value: Value) -> Result<WindowSettings, Stop> {
    match value.as_object_mut().and_then(|fields| fields.remove("time")) {
        None | Some(Value::Null) => {}
        Some(Value::String(time)) if time == "event" => {}
        Some(Value::String(time)) => return Err(Stop::skip(format!("needs {time} time"))),
        Some(other) => return Err(Stop::skip(format!("not understood: the time {other}"))),
    }
    match value.get("type").and_then(Value::as_str) {
        Some("tumbling" | "sliding" | "session") => {}
        Some(other) => return Err(Stop::skip(format!("needs {other} windows"))),
        None => return Err(Stop::skip("has no window type")),
    }
    if value.get("gap").is_some_and(Value::is_object) {
        return Err(Stop::skip("needs sessions whose gap each row decides"));
    }
    let settings: Settings = read(value)?;
    let number = |what: &str, value: Option<i64>| value.ok_or_else(|| Stop::skip(format!("has no {what}")));
    let offset = settings.offset.unwrap_or(0);
    let assigner = match settings.kind.as_str() {
        "tumbling" => WindowAssigner::Tumbling { size: number("size", settings.size)?, offset },
        "sliding" => WindowAssigner::Sliding {
            size: number("size", settings.size)?,
            slide: number("slide", settings.slide)?,
            offset,
        },
        _ => WindowAssigner::Session { gap: number("gap", settings.gap.and_then(|gap| gap.as_i64()))? },
    };
    let assigner = match settings.stagger {
        None => assigner,
        Some(Stagger { kind, .. }) if kind == "aligned" => assigner,
        Some(Stagger { kind, first_seen_processing_time: Some(seen) })
            if kind == "natural" && matches!(assigner, WindowAssigner::Tumbling { .. }) =>
        {
            assigner.check().map_err(|e| Stop::fail(format!("the window was refused: {e}")))?;
            assigner.staggered(seen)
        }
        Some(Stagger { kind, .. }) => return Err(Stop::skip(format!("needs windows staggered by {kind:?}"))),
    };
    let apart_if_touching = match settings.merge.as_deref() {
        None | Some("touching") => false,
        Some("overlap_only") => true,
        Some(other) => return Err(Stop::skip(format!("needs sessions that merge by {other:?}"))),
    };
    Ok(WindowSettings { assigner, apart_if_touching })
}
