//! How far the delays of a window's flights lie apart, in a unit of so many minutes.

use weir_sdk::aggregate::{Aggregate, Row, RowError, export};

/// The operator is its configuration. In the pipeline file:
/// `aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }`
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spread {
    unit_minutes: i64,
}

/// The columns that it reads, by name.
#[derive(Row)]
pub struct Flight {
    dep_delay: Option<i64>,
}

/// What is kept per group while its window is open; it starts with the default.
#[derive(Row, Default)]
pub struct Extremes {
    least: Option<i64>,
    greatest: Option<i64>,
}

/// The result columns.
#[derive(Row, Debug, PartialEq)]
pub struct Spreads {
    spread: Option<f64>,
}

impl Aggregate for Spread {
    type Input<'a> = Flight;
    type Accumulator = Extremes;
    type Output = Spreads;

    fn accumulate(&self, extremes: &mut Extremes, flight: Flight) -> Result<(), RowError> {
        self.merge(extremes, Extremes { least: flight.dep_delay, greatest: flight.dep_delay });
        Ok(())
    }

    // The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    fn merge(&self, into: &mut Extremes, other: Extremes) {
        into.least = into.least.into_iter().chain(other.least).min();
        into.greatest = into.greatest.into_iter().chain(other.greatest).max();
    }

    fn finish(&self, extremes: &Extremes) -> Spreads {
        let apart = |(greatest, least)| (greatest - least) as f64 / self.unit_minutes as f64;
        let spread = extremes.greatest.zip(extremes.least).map(apart);
        Spreads { spread }
    }
}

export!(Spread);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    #[test]
    fn it_does_not_matter_how_the_rows_are_cut() {
        let flights = [Some(30), None, Some(-10), Some(20)].map(|dep_delay| Flight { dep_delay });
        for cut in 0..=flights.len() {
            let (left, right) = flights.split_at(cut);
            let result = testing::aggregate(Spread { unit_minutes: 20 }, &[left, right]).unwrap();
            assert_eq!(result.main::<Spreads>(), [Spreads { spread: Some(2.0) }], "cut at {cut}");
        }
    }
}
