//! What a case of joins says about its joins, as specs of the real operators, or the reason why there are none.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::graph::{JoinBounds, JoinType};
use weir_core::key_group::KEY_GROUPS_DEFAULT;
use weir_core::window::WindowAssigner;
use weir_engine::nodes::join::{JoinColumn, JoinSide, JoinSpec};
use weir_engine::nodes::window::{RESULT_ROWS_MAX, WINDOW_END, WINDOW_START, WindowSpec};

use super::case::{Stop, read};
use super::join_rows::{JoinRecord, record_schema};
use super::window_pipeline::spec_of;

/// The joins of a case.
pub(super) struct Settings {
    /// The left input of the first join, and the right one of each.
    pub(super) inputs: Vec<String>,
    pub(super) specs: Vec<JoinSpec>,
    pub(super) window: Option<WindowSpec>,
    /// By input: what a key is multiplied with for the value of a row; which keys it has, if all inputs come of one stream.
    factors: Vec<Option<i64>>,
    of_keys: Vec<Keys>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    All,
    Even,
    Odd,
}

impl Settings {
    /// Which input has a name.
    pub(super) fn input(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input == name)
    }

    /// Whether rows are joined within windows.
    pub(super) fn has_windows(&self) -> bool {
        self.specs.iter().any(|spec| matches!(spec.bounds, JoinBounds::Window(_)))
    }

    /// The rows of a batch, by input.
    pub(super) fn records(&self, batch: Value) -> Result<Vec<(usize, Vec<JoinRecord>)>, Stop> {
        let mut batch: Map<String, Value> = read(batch)?;
        let mut of_inputs = Vec::new();
        let shared: Option<Vec<JoinRecord>> = batch.remove("input").map(read).transpose()?;
        for (input, name) in self.inputs.iter().enumerate() {
            let mut records: Vec<JoinRecord> = match (&shared, batch.remove(name)) {
                (Some(shared), None) => shared.clone(),
                (None, Some(records)) => read(records)?,
                (None, None) => continue,
                (Some(_), Some(_)) => return Err(Stop::skip("has rows of all inputs together, and of one alone")),
            };
            let is_even = |record: &JoinRecord| record.key.as_i64().is_some_and(|key| key % 2 == 0);
            records.retain(|record| {
                self.of_keys[input] == Keys::All || (self.of_keys[input] == Keys::Even) == is_even(record)
            });
            for record in &mut records {
                if let (Some(factor), Some(key)) = (self.factors[input], record.key.as_i64()) {
                    record.value = Some(factor * key);
                }
            }
            of_inputs.push((input, records));
        }
        match batch.keys().next() {
            None => Ok(of_inputs),
            Some(other) => Err(Stop::skip(format!("has rows of {other:?}, which is no input"))),
        }
    }
}

/// The `join` of an `interval_join`.
pub(super) fn interval(join: Value) -> Result<Settings, Stop> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        #[serde(rename = "type")]
        join_type: Option<String>,
        lower: i64,
        lower_inclusive: bool,
        upper: i64,
        upper_inclusive: bool,
        rule: Option<String>,
    }
    let form: Form = read(join)?;
    let rule = "left.ts+lower <= right.ts <= left.ts+upper, same key";
    if form.rule.as_ref().is_some_and(|said| said != rule) {
        return Err(Stop::skip(format!("needs the rule {:?}", form.rule)));
    }
    let lower = form.lower + i64::from(!form.lower_inclusive);
    let upper = form.upper - i64::from(!form.upper_inclusive);
    let bounds = JoinBounds::Interval { lower: Some(lower), upper: Some(upper) };
    let inputs = ["left", "right"].map(str::to_owned).to_vec();
    let join_type = join_type(form.join_type.as_deref().unwrap_or("inner"))?;
    let pair = [("left".to_owned(), "key".to_owned()), ("right".to_owned(), "key".to_owned())];
    let specs = specs(&inputs, &[pair], bounds, join_type)?;
    Ok(Settings { inputs, specs, window: None, factors: vec![None; 2], of_keys: vec![Keys::All; 2] })
}

