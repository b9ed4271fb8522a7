//! [`NodeColumns`]: which columns of a step are there once those that no later step reads are dropped.

use weir_core::graph::OnError;

/// The columns of a step that are really there, as indices into its full schemas.
#[derive(Clone, Debug, Default)]
pub struct NodeColumns {
    /// Per port, those that come in, in their order.
    pub inputs: Vec<Vec<usize>>,
    /// Per output, the columns that a later step reads; `None`: no step reads the output.
    pub outputs: Vec<Option<Vec<usize>>>,
}

impl NodeColumns {
    /// Where a column of a port's full schema is among those that come in.
    #[must_use]
    pub fn position(&self, port: usize, column: usize) -> Option<usize> {
        self.inputs.get(port)?.iter().position(|c| *c == column)
    }

    /// The same of several columns.
    #[must_use]
    pub fn positions(&self, port: usize, columns: &[usize]) -> Vec<usize> {
        columns.iter().filter_map(|column| self.position(port, *column)).collect()
    }

    /// What happens to rows that fail: if their output is not read, they are counted and dropped.
    #[must_use]
    pub fn on_error(&self, asked: OnError, dead_letters: usize) -> OnError {
        match asked {
            OnError::DeadLetter if !self.is_read(dead_letters) => OnError::Skip,
            OnError::DeadLetter | OnError::Skip | OnError::Fail => asked,
        }
    }

    /// Whether anybody reads an output.
    #[must_use]
    pub fn is_read(&self, output: usize) -> bool {
        self.outputs.get(output).is_some_and(Option::is_some)
    }
}
