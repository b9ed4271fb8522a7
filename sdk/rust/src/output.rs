//! What an output of an operator is, for an input: the columns that it keeps and those that it computes.

use std::ops::Range;

use crate::column;
use crate::row::{Keep, Row};
use crate::schema::Schema;
use crate::wire::{ChangelogMode, Field, KeptColumn, Node, Output, OutputColumn};

/// What one output is, for an input.
#[derive(Clone, Debug)]
pub struct OutputPlan {
    pub(crate) output: Output,
    /// The arrays of the computed columns in the order of the output, if it is not that of the fields.
    order: Option<Vec<Range<usize>>>,
}

impl OutputPlan {
    /// The output with this name that `R` makes of an input.
    ///
    /// # Errors
    /// If a kept column is not in the input.
    pub fn of<R: Row>(name: &str, input: &Schema<'_>) -> Result<Self, String> {
        let mut schema = Vec::new();
        R::schema(&mut schema);
        let mut computed = Computed::new(&schema);
        let mut columns = Vec::new();
        for (index, to) in kept::<R>(name, input)? {
            let from = input.columns().get(index).map_or("", |c| c.name());
            columns.push(computed.take(&to).unwrap_or_else(|| {
                let new_name = (from != to).then(|| to.clone());
                OutputColumn::Kept(KeptColumn { input: 0, column: index as u32, name: new_name })
            }));
        }
        while let Some(next) = computed.take_next() {
            columns.push(next);
        }
        Ok(Self {
            output: Output { name: name.to_owned(), columns, changelog: ChangelogMode::InsertOnly },
            order: computed.into_order(),
        })
    }

    /// The computed columns (nodes) in the order of the output instead of that of the fields.
    pub(crate) fn in_order(&self, mut nodes: Vec<Node>) -> Vec<Node> {
        let Some(order) = &self.order else { return nodes };
        let mut ordered = Vec::with_capacity(nodes.len());
        for range in order {
            ordered.extend(nodes.get_mut(range.clone()).unwrap_or_default().iter_mut().map(std::mem::take));
        }
        ordered
    }
}

/// The kept columns: index in the input and name in the output.
fn kept<R: Row>(output: &str, input: &Schema<'_>) -> Result<Vec<(usize, String)>, String> {
    match R::KEEP {
        Keep::None => Ok(Vec::new()),
        Keep::All => Ok(input.names().iter().map(|name| (*name).to_owned()).enumerate().collect()),
        Keep::Columns(list) => list
            .iter()
            .map(|(from, to)| match input.index_of(from) {
                Some(index) => Ok((index, (*to).to_owned())),
                None => Err(format!(
                    "there is no column {from:?}, which output {output:?} keeps; the input has {}",
                    input.listing()
                )),
            })
            .collect(),
    }
}

/// Computed columns that are still to be placed.
struct Computed<'a> {
    /// Name, schema, and place among the arrays; `None` once placed.
    columns: Vec<Option<(&'a [Field], Range<usize>)>>,
    order: Vec<Range<usize>>,
}

impl<'a> Computed<'a> {
    fn new(schema: &'a [Field]) -> Self {
        let mut start = 0;
        let with_range = |c: column::ColumnRef<'a>| {
            let range = start..start + c.fields.len();
            start = range.end;
            Some((c.fields, range))
        };
        Self { columns: column::columns(schema, &[]).into_iter().map(with_range).collect(), order: Vec::new() }
    }

    fn take(&mut self, name: &str) -> Option<OutputColumn> {
        let has_name =
            |c: &Option<(&[Field], _)>| c.as_ref().is_some_and(|(f, _)| f.first().is_some_and(|f| f.name == name));
        let at = self.columns.iter().position(has_name)?;
        self.place(at)
    }

    fn take_next(&mut self) -> Option<OutputColumn> {
        let at = self.columns.iter().position(Option::is_some)?;
        self.place(at)
    }

    fn place(&mut self, at: usize) -> Option<OutputColumn> {
        let (fields, range) = self.columns.get_mut(at)?.take()?;
        self.order.push(range);
        Some(OutputColumn::Computed(fields.to_vec()))
    }

    fn into_order(self) -> Option<Vec<Range<usize>>> {
        let ascending = self.order.windows(2).all(|pair| pair[0].start < pair[1].start);
        (!ascending).then_some(self.order)
    }
}