/// The `join` of a `stream_join`.
pub(super) fn settings(join: Value, ops: &[Map<String, Value>]) -> Result<Settings, Stop> {
    let mut fields: Map<String, Value> = read(join)?;
    let mut text = |name: &str| fields.remove(name).map(read::<String>).transpose();
    let join_type = join_type(&text("type")?.unwrap_or_else(|| "inner".to_owned()))?;
    let (on, condition, then) = (text("on")?.unwrap_or_default(), text("condition")?, text("then")?);
    let of_sides = [text("left")?, text("right")?];
    let values = [text("left_value")?, text("right_value")?];
    let values = match text("values")? {
        Some(values) => values.split(',').map(|value| Some(value.trim().to_owned())).collect(),
        None => values.to_vec(),
    };
    if let Some(other) = fields.keys().next() {
        return Err(Stop::skip(format!("not understood: {other:?} in join")));
    }
    let batches = ops.iter().filter_map(|op| op.get("batch").and_then(Value::as_object));
    let mut inputs: BTreeSet<String> = batches.flat_map(|batch| batch.keys().cloned()).collect();
    if inputs.remove("input") || inputs.len() < 2 {
        inputs.extend(["left", "right"].map(str::to_owned));
    }
    let inputs: Vec<String> = inputs.into_iter().collect();
    let mut bounds = Bounds::default();
    let mut pairs = Vec::new();
    for term in on.split(" and ").map(str::trim) {
        if let Some((kind, window)) = term.split_once(" window of ") {
            bounds.window = Some(window_of(kind, window)?);
        } else if term == "key" {
            let of = |input: usize| (inputs[input].clone(), "key".to_owned());
            pairs.extend((1..inputs.len()).map(|input| [of(input - 1), of(input)]));
        } else {
            let pair = pair(term, &inputs)?;
            if pair.iter().all(|(_, column)| column == "ts") {
                bounds.compare(term)?;
            }
            pairs.push(pair);
        }
    }
    for term in condition.iter().flat_map(|condition| condition.split(" and ")) {
        bounds.compare(term)?;
    }
    let factors = (0..inputs.len()).map(|input| factor(values.get(input).and_then(Option::as_deref)));
    let of_keys = (0..inputs.len()).map(|input| keys(of_sides.get(input).and_then(Option::as_deref)));
    Ok(Settings {
        factors: factors.collect::<Result<_, _>>()?,
        of_keys: of_keys.collect::<Result<_, _>>()?,
        specs: specs(&inputs, &pairs, bounds.bounds()?, join_type)?,
        window: then.as_deref().map(window_behind).transpose()?,
        inputs,
    })
}

fn join_type(name: &str) -> Result<JoinType, Stop> {
    let short = name.strip_suffix("_outer").unwrap_or(name);
    let short = short.strip_prefix("left_").unwrap_or(short);
    let found = JoinType::NAMES.iter().find(|(known, _)| *known == short);
    found.map(|(_, of)| *of).ok_or_else(|| Stop::skip(format!("needs a join of type {name:?}")))
}

/// `tumbling`, `10 s`; `sliding`, `10 s every 5 s`; `session`, `5 s`. The unit is that of the case.
fn window_of(kind: &str, text: &str) -> Result<WindowAssigner, Stop> {
    let numbers: Vec<i64> =
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    match (kind, numbers.as_slice()) {
        ("tumbling", [size]) => Ok(WindowAssigner::Tumbling { size: *size, offset: 0 }),
        ("sliding", [size, slide]) => Ok(WindowAssigner::Sliding { size: *size, slide: *slide, offset: 0 }),
        ("session", [gap]) => Ok(WindowAssigner::Session { gap: *gap }),
        _ => Err(Stop::skip(format!("not understood: a {kind} window of {text:?}"))),
    }
}

/// `2*key`
fn factor(value: Option<&str>) -> Result<Option<i64>, Stop> {
    let Some(value) = value else { return Ok(None) };
    let factor = value.strip_suffix("*key").and_then(|factor| factor.trim().parse().ok());
    factor.map(Some).ok_or_else(|| Stop::skip(format!("not understood: the value {value:?}")))
}

fn keys(of: Option<&str>) -> Result<Keys, Stop> {
    match of {
        None | Some("all rows") => Ok(Keys::All),
        Some("rows with even key") => Ok(Keys::Even),
        Some("rows with odd key") => Ok(Keys::Odd),
        Some(other) => Err(Stop::skip(format!("not understood: an input of {other:?}"))),
    }
}

/// `tumbling 5 s count(*), append`
fn window_behind(text: &str) -> Result<WindowSpec, Stop> {
    let unknown = || Stop::skip(format!("not understood: then {text:?}"));
    let words: Vec<&str> = text.strip_suffix(", append").unwrap_or(text).split_whitespace().collect();
    match words.as_slice() {
        ["tumbling", size, _, "count(*)"] => {
            let window = WindowAssigner::Tumbling { size: size.parse().map_err(|_| unknown())?, offset: 0 };
            spec_of(window, &[("value", "count(*)")])
        }
        _ => Err(unknown()),
    }
}

type Column = (String, String);

/// `a.key=b.key`
fn pair(text: &str, inputs: &[String]) -> Result<[Column; 2], Stop> {
    let column = |text: &str| {
        let (input, column) = text.trim().split_once('.')?;
        inputs.contains(&input.to_owned()).then(|| (input.to_owned(), column.to_owned()))
    };
    let sides = text.split_once('=').and_then(|(left, right)| Some([column(left)?, column(right)?]));
    sides.ok_or_else(|| Stop::skip(format!("not understood: on {text:?}")))
}

/// What conditions say of the right row's time minus the left one's.
#[derive(Default)]
struct Bounds {
    lower: Option<i64>,
    upper: Option<i64>,
    window: Option<WindowAssigner>,
}

