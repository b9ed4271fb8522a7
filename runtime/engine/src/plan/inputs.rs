//! What the nodes of a graph read: the outputs that their inputs name, and the columns of several inputs together.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_core::graph::Node;
use weir_core::pipeline::did_you_mean;

use super::resolve::error;
use crate::plan::resolve::{CheckError, ResolvedNode};

/// (node, output) pairs, and the columns of all of them; a source has none.
pub(super) type Inputs = (Vec<(usize, usize)>, Option<SchemaRef>);

/// The (node, output) pairs that a node reads, and its columns; `None`: a node that it reads is wrong.
pub(super) fn inputs_of(node: &Node, nodes: &[Option<ResolvedNode>]) -> Result<Option<Inputs>, CheckError> {
    let mut inputs = Vec::with_capacity(node.inputs.len());
    let mut schemas = Vec::with_capacity(node.inputs.len());
    for input in &node.inputs {
        let Some(from) = nodes.get(input.node) else {
            return Err(error(&input.span, "an input must come before the step that reads it"));
        };
        let Some(from) = from else { return Ok(None) };
        let Some(output) = from.outputs.iter().position(|(name, _)| *name == input.output) else {
            let known: Vec<&str> = from.outputs.iter().map(|(name, _)| name.as_str()).collect();
            return Err(error(
                &input.span,
                format!(
                    "{:?} has no output named {:?}{}; it has {}",
                    from.name,
                    input.output,
                    did_you_mean(&input.output, &known),
                    known.join(", ")
                ),
            ));
        };
        inputs.push((input.node, output));
        schemas.push(&from.outputs[output].1);
    }
    Ok(Some((inputs, united(node, &schemas)?)))
}

/// The columns of several inputs together: the same names and types in the same order; nullable where one is.
fn united(node: &Node, schemas: &[&SchemaRef]) -> Result<Option<SchemaRef>, CheckError> {
    let Some((first, others)) = schemas.split_first() else { return Ok(None) };
    let mut fields: Vec<Field> = first.fields().iter().map(|f| f.as_ref().clone()).collect();
    for (position, schema) in others.iter().enumerate() {
        let same = schema.fields().len() == fields.len()
            && schema.fields().iter().zip(&fields).all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type());
        if !same {
            return Err(error(
                &node.inputs[position + 1].span,
                format!(
                    "the inputs of {:?} have different columns: {} and {}",
                    node.name,
                    columns_text(first),
                    columns_text(schema)
                ),
            ));
        }
        for (field, other) in fields.iter_mut().zip(schema.fields()) {
            field.set_nullable(field.is_nullable() || other.is_nullable());
        }
    }
    Ok(Some(Arc::new(Schema::new(fields))))
}
