//! `[changelogs.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use weir_core::changelog::{ChangelogEncoding, ROW_KIND};
use weir_core::column_type::type_name;
use weir_core::graph::{ChangelogNode, DEAD_LETTER_OUTPUT, MAIN_OUTPUT, Node, NodeKind, OnError};

use super::{ChangelogOperator, Image};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::dead_letter::{DeadLetters, Letters, with_error_column};
use crate::plan::error::{CheckError, CheckErrors, key_column};
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode,
    PortInput, StepKind,
};

/// The section `changelogs`.
pub(crate) struct ChangelogKind;

struct ChangelogStep {
    encoding: ChangelogEncoding,
    on_error: OnError,
    /// The column that says what a row does.
    what: usize,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
}

const DEAD_LETTERS: usize = 1;
/// The columns of an envelope with the row as it was, and as it is.
const IMAGES: [&str; 2] = ["before", "after"];

impl StepKind for ChangelogKind {
    fn section(&self) -> &'static str {
        "changelogs"
    }

    fn plan(&self, _: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Changelog(spec), [input]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "a changelog has one input").into());
        };
        let ChangelogNode { format, key, on_error } = spec;
        let refuse = |message: String| CheckError::at(&format.span, message);
        let named = |name: &str| input.schema.index_of(name).ok();
        let (what, columns) = match format.value {
            ChangelogEncoding::Kinds => {
                let others = input.schema.fields().iter().filter(|field| field.name() != ROW_KIND);
                (ROW_KIND, Ok(others.cloned().collect::<Vec<FieldRef>>()))
            }
            ChangelogEncoding::Debezium => ("op", row_of(&input.schema)),
        };
        let columns = columns.map_err(refuse)?;
        let text = |column: &usize| input.schema.field(*column).data_type() == &DataType::Utf8;
        let Some(what) = named(what).filter(text) else {
            return Err(refuse(format!("its input needs a column {what:?} of type utf8")).into());
        };
        let schema = Arc::new(Schema::new(columns));
        let key = match key {
            Some(key) => Some(CheckErrors::all(key.iter().map(|name| key_column(&schema, name)))?),
            None => None,
        };
        let changelog = ChangelogMode::Retract;
        let main = OutputPort { changelog, key, ..OutputPort::new(MAIN_OUTPUT, schema, OutputRole::Made) };
        let letters = with_error_column(&input.schema, Letters::OfRows);
        let letters = OutputPort::new(DEAD_LETTER_OUTPUT, letters, OutputRole::WholeRows);
        Ok(Arc::new(ChangelogStep {
            encoding: format.value,
            on_error: *on_error,
            what,
            inputs: vec![InputPort::only(input.schema.clone(), Distribution::Any)],
            outputs: vec![main, letters],
            parallelism: input.parallelism,
        }))
    }
}

/// The columns of the row in an envelope: those that both images have alike.
fn row_of(input: &Schema) -> Result<Vec<FieldRef>, String> {
    let [before, after] = IMAGES.map(|name| fields_of(input, name));
    let (before, after) = (before?, after?);
    let differs = |field: &&FieldRef| {
        before.iter().find(|other| other.name() == field.name()).map(|other| other.data_type())
            != Some(field.data_type())
    };
    if let Some(field) = after.iter().find(differs).or_else(|| before.iter().find(|f| after.find(f.name()).is_none())) {
        return Err(format!(
            "before and after must have the same columns, and {:?} is not in both with the same type: give the source a schema",
            field.name()
        ));
    }
    let nullable = |field: &FieldRef| Arc::new(Field::clone(field).with_nullable(true));
    Ok(after.iter().map(nullable).collect())
}

fn fields_of<'s>(input: &'s Schema, name: &str) -> Result<&'s Fields, String> {
    match input.field_with_name(name).map(Field::data_type) {
        Ok(DataType::Struct(fields)) => Ok(fields),
        Ok(other) => {
            Err(format!("the column {name:?} must be a struct, and is {}: give the source a schema", type_name(other)))
        }
        Err(_) => Err(format!(
            "its input needs the columns before, after and op, and has no {name:?}: give the source a schema"
        )),
    }
}

impl PlanNode for ChangelogStep {
    fn kind(&self) -> &'static str {
        "changelog"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.outputs
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let input = &self.inputs[0].schema;
        let place = |name: &str| input.index_of(name).ok();
        let mut needed: BTreeSet<usize> = match self.encoding {
            ChangelogEncoding::Debezium => IMAGES.iter().filter_map(|name| place(name)).collect(),
            ChangelogEncoding::Kinds => {
                let read = read.first().into_iter().flatten().flatten();
                read.filter_map(|column| place(self.outputs[0].schema.field(*column).name())).collect()
            }
        };
        needed.insert(self.what);
        vec![needed.into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let schema = self.outputs[0].schema.project(&read).map_err(OperatorError::from)?;
        let input = &self.inputs[0].schema;
        let place = |name: &str| cx.columns.position(0, input.index_of(name).ok()?);
        let images = match self.encoding {
            ChangelogEncoding::Kinds => {
                vec![Image::Columns(schema.fields().iter().filter_map(|field| place(field.name())).collect())]
            }
            ChangelogEncoding::Debezium => {
                let image = |name: &&str| {
                    let fields = fields_of(input, name).ok()?;
                    let fields =
                        schema.fields().iter().filter_map(|field| Some(fields.find(field.name())?.0)).collect();
                    Some(Image::Fields { of: place(name)?, fields })
                };
                IMAGES.iter().filter_map(image).collect()
            }
        };
        let on_error = cx.columns.on_error(self.on_error, DEAD_LETTERS);
        Ok(Some(Box::new(ChangelogOperator {
            encoding: self.encoding,
            what: cx.columns.position(0, self.what).unwrap_or_default(),
            images,
            schema: Arc::new(schema),
            dead_letters: DeadLetters::new(on_error, DEAD_LETTERS, cx.metrics.clone(), Letters::OfRows),
        })))
    }
}
