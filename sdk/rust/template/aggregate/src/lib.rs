//! How far the readings of a window lie apart, in multiples of a unit.

use weir_sdk::aggregate::{Aggregate, Row, RowError, export};

/// The operator is its configuration. In the pipeline file:
/// `aggregates.spread = { component = "...", columns = ["celsius"], config = { unit = 0.5 } }`
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Spread {
    unit: f64,
}

/// The columns that it reads, by name.
#[derive(Row)]
pub struct Reading {
    celsius: f64,
}

/// What is kept per group while its window is open; it starts with the default.
#[derive(Row, Default)]
pub struct Extremes {
    least: Option<f64>,
    greatest: Option<f64>,
}

/// The result columns.
#[derive(Row, Debug, PartialEq)]
pub struct Spreads {
    spread: Option<f64>,
}

impl Aggregate for Spread {
    type Input<'a> = Reading;
    type Accumulator = Extremes;
    type Output = Spreads;

    fn accumulate(&self, extremes: &mut Extremes, reading: Reading) -> Result<(), RowError> {
        self.merge(extremes, Extremes { least: Some(reading.celsius), greatest: Some(reading.celsius) });
        Ok(())
    }

    // The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    fn merge(&self, into: &mut Extremes, other: Extremes) {
        into.least = into.least.into_iter().chain(other.least).reduce(f64::min);
        into.greatest = into.greatest.into_iter().chain(other.greatest).reduce(f64::max);
    }

    fn finish(&self, extremes: &Extremes) -> Spreads {
        let spread = extremes.greatest.zip(extremes.least).map(|(greatest, least)| (greatest - least) / self.unit);
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
        let readings = [3.0, -1.0, 2.0].map(|celsius| Reading { celsius });
        for cut in 0..=readings.len() {
            let (left, right) = readings.split_at(cut);
            let result = testing::aggregate(Spread { unit: 0.5 }, &[left, right]).unwrap();
            assert_eq!(result.main::<Spreads>(), [Spreads { spread: Some(8.0) }], "cut at {cut}");
        }
    }
}
