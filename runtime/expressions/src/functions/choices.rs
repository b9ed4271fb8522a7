//! Functions that choose one of their arguments.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::kernels::boolean::is_null;
use arrow::compute::kernels::zip::zip;
use arrow::compute::or;

use super::{Bind, Function};
use crate::compare::{compare, is_true};
use crate::evaluation_error::EvaluationError;
use crate::node::{Comparison, Kernel};
use crate::value::Value;

pub(super) const FUNCTIONS: [Function; 4] = [
    Function {
        name: "coalesce",
        arguments: "value, ...",
        meaning: "the first value that is not null",
        example: "coalesce(null, 'a', 'b')",
        result: "a",
        arity: 1..=100,
        bind: Bind::Coalesce,
    },
    Function {
        name: "nullif",
        arguments: "value, other",
        meaning: "null if both are equal, otherwise the first",
        example: "nullif('-', '-')",
        result: "null",
        arity: 2..=2,
        bind: Bind::NullIf,
    },
    Function {
        name: "greatest",
        arguments: "value, ...",
        meaning: "the greatest value that is not null",
        example: "greatest(3, null, 7)",
        result: "7",
        arity: 1..=100,
        bind: Bind::Same(|| extreme(Comparison::Greater)),
    },
    Function {
        name: "least",
        arguments: "value, ...",
        meaning: "the least value that is not null",
        example: "least('b', 'a')",
        result: "a",
        arity: 1..=100,
        bind: Bind::Same(|| extreme(Comparison::Less)),
    },
];

/// The value that is before all others.
fn extreme(before: Comparison) -> Kernel {
    Kernel::new(move |of, _| {
        let mut values = of.values.iter();
        let first = values.next().cloned().ok_or(EvaluationError::Column)?;
        let mut best: ArrayRef = first.into_column(of.rows)?;
        for value in values {
            let other = value.clone().into_column(of.rows)?;
            let is_better = compare(before, &Value::Column(Arc::clone(&other)), &Value::Column(Arc::clone(&best)))?;
            // A comparison with null is null, which is no reason to change.
            let is_better = is_true(&is_better);
            let is_first = BooleanArray::new(is_null(&best)?.values() & &!is_null(&other)?.values(), None);
            best = zip(&or(&is_better, &is_first)?, &other, &best)?;
        }
        Ok(best)
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, table};

    #[test]
    fn choices_ignore_nulls() {
        check(
            &table("a int64, b int64", &["1,2", "2,1", ",3", "4,", ","]),
            &[
                ("greatest(a, b)", "2 2 3 4 null"),
                ("least(a, b)", "1 1 3 4 null"),
                ("coalesce(a, b, 0)", "1 2 3 4 0"),
                ("coalesce(null, b)", "2 1 3 null null"),
                ("nullif(a, 2)", "1 null null 4 null"),
                ("nullif(a, b)", "1 2 null 4 null"),
            ],
        );
    }
}
