//! A case's trigger, evictor, accumulation and output mode as rules of Weir's windows, or the reason why there are none.

use serde::Deserialize;
use serde_json::Value;
use weir_core::window::{
    Changes, Evict, Evictor, Firing, Look, PaneColumns, ResultTime, TimeOf, Trigger, WindowClock, WindowRules,
};

use super::case::{Case, Stop, read};
use super::window_ops::Engine;
use super::window_rows::{FINAL_INDEX, INDEX, LAST, TIMING};

/// The rules of a case, and the lateness that goes with them.
pub(super) struct CaseRules {
    pub(super) rules: WindowRules,
    pub(super) lateness: i64,
    /// Which column an evictor compares is the value's.
    pub(super) has_delta: bool,
}

/// Reads all that a case says of how its windows fire.
pub(super) fn rules(case: &mut Case, engine: Engine, clock: WindowClock) -> Result<CaseRules, Stop> {
    let lateness: Option<i64> = read(case.take("allowed_lateness"))?;
    let mut lateness = lateness.unwrap_or(if engine == Engine::Beam { i64::MAX } else { 0 });
    if lateness < 0 {
        return Err(Stop::skip("has a negative allowed lateness"));
    }
    let mut rules = WindowRules { clock, ..WindowRules::default() };
    let trigger = case.take("trigger");
    let mut purging = false;
    rules.trigger = match (&trigger, engine) {
        (Value::Null, Engine::Kafka) => kafka(case, &mut rules)?,
        (Value::Null, _) => Trigger::default(),
        (_, Engine::Beam) => beam(trigger)?,
        (_, _) => flink(trigger, &mut purging)?,
    };
    match engine {
        Engine::Spark => spark(case, &mut rules, &mut lateness)?,
        Engine::Beam => {
            // A trigger that has finished closes its window.
            if rules.trigger.at_end && rules.trigger.late.is_none() {
                lateness = 0;
            }
            let name = |name: &str| Some(name.to_owned());
            rules.pane = PaneColumns {
                timing: name(TIMING),
                index: name(INDEX),
                final_index: name(FINAL_INDEX),
                last: name(LAST),
            };
        }
        Engine::Flink | Engine::Kafka => {}
    }
    match case.take("result_ts").as_str() {
        None => {}
        Some("window_max_timestamp" | "end_of_window") => {}
        Some("earliest") => rules.result_time = ResultTime::Earliest,
        Some("latest") => rules.result_time = ResultTime::Latest,
        Some(other) => return Err(Stop::skip(format!("needs results at the time {other:?}"))),
    }
    match case.take("accumulation").as_str() {
        None | Some("accumulating") => {}
        Some("discarding") => purging = true,
        Some("retracting" | "accumulating_and_retracting") => rules.changes = Changes::Retract,
        Some(other) => return Err(Stop::skip(format!("needs the accumulation {other:?}"))),
    }
    rules.discarding = purging;
    let evictor = evictor(case.take("evictor"))?;
    let has_delta = matches!(&evictor, Some(Evictor { evict: Evict::Delta(_), .. }));
    rules.evictor = evictor;
    Ok(CaseRules { rules, lateness, has_delta })
}

/// A trigger of Flink.
fn flink(trigger: Value, purging: &mut bool) -> Result<Trigger, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "type")]
        kind: String,
        count: Option<u64>,
        interval: Option<i64>,
        #[serde(default)]
        purging: Option<bool>,
    }
    let form: Form = read(trigger)?;
    *purging = form.purging.unwrap_or(false);
    let every = |of| Firing::Every { us: form.interval.unwrap_or(1), of, unchanged: true };
    Ok(match (form.kind.as_str(), form.count, form.interval) {
        ("event_time" | "processing_time", None, None) => Trigger::default(),
        ("count", Some(rows), None) => Trigger::each(Firing::Rows(rows)),
        ("continuous_event_time", None, Some(_)) => Trigger { early: Some(every(TimeOf::Event)), ..Trigger::default() },
        ("continuous_processing_time", None, Some(_)) => Trigger::each(every(TimeOf::Processing)),
        (other, ..) => return Err(Stop::skip(format!("needs the trigger {other}"))),
    })
}

