//! Says of each flight whether it left late, and leaves out those that never left.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// The operator is its configuration: `config = { late-after-minutes = 15 }` in the pipeline file.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Classify {
    late_after_minutes: i64,
}

/// The columns that it reads, by name. More columns may come; they cost nothing.
#[derive(Row)]
pub struct Flight {
    dep_delay: Option<i64>,
}

/// The columns that it emits: all of the input, and one more.
#[derive(Row)]
#[row(keep_all)]
pub struct Classified {
    late: bool,
}

impl Transform for Classify {
    type Input<'a> = Flight;
    type Output<'a> = Classified;

    fn process(&self, flight: Flight, out: &mut Emitter<Classified>) -> Result<(), RowError> {
        let Some(delay) = flight.dep_delay else { return Ok(()) };
        if delay < -24 * 60 {
            // `on-error` in the pipeline file says what happens to this row.
            return Err(RowError::new(format!("it left {} minutes before its time", -delay)));
        }
        out.emit(Classified { late: delay > self.late_after_minutes });
        Ok(())
    }
}

export!(Classify);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    /// The columns of the result that the test looks at.
    #[derive(Row, Debug, PartialEq)]
    struct Seen {
        dep_delay: Option<i64>,
        late: bool,
    }

    #[test]
    fn flights_that_left_are_classified() {
        let flights = [Some(20), None, Some(-3)].map(|dep_delay| Flight { dep_delay });
        let results = testing::transform(Classify { late_after_minutes: 15 }, &flights).unwrap();
        let expected = [(20, true), (-3, false)].map(|(delay, late)| Seen { dep_delay: Some(delay), late });
        assert_eq!(results.main::<Seen>(), expected);
    }
}