impl Bounds {
    /// `left.ts <= right.ts <= left.ts+5`
    fn compare(&mut self, text: &str) -> Result<(), Stop> {
        let unknown = || Stop::skip(format!("not understood: the condition {text:?}"));
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (mut rest, mut before) = (compact.as_str(), None);
        loop {
            let end = rest.find(['<', '>', '=']).unwrap_or(rest.len());
            let (term, after) = rest.split_at(end);
            let term = Term::read(term).ok_or_else(unknown)?;
            if let Some((first, operator)) = before {
                self.hold(first, operator, term).ok_or_else(unknown)?;
            }
            let operators = ["<=", ">=", "<", ">", "="];
            let Some(operator) = operators.into_iter().find(|operator| after.starts_with(operator)) else {
                return if after.is_empty() { Ok(()) } else { Err(unknown()) };
            };
            before = Some((term, operator));
            rest = &after[operator.len()..];
        }
    }

    fn hold(&mut self, first: Term, operator: &'static str, second: Term) -> Option<()> {
        let (first, operator, second) = match operator {
            ">" => (second, "<", first),
            ">=" => (second, "<=", first),
            other => (first, other, second),
        };
        let strict = i64::from(operator == "<");
        let mut at_least = |first: Term, second: Term| match (first.is_right, second.is_right) {
            // left + a <= right + b
            (false, true) => {
                self.lower = self.lower.max(Some(first.plus - second.plus + strict));
                true
            }
            // right + a <= left + b
            (true, false) => {
                let upper = second.plus - first.plus - strict;
                self.upper = Some(self.upper.map_or(upper, |before| before.min(upper)));
                true
            }
            _ => false,
        };
        (at_least(first, second) && (operator != "=" || at_least(second, first))).then_some(())
    }

    fn bounds(self) -> Result<JoinBounds, Stop> {
        match (self.window, self.lower, self.upper) {
            (Some(window), None, None) => Ok(JoinBounds::Window(window)),
            (Some(_), ..) => Err(Stop::skip("joins within windows and within times")),
            (None, lower, upper) => Ok(JoinBounds::Interval { lower, upper }),
        }
    }
}

/// `left.ts`, `right.ts - 5`
#[derive(Clone, Copy)]
struct Term {
    is_right: bool,
    plus: i64,
}

impl Term {
    fn read(text: &str) -> Option<Self> {
        let (is_right, rest) = match (text.strip_prefix("left.ts"), text.strip_prefix("right.ts")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return None,
        };
        let plus = if rest.is_empty() { 0 } else { rest.parse().ok()? };
        Some(Self { is_right, plus })
    }
}

/// A join per input after the first, each with what the one before it gives on the left.
fn specs(
    inputs: &[String],
    pairs: &[[Column; 2]],
    bounds: JoinBounds,
    join_type: JoinType,
) -> Result<Vec<JoinSpec>, Stop> {
    let mut specs: Vec<JoinSpec> = Vec::new();
    for (at, name) in inputs.iter().enumerate().skip(1) {
        let left = specs.last().map_or_else(|| record_schema(&inputs[0]), |before| before.schema.clone());
        let right = record_schema(name);
        let mut keys = [Vec::new(), Vec::new()];
        for pair in pairs {
            // The side that names this input, and the one that names one before.
            let Some(of_right) = pair.iter().position(|(input, _)| input == name) else { continue };
            let (before, column) = &pair[1 - of_right];
            if inputs.iter().position(|input| input == before).is_some_and(|before| before < at) {
                let index =
                    |schema: &SchemaRef, name: String| schema.index_of(&name).map_err(|e| Stop::skip(e.to_string()));
                keys[0].push(index(&left, format!("{before}.{column}"))?);
                keys[1].push(index(&right, format!("{name}.{}", pair[of_right].1))?);
            }
        }
        if keys[0].is_empty() {
            return Err(Stop::skip(format!("joins {name:?} with no column")));
        }
        let [left_keys, right_keys] = keys;
        let of_sides = if join_type.is_left_alone() { vec![&left] } else { vec![&left, &right] };
        let mut columns = Vec::new();
        for (side, schema) in of_sides.iter().enumerate() {
            columns.extend((0..schema.fields().len()).map(|column| JoinColumn::Of { side, column }));
        }
        let mut fields: Vec<_> = of_sides.iter().flat_map(|schema| schema.fields().iter().cloned()).collect();
        if matches!(bounds, JoinBounds::Window(_)) {
            columns.extend([JoinColumn::WindowStart, JoinColumn::WindowEnd]);
            let bound = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            fields.extend([WINDOW_START, WINDOW_END].map(|name| Arc::new(Field::new(name, bound.clone(), false))));
        }
        let side = |input: SchemaRef, keys: Vec<usize>, side: usize| {
            let kept =
                if side == 1 && join_type.is_left_alone() { Vec::new() } else { (0..input.fields().len()).collect() };
            JoinSide { input, keys, kept, upsert_key: None, late_output: Some(side + 1) }
        };
        specs.push(JoinSpec {
            join_type,
            bounds,
            sides: [side(left, left_keys, 0), side(right, right_keys, 1)],
            are_inserts: true,
            columns,
            schema: Arc::new(Schema::new(fields)),
            key_groups: KEY_GROUPS_DEFAULT,
            result_rows_max: RESULT_ROWS_MAX,
            metrics: Arc::default(),
        });
    }
    Ok(specs)
}
