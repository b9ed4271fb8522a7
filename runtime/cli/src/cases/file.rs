//! How a case is written: TOML or JSON. See docs/guide/testing.md.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::Deserialize;
use serde_json::{Map, Value};
use weir_core::column_type::parse_type;

use super::toml_text;

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
    /// Of a keyed operator: what another version of it has left.
    pub(crate) state_before: Option<StateBefore>,
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

/// The states that a version of an operator has left.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StateBefore {
    /// Of its layout.
    pub(crate) version: u32,
    /// Of the state, with their types; those of the key come before them.
    columns: Pairs,
    /// One for each key.
    pub(crate) rows: Vec<Row>,
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

impl Pairs {
    fn fields(&self, table: &str) -> anyhow::Result<Vec<Field>> {
        let field = |(name, written): &(String, String)| {
            let parsed = parse_type(written).map_err(|reason| anyhow!("{table}.{name}: {reason}"))?;
            Ok(Field::new(name, parsed, true))
        };
        self.0.iter().map(field).collect()
    }
}

impl Case {
    /// Reads a file; its name says whether it is TOML or JSON.
    ///
    /// # Errors
    /// If it cannot be read, or is no case.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        Self::parse(&shown, text, path.extension().is_some_and(|extension| extension == "json"))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// If it is no case.
    pub(crate) fn parse(shown: &str, text: String, is_json: bool) -> anyhow::Result<Self> {
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
        Ok(Arc::new(Schema::new(self.columns.fields("columns")?)))
    }

    /// The columns of the state that was left before: those of the key, then its own.
    ///
    /// # Errors
    /// A type that there is not, or a key that is no column.
    pub(crate) fn schema_before(&self, before: &StateBefore) -> anyhow::Result<SchemaRef> {
        let columns = self.schema()?;
        let key = |name: &String| {
            Ok(columns.field_with_name(name).map_err(|_| anyhow!("key-by: there is no column {name:?}"))?.clone())
        };
        let mut fields = self.key_by.iter().map(key).collect::<anyhow::Result<Vec<_>>>()?;
        fields.extend(before.columns.fields("state-before.columns")?);
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
        let text = format!("{before}{blank}{}", toml_text::of_expect(expect));
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

fn of_toml(text: &str) -> anyhow::Result<Case> {
    // Says where a mistake is, and knows the order of the columns.
    let read: Case = toml::from_str(text)?;
    let case: Case = serde_json::from_value(toml_text::to_json(text)?)?;
    Ok(Case {
        columns: read.columns,
        state_before: read
            .state_before
            .map(|before| StateBefore { rows: case.state_before.map_or(Vec::new(), |of| of.rows), ..before }),
        ..case
    })
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
