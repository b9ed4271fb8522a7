//! A case's `window` object as an assigner of Weir's, or the reason why there is none.

use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::window::{WindowAssigner, WindowClock};

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
    step: Option<i64>,
    /// Of Kafka's sliding windows, from the first instant to the last.
    difference: Option<i64>,
    stagger: Option<Stagger>,
    merge: Option<String>,
    /// How an engine writes the bounds: compared as such.
    bounds: Option<String>,
}

/// The gap of rows of which some fields have these values.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GapRule {
    when: Map<String, Value>,
    gap: i64,
}

impl GapRule {
    /// The gap of a record: that of the first rule that holds for it.
    pub(super) fn gap_of(rules: &[Self], key: &Value, value: Option<i64>) -> Option<i64> {
        let holds = |rule: &&Self| {
            rule.when.iter().all(|(field, wanted)| match field.as_str() {
                "key" => wanted == key,
                "value" => *wanted == Value::from(value),
                _ => false,
            })
        };
        rules.iter().find(holds).map(|rule| rule.gap)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stagger {
    kind: String,
    first_seen_processing_time: Option<i64>,
}

/// How windows are assigned and merged.
#[derive(Clone, Debug)]
pub(super) struct WindowSettings {
    /// Not checked yet.
    pub(super) assigner: WindowAssigner,
    pub(super) clock: WindowClock,
    /// Of sessions whose gap each row says.
    pub(super) gaps: Vec<GapRule>,
    /// How much later ours end than the engine writes.
    pub(super) end_shift: i64,
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
    let clock = match value.as_object_mut().and_then(|fields| fields.remove("time")) {
        None | Some(Value::Null) => WindowClock::Event,
        Some(Value::String(time)) if time == "event" => WindowClock::Event,
        Some(Value::String(time)) if time == "processing" => WindowClock::Processing,
        Some(other) => return Err(Stop::skip(format!("not understood: the time {other}"))),
    };
    if value.get("type").is_none() {
        return Err(Stop::skip("has no window type"));
    }
    let settings: Settings = read(value)?;
    let number = |what: &str, value: Option<i64>| value.ok_or_else(|| Stop::skip(format!("has no {what}")));
    let offset = settings.offset.unwrap_or(0);
    let mut gaps = Vec::new();
    let inclusive = settings.bounds.is_some_and(|bounds| bounds.starts_with("inclusive"));
    let mut end_shift = 0;
    let assigner = match (settings.kind.as_str(), settings.gap) {
        ("tumbling", _) => WindowAssigner::Tumbling { size: number("size", settings.size)?, offset },
        ("sliding", _) => WindowAssigner::Sliding {
            size: number("size", settings.size)?,
            slide: number("slide", settings.slide)?,
            offset,
        },
        ("cumulating", _) => WindowAssigner::Cumulating {
            size: number("size", settings.size)?,
            step: number("step", settings.step)?,
            offset,
        },
        ("session", Some(Value::Object(mut gap))) => {
            gaps = read(gap.remove("dynamic").unwrap_or_default())?;
            WindowAssigner::RowSession
        }
        ("session", gap) => {
            let gap = number("gap", gap.and_then(|gap| gap.as_i64()))?;
            end_shift = if inclusive { gap } else { 0 };
            match settings.merge.as_deref() {
                None | Some("touching") => WindowAssigner::Session { gap },
                Some("overlap_only") => WindowAssigner::ApartSession { gap },
                Some(other) => return Err(Stop::skip(format!("needs sessions that merge by {other:?}"))),
            }
        }
        ("global", _) => WindowAssigner::Global,
        ("instant", _) => WindowAssigner::Instant,
        ("kafka_sliding", _) => {
            end_shift = 1;
            WindowAssigner::PerRow { length: number("difference", settings.difference)? }
        }
        (other, _) => return Err(Stop::skip(format!("needs {other} windows"))),
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
    Ok(WindowSettings { assigner, clock, gaps, end_shift })
}
