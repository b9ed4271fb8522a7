//! Calls of functions, also in the forms that SQL has for some of them: `extract(hour from t)`, `substring(text from 2 for 3)`.

use std::ops::Range;

use arrow::datatypes::DataType;
use sqlparser::ast::{
    CeilFloorKind, DateTimeField, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned as _, TrimWhereField,
};
use weir_core::names::did_you_mean;

use super::{Checker, Result, literals, union};
use crate::error::ExpressionError;
use crate::functions::{Bind, BindError, Given, find, names};
use crate::node::{Node, Op};

/// What belongs into a window.
const AGGREGATES: [&str; 8] = ["count", "sum", "avg", "min", "max", "first", "last", "stddev"];
/// What would depend on when it is asked.
const CLOCKS: [&str; 5] = ["now", "current_timestamp", "current_date", "current_time", "localtimestamp"];

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        let text = |text: &str| {
            let value = sqlparser::ast::Value::SingleQuotedString(text.to_owned());
            literals::value(&value, within.clone())
        };
        match expr {
            Expr::Extract { field, expr, .. } => {
                let field = match field {
                    DateTimeField::Custom(name) => name.value.clone(),
                    field => field.to_string(),
                };
                let arguments = vec![text(&field.to_ascii_lowercase())?, self.node(expr, within)?];
                self.function("date_part", arguments, None, within)
            }
            Expr::Ceil { expr: of, field } | Expr::Floor { expr: of, field } => {
                let name = if matches!(expr, Expr::Ceil { .. }) { "ceil" } else { "floor" };
                let of = self.node(of, within)?;
                match field {
                    CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {
                        self.function(name, vec![of], None, within)
                    }
                    CeilFloorKind::DateTimeField(_) => {
                        Err(ExpressionError::new(&of.range, "write date_trunc('hour', time) to truncate a time"))
                    }
                    CeilFloorKind::Scale(_) => {
                        Err(ExpressionError::new(&of.range, format!("{name} makes a whole number and takes no digits")))
                    }
                }
            }
            Expr::Position { expr: part, r#in: of } => {
                let arguments = vec![self.node(of, within)?, self.node(part, within)?];
                self.function("strpos", arguments, None, within)
            }
            Expr::Substring { expr: of, substring_from, substring_for, .. } => {
                let mut arguments = vec![self.node(of, within)?];
                match substring_from {
                    Some(from) => arguments.push(self.node(from, within)?),
                    None => arguments.push(literals::number("1", within.clone())?),
                }
                if let Some(length) = substring_for {
                    arguments.push(self.node(length, within)?);
                }
                self.function("substring", arguments, None, within)
            }
            Expr::Trim { expr: of, trim_where, trim_what, trim_characters } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                let mut arguments = vec![self.node(of, within)?];
                for characters in trim_what.iter().map(|what| &**what).chain(trim_characters.iter().flatten()) {
                    arguments.push(self.node(characters, within)?);
                }
                self.function(name, arguments, None, within)
            }
            Expr::Function(function) => {
                let [name] = function.name.0.as_slice() else {
                    return Err(ExpressionError::new(within, "the name of a function is one word"));
                };
                let span = self.places.range(name.span(), within);
                let refuse = |message: &str| Err(ExpressionError::new(&span, message));
                let name = name.as_ident().map(|name| name.value.to_ascii_lowercase()).unwrap_or_default();
                if function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty() {
                    return refuse("functions over several rows belong in a window: [windows.NAME]");
                }
                let list = match &function.args {
                    FunctionArguments::List(list) if list.duplicate_treatment.is_none() && list.clauses.is_empty() => {
                        &list.args[..]
                    }
                    FunctionArguments::None => &[],
                    _ => return refuse("a function takes values, one after the other"),
                };
                let mut arguments = Vec::with_capacity(list.len());
                for argument in list {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(self.node(expr, within)?),
                        _ if AGGREGATES.contains(&name.as_str()) => {}
                        _ => return refuse("the arguments of a function are values, without names"),
                    }
                }
                self.function(&name, arguments, Some(&span), within)
            }
            _ => Err(self.unknown(expr, within)),
        }
    }

    /// A call of the function with this name; `named`: where the text has it.
    pub(super) fn function(
        &self,
        name: &str,
        arguments: Vec<Node>,
        named: Option<&Range<usize>>,
        within: &Range<usize>,
    ) -> Result<Node> {
        let of_arguments = arguments.iter().map(|node| node.range.clone()).reduce(|a, b| union(&a, &b));
        let range = match (named, of_arguments) {
            (Some(named), Some(arguments)) => self.closed(union(named, &arguments)),
            (Some(named), None) => named.clone(),
            (None, Some(arguments)) if !arguments.is_empty() => arguments,
            (None, _) => within.clone(),
        };
        let place = named.unwrap_or(&range);
        let Some(function) = find(name) else {
            let hint = match name {
                name if AGGREGATES.contains(&name) => {
                    ": it works on many rows, and belongs in a window: [windows.NAME]".to_owned()
                }
                name if CLOCKS.contains(&name) => {
                    ": an expression has no clock, so that its result is always the same".to_owned()
                }
                name => did_you_mean(name, &names()),
            };
            let list = if hint.is_empty() { "; docs/guide/expressions.md lists them" } else { "" };
            return Err(ExpressionError::new(place, format!("there is no function {name:?}{hint}{list}")));
        };
        if !function.arity.contains(&arguments.len()) {
            let (got, form) = (arguments.len(), function.form());
            return Err(ExpressionError::new(place, format!("{form} does not take {got} arguments")));
        }
        match function.bind {
            Bind::Coalesce => {
                let arguments = self.unify(arguments, "choosing between")?;
                let data_type = arguments.first().map_or(DataType::Null, |first| first.data_type.clone());
                Ok(Node::new(Op::Coalesce(arguments), data_type, range))
            }
            Bind::NullIf => self.null_if(arguments, range),
            Bind::Same(bind) => {
                let arguments = self.unify(arguments, "choosing between")?;
                let data_type = arguments.first().map_or(DataType::Null, |first| first.data_type.clone());
                if data_type.is_nested() {
                    return Err(ExpressionError::new(&range, "values of structs and lists have no order"));
                }
                Ok(Node::new(Op::Call(bind(), arguments), data_type, range))
            }
            Bind::Call(bind) => {
                let given: Vec<Given<'_>> = arguments
                    .iter()
                    .map(|node| Given { data_type: &node.data_type, constant: node.constant() })
                    .collect();
                let bound = bind(&given).map_err(|error| {
                    let BindError { argument, message } = error;
                    let place = argument.and_then(|index| Some(&arguments.get(index)?.range)).unwrap_or(&range);
                    ExpressionError::new(place, message)
                })?;
                let pairs = arguments.into_iter().zip(&bound.takes);
                let arguments = pairs.map(|(node, takes)| self.coerce(node, takes)).collect::<Result<Vec<_>>>()?;
                Ok(Node::new(Op::Call(bound.kernel, arguments), bound.makes, range))
            }
        }
    }

    /// The first value, or null where it is equal to the second.
    fn null_if(&self, arguments: Vec<Node>, range: Range<usize>) -> Result<Node> {
        let [first, other] =
            <[Node; 2]>::try_from(arguments).map_err(|_| ExpressionError::new(&range, "nullif takes two values"))?;
        let compared_as = self.common_type(&[&first, &other], "comparing")?;
        let other = self.coerce(other, &compared_as)?;
        let data_type = first.data_type.clone();
        Ok(Node::new(Op::NullIf { of: Box::new(first), other: Box::new(other), compared_as }, data_type, range))
    }

    /// A call's place up to its closing parenthesis, if that is what follows.
    fn closed(&self, range: Range<usize>) -> Range<usize> {
        let rest = self.text.get(range.end..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        let end = if rest.trim_start().starts_with(')') { range.end + blank + 1 } else { range.end };
        range.start..end
    }
}