/// A trigger of Beam. It is looked at once per bundle, which a case gives as one batch.
fn beam(trigger: Value) -> Result<Trigger, Stop> {
    let kind = trigger.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let part = |name: &str| trigger.get(name).map(beam_firing).transpose();
    let usual = Trigger { at_end_if_empty: true, at_close: true, look: Look::Batch, ..Trigger::default() };
    let each = |firing| Trigger { at_close: true, look: Look::Batch, ..Trigger::each(firing) };
    let known: &[&str] = match kind.as_str() {
        "default" => &["type", "meaning"],
        "after_watermark" => &["type", "early", "late"],
        "count" => &["type", "count", "once"],
        "repeatedly" => &["type", "of"],
        other => return Err(Stop::skip(format!("needs the trigger {other:?}"))),
    };
    if let Some(other) = trigger.as_object().and_then(|fields| fields.keys().find(|f| !known.contains(&f.as_str()))) {
        return Err(Stop::skip(format!("not understood: {other:?} of a trigger")));
    }
    Ok(match kind.as_str() {
        "after_watermark" => Trigger { early: part("early")?.flatten(), late: part("late")?.flatten(), ..usual },
        "count" => {
            let rows = trigger.get("count").and_then(Value::as_u64).unwrap_or(1);
            let once = trigger.get("once").and_then(Value::as_bool).unwrap_or(true);
            Trigger { once, ..each(Firing::Rows(rows)) }
        }
        "repeatedly" => match part("of")?.flatten() {
            Some(firing) => each(firing),
            None => usual,
        },
        _ => usual,
    })
}

/// A part of a trigger of Beam; `None`: the end of the window.
fn beam_firing(part: &Value) -> Result<Option<Firing>, Stop> {
    let fields: Vec<_> = part.as_object().into_iter().flatten().collect();
    let [(name, value)] = fields.as_slice() else {
        return Err(Stop::skip(format!("not understood: the part {part} of a trigger")));
    };
    Ok(match (name.as_str(), value.as_i64()) {
        ("count", Some(rows)) => Some(Firing::Rows(rows.unsigned_abs())),
        ("after_processing_time_since_first" | "processing_time_since_first", Some(us)) => {
            Some(Firing::Delay { us, of: TimeOf::Processing })
        }
        ("after_watermark_end_of_window", None) if **value == Value::Bool(true) => None,
        _ => return Err(Stop::skip(format!("needs {part} in a trigger"))),
    })
}

/// Kafka's emission: with every record, or once a window is closed.
fn kafka(case: &mut Case, rules: &mut WindowRules) -> Result<Trigger, Stop> {
    rules.clock = WindowClock::Stream;
    rules.result_time = ResultTime::Latest;
    match case.take("emit").as_str() {
        Some("every_update") => {
            // Of a session that grows, what was given out is taken back.
            rules.changes = Changes::Retract;
            Ok(Trigger::each(Firing::Rows(1)))
        }
        Some("on_window_close" | "state_only" | "dropped_only") => Ok(Trigger::on_close()),
        other => Err(Stop::skip(format!("needs results {other:?}"))),
    }
}

/// Spark's output mode.
fn spark(case: &mut Case, rules: &mut WindowRules, lateness: &mut i64) -> Result<(), Stop> {
    let each = |look| Trigger { look, ..Trigger::each(Firing::Rows(1)) };
    match case.take("output_mode").as_str() {
        None | Some("append") => {}
        Some("update") => rules.trigger = each(Look::Batch),
        Some("complete") => {
            rules.trigger = each(Look::All);
            *lateness = i64::MAX;
        }
        Some(other) => return Err(Stop::skip(format!("needs the output mode {other:?}"))),
    }
    Ok(())
}

fn evictor(evictor: Value) -> Result<Option<Evictor>, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "type")]
        kind: String,
        max: Option<u64>,
        keep: Option<i64>,
        threshold: Option<i64>,
        delta: Option<String>,
        when: Option<String>,
    }
    let Some(form) = read::<Option<Form>>(evictor)? else { return Ok(None) };
    let after = match form.when.as_deref() {
        None | Some("before") => false,
        Some("after") => true,
        Some(other) => return Err(Stop::skip(format!("needs an evictor {other:?} the aggregation"))),
    };
    let evict = match (form.kind.as_str(), form.max, form.keep, form.threshold, form.delta.as_deref()) {
        ("count", Some(max), None, None, None) => Evict::Rows(max),
        ("time", None, Some(keep), None, None) => Evict::Time(keep),
        ("delta", None, None, Some(threshold), None | Some("last.value-elem.value >= threshold evicts")) => {
            Evict::Delta(threshold)
        }
        (kind, ..) => return Err(Stop::skip(format!("needs the evictor {kind}"))),
    };
    Ok(Some(Evictor { evict, after }))
}
