//! How a case is written: TOML or JSON. See docs/guide/testing.md.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::column_type::parse_type;

/// A row: column and value.
pub(crate) type Row = Map<String, Value>;

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    /// Of the operator, as in a pipeline.
    #[serde(default)]
    pub(crate) config: Row,
    /// Of the input, with their types.
    pub(crate) columns: Pairs,
    /// Of a keyed operator; of an aggregate, what its groups are of.
    #[serde(default)]
    pub(crate) key_by: Vec<String>,
    /// The column with the event time; without one rows have the time of the case's clock.
    pub(crate) event_time: Option<String>,
    /// Of an aggregate: the window, as in a pipeline; without one all rows of a key are one group.
    pub(crate) window: Option<Value>,
    /// What happens, in this order.
    #[serde(default)]
    pub(crate) steps: Vec<Step>,
    /// What comes out.
    #[serde(default)]
    pub(crate) expect: Expect,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    is_json: bool,
}

/// What happens to an operator.
#[derive(Debug)]
pub(crate) enum Step {
    /// These rows come in, as one batch.
    Rows(Vec<Row>),
    /// The watermark rises to a time.
    Watermark(Value),
    /// The clock shows a time.
    ProcessingTime(Value),
    /// Its state is kept, it is dropped, and another instance resumes.
    Restart,
    /// Nothing more comes in.
    End,
}

impl<'de> Deserialize<'de> for Step {
    /// A table with exactly one key; an unknown key is reported together with the known ones.
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Written {
            rows: Option<Vec<Row>>,
            watermark: Option<Value>,
            processing_time: Option<Value>,
            restart: Option<bool>,
            end: Option<bool>,
        }
        let one = || {
            serde::de::Error::custom("a step is one of rows, watermark, processing-time, restart = true, end = true")
        };
        match Written::deserialize(from)? {
            Written { rows: Some(rows), watermark: None, processing_time: None, restart: None, end: None } => {
                Ok(Self::Rows(rows))
            }
            Written { rows: None, watermark: Some(at), processing_time: None, restart: None, end: None } => {
                Ok(Self::Watermark(at))
            }
            Written { rows: None, watermark: None, processing_time: Some(at), restart: None, end: None } => {
                Ok(Self::ProcessingTime(at))
            }
            Written { rows: None, watermark: None, processing_time: None, restart: Some(true), end: None } => {
                Ok(Self::Restart)
            }
            Written { rows: None, watermark: None, processing_time: None, restart: None, end: Some(true) } => {
                Ok(Self::End)
            }
            Written { .. } => Err(one()),
        }
    }
}

/// What must come out. Of each list of rows, columns that none of them names are not compared.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Expect {
    /// By output; one that is not named has no rows.
    #[serde(default)]
    pub(crate) outputs: Map<String, Value>,
    /// Rows that the operator refused, with a column `error`.
    #[serde(default)]
    pub(crate) refused: Vec<Row>,
    /// The state of each key at the end; not compared if it is not here, as all that follow.
    pub(crate) state: Option<Vec<Row>>,
    /// The entries of its maps, by map.
    pub(crate) maps: Option<Map<String, Value>>,
    /// Timers of event time that wait at the end.
    pub(crate) timers: Option<Vec<Row>>,
    /// Those of processing time.
    pub(crate) processing_timers: Option<Vec<Row>>,
    /// The case ends with an error that has this text in it.
    pub(crate) error: Option<String>,
}

impl Expect {
    /// Whether nothing is expected yet.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { outputs, refused, state, maps, timers, processing_timers, error } = self;
        let lists = [state, timers, processing_timers].into_iter().all(Option::is_none);
        lists && outputs.is_empty() && refused.is_empty() && maps.is_none() && error.is_none()
    }
}

/// A table whose order counts.
#[derive(Debug)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> serde::de::Visitor<'de> for Visit {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("columns with their types, such as { price = \"int64\" }")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Visit)
    }
}

