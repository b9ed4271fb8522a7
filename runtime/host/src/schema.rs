//! Schemas in pre-order, as they cross the boundary: each root is followed by its children.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use crate::abi::{PointerPair, from_guest};
use crate::format::{SUPPORTED, data_type_of, format_of};
use crate::limits::{NAME_BYTES_MAX, SCHEMA_DEPTH_MAX, SCHEMA_NODES_MAX};

/// One node of a schema on its way to a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) format: Cow<'static, str>,
    pub(crate) nullable: bool,
    pub(crate) children: u32,
}

/// A schema's nodes in pre-order.
///
/// # Errors
/// Which column a guest cannot read, and what to do.
pub(crate) fn flatten(fields: &Fields) -> Result<Vec<Node>, String> {
    let mut nodes = Vec::with_capacity(fields.len());
    for field in fields {
        push(field, SCHEMA_DEPTH_MAX, &mut nodes).map_err(|message| format!("column {:?}: {message}", field.name()))?;
    }
    if nodes.len() > SCHEMA_NODES_MAX {
        return Err(format!("it has {} columns, nested ones counted; operators take {SCHEMA_NODES_MAX}", nodes.len()));
    }
    Ok(nodes)
}

fn push(field: &Field, depth: usize, nodes: &mut Vec<Node>) -> Result<(), String> {
    if depth == 0 {
        return Err(format!("it nests deeper than {SCHEMA_DEPTH_MAX} levels"));
    }
    let format = format_of(field.data_type()).ok_or_else(|| {
        format!("operators cannot read the type {}; convert it to one of {SUPPORTED}", field.data_type())
    })?;
    let children: &[FieldRef] = match field.data_type() {
        DataType::List(item) => std::slice::from_ref(item),
        DataType::Struct(fields) => fields,
        _ => &[],
    };
    nodes.push(Node {
        name: field.name().clone(),
        format,
        nullable: field.is_nullable(),
        children: u32::try_from(children.len()).unwrap_or(u32::MAX),
    });
    children.iter().try_for_each(|child| push(child, depth - 1, nodes))
}

/// The fields of a schema that a guest gave, checked.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn unflatten(nodes: Vec<from_guest::Field>) -> Result<Fields, String> {
    if nodes.len() > SCHEMA_NODES_MAX {
        return Err(format!("a schema of {} nodes; at most {SCHEMA_NODES_MAX} are taken", nodes.len()));
    }
    let mut nodes = nodes.into_iter();
    let mut fields = Vec::new();
    while let Some(root) = nodes.next() {
        fields.push(build(root, SCHEMA_DEPTH_MAX, &mut nodes)?);
    }
    Ok(fields.into())
}

fn build(
    node: from_guest::Field,
    depth: usize,
    nodes: &mut std::vec::IntoIter<from_guest::Field>,
) -> Result<FieldRef, String> {
    let from_guest::Field { name: PointerPair(name), format: PointerPair(format), nullable, children } = node;
    check_name(&name)?;
    if depth == 0 {
        return Err(format!("the column {name:?} nests deeper than {SCHEMA_DEPTH_MAX} levels"));
    }
    // The capacity is not taken from the guest's word.
    let mut fields = Vec::new();
    for _ in 0..children {
        let child =
            nodes.next().ok_or_else(|| format!("the column {name:?} says {children} children; some are missing"))?;
        fields.push(build(child, depth - 1, nodes)?);
    }
    let data_type = data_type_of(&format, fields).map_err(|message| format!("the column {name:?}: {message}"))?;
    Ok(Arc::new(Field::new(name, data_type, nullable)))
}

/// Names go into files, logs and other people's terminals.
///
/// # Errors
/// If a name is empty, too long or holds control characters.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a name is empty".into());
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name of {} bytes; at most {NAME_BYTES_MAX} are taken", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the name {name:?} holds control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, format: &str, children: u32) -> from_guest::Field {
        from_guest::Field { name: name.into(), format: format.into(), nullable: true, children }
    }

    #[test]
    fn nested_schemas_round_trip() {
        let item = Field::new("item", DataType::Struct(vec![Field::new("x", DataType::Utf8, false)].into()), true);
        let fields: Fields = vec![
            Field::new("a", DataType::Int64, false),
            Field::new("b", DataType::List(Arc::new(item)), true),
            Field::new("c", DataType::Boolean, true),
        ]
        .into();
        let nodes = flatten(&fields).unwrap();
        assert_eq!(nodes.iter().map(|n| n.children).collect::<Vec<_>>(), [0, 1, 1, 0, 0]);
        let back = nodes.into_iter().map(|n| from_guest::Field {
            name: PointerPair(n.name),
            format: PointerPair(n.format.into_owned()),
            nullable: n.nullable,
            children: n.children,
        });
        assert_eq!(unflatten(back.collect()).unwrap(), fields);
    }

    #[test]
    fn wrong_schemas_are_refused() {
        let deep = (0..=SCHEMA_DEPTH_MAX).map(|_| node("item", "+l", 1)).chain([node("x", "l", 0)]);
        for (nodes, says) in [
            (vec![node("a", "+s", 2), node("b", "l", 0)], "missing"),
            (vec![node("a", "+s", u32::MAX)], "missing"),
            (vec![node("a", "l", 1), node("b", "l", 0)], "no children"),
            (vec![node("", "l", 0)], "empty"),
            (vec![node("a\n", "l", 0)], "control"),
            (vec![node("a", "dictionary", 0)], "none that Weir carries"),
            (deep.collect(), "deeper"),
            (vec![node("a", "l", 0); SCHEMA_NODES_MAX + 1], "nodes"),
        ] {
            let error = unflatten(nodes).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn unreadable_inputs_are_named() {
        let fields: Fields = vec![Field::new("t", DataType::LargeUtf8, true)].into();
        let error = flatten(&fields).unwrap_err();
        assert!(error.contains("\"t\"") && error.contains("LargeUtf8"), "{error}");
    }
}