impl Case {
    /// Reads a file; its name says whether it is TOML or JSON.
    ///
    /// # Errors
    /// If it cannot be read, or is no case.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let case = if is_json { serde_json::from_str(&text).map_err(Into::into) } else { of_toml(&text) };
        let mut case: Self = case.with_context(|| format!("{shown} is no test case"))?;
        let Expect { error, state, maps, timers, processing_timers, .. } = &case.expect;
        let has_state = [state, timers, processing_timers].into_iter().any(Option::is_some) || maps.is_some();
        if error.is_some() && has_state {
            bail!("{shown}: an operator that fails keeps nothing: expect an error, or state, timers and maps");
        }
        (case.text, case.is_json) = (text, is_json);
        Ok(case)
    }

    /// The columns of its input.
    ///
    /// # Errors
    /// A type that there is not.
    pub(crate) fn schema(&self) -> anyhow::Result<SchemaRef> {
        let field = |(name, written): &(String, String)| {
            let parsed = parse_type(written).map_err(|reason| anyhow!("columns.{name}: {reason}"))?;
            Ok(Field::new(name, parsed, true))
        };
        let fields: Vec<Field> = self.columns.0.iter().map(field).collect::<anyhow::Result<_>>()?;
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Its columns and their types, as they are written.
    pub(crate) fn columns(&self) -> &[(String, String)] {
        &self.columns.0
    }

    /// The text of its file with other expectations, which stand at its end.
    ///
    /// # Errors
    /// If something else follows them.
    pub(crate) fn with_expected(&self, expect: &Map<String, Value>) -> anyhow::Result<String> {
        if self.is_json {
            let mut all: Map<String, Value> = serde_json::from_str(&self.text)?;
            all.insert("expect".to_owned(), Value::Object(expect.clone()));
            return Ok(serde_json::to_string_pretty(&all)? + "\n");
        }
        let of_expect = |line: &str| {
            let name = line.trim_start().trim_start_matches('[');
            name.starts_with("expect]") || name.starts_with("expect.")
        };
        let begins = self.text.split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        });
        let begin = begins.into_iter().find(|(_, line)| of_expect(line)).map_or(self.text.len(), |(start, _)| start);
        let before = &self.text[..begin];
        let blank = if before.is_empty() || before.ends_with("\n\n") { "" } else { "\n" };
        let text = format!("{before}{blank}{}", toml_of(expect));
        let without_expect = |text: &str| {
            let mut all: toml::Table = toml::from_str(text).ok()?;
            all.remove("expect");
            Some(all)
        };
        if without_expect(&text).is_none_or(|all| Some(all) != without_expect(&self.text)) {
            bail!("[expect] must be the last part of the file, so that the others can stay as they are");
        }
        Ok(text)
    }
}

/// TOML has times, which are text here, and numbers that JSON has not.
fn of_toml(text: &str) -> anyhow::Result<Case> {
    fn to_json(value: toml::Value) -> anyhow::Result<Value> {
        Ok(match value {
            toml::Value::String(text) => Value::String(text),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) if !number.is_finite() => {
                bail!("write nan and inf as text: \"NaN\", \"Infinity\", \"-Infinity\"")
            }
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(bool) => bool.into(),
            toml::Value::Datetime(time) => Value::String(time.to_string()),
            toml::Value::Array(items) => Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?),
            toml::Value::Table(table) => {
                let fields = table.into_iter().map(|(name, value)| Ok((name, to_json(value)?)));
                Value::Object(fields.collect::<anyhow::Result<_>>()?)
            }
        })
    }
    // Says where a mistake is, and knows the order of the columns.
    let read: Case = toml::from_str(text)?;
    let case: Case = serde_json::from_value(to_json(toml::Value::Table(toml::from_str(text)?))?)?;
    Ok(Case { columns: read.columns, ..case })
}

/// `[expect]` and its tables, a row a line.
fn toml_of(expect: &Map<String, Value>) -> String {
    let (tables, lists): (Vec<_>, Vec<_>) = expect.iter().partition(|(_, value)| value.is_object());
    let mut text = if lists.is_empty() { String::new() } else { "[expect]\n".to_owned() };
    let line = |(name, value): (&String, &Value)| format!("{} = {}\n", key(name), listed(value));
    text.extend(lists.into_iter().map(line));
    for (name, value) in tables {
        text += &format!("{}[expect.{}]\n", if text.is_empty() { "" } else { "\n" }, key(name));
        text.extend(value.as_object().into_iter().flatten().map(line));
    }
    text
}

fn listed(value: &Value) -> String {
    match value.as_array() {
        Some(rows) if !rows.is_empty() => {
            let rows: String = rows.iter().map(|row| format!("    {},\n", inline(row))).collect();
            format!("[\n{rows}]")
        }
        _ => inline(value),
    }
}

/// A value in one line; a null has no TOML, and a column that is left out is null.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields: Vec<String> =
                fields.map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            if fields.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", fields.join(", ")) }
        }
        // Beyond what TOML holds, as it may be written in JSON too.
        Value::Number(number) if number.as_i64().is_none() && number.is_u64() => format!("\"{number}\""),
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        other => other.to_string(),
    }
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_bare { name.to_owned() } else { toml::Value::String(name.to_owned()).to_string() }
}

/// Microseconds since the epoch: a number of them, or a time as text.
///
/// # Errors
/// What is neither.
pub(crate) fn time(value: &Value) -> anyhow::Result<i64> {
    if let Some(number) = value.as_i64() {
        return Ok(number);
    }
    let schema: SchemaRef =
        Arc::new(Schema::new(vec![Field::new("time", parse_type("timestamp").map_err(|e| anyhow!(e))?, true)]));
    let row = Row::from_iter([("time".to_owned(), value.clone())]);
    let rows = weir_connectors::json_rows::from_json(&schema, &[row]).map_err(|error| anyhow!(error.reason))?;
    let times = arrow::array::AsArray::as_primitive::<arrow::datatypes::TimestampMicrosecondType>(rows.column(0));
    arrow::array::Array::is_valid(times, 0).then(|| times.value(0)).context("no time is given")
}
