//! A quantile of a column of numbers, as an aggregate for windows, to within 1 % of its value.
//!
//! The values are counted in buckets whose bounds grow by a constant factor (DDSketch: Masson, Rim and Lee, "DDSketch: a fast and
//! fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019). Buckets of two parts are added up, so merging is
//! exact: the result does not depend on how the rows were cut into parts. Memory grows with the logarithm of the range of the
//! values: 694 buckets hold everything from 1 to 1,000,000.

use std::cmp::Ordering;

use weir_sdk::aggregate::{Aggregate, Row, RowError, Schema, export};
use weir_sdk::{Number, log};

/// A bucket's middle is at most this far from every value in it, relative to the value.
const RELATIVE_ERROR: f64 = 0.01;
/// The bounds of buckets grow by this factor.
const GROWTH: f64 = (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR);
/// What is nearer to zero counts as zero, so that the number of buckets has a bound (36,000).
const LEAST_MAGNITUDE: f64 = 1e-150;

/// Config: `q`, from 0 to 1 (0.5 is the median), and `column`, which is needed only if it gets several columns.
#[derive(serde::Deserialize)]
#[serde(try_from = "Config")]
pub struct Quantile {
    q: f64,
    column: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    q: f64,
    column: Option<String>,
}

impl TryFrom<Config> for Quantile {
    type Error = String;

    fn try_from(Config { q, column }: Config) -> Result<Self, String> {
        if (0.0..=1.0).contains(&q) { Ok(Self { q, column }) } else { Err(format!("q is from 0 to 1, not {q}")) }
    }
}

/// What it reads: any column of integers or floats. Nulls do not count, nor do values that are no finite number.
#[derive(Row)]
pub struct Value {
    value: Option<Number>,
}

/// How many values each bucket has; buckets ascend and none is empty.
#[derive(Row, Clone, Default, Debug, PartialEq)]
pub struct Buckets {
    /// Bucket `i` holds the values `v` with `GROWTH^(i-1) < v <= GROWTH^i`.
    positive: Vec<Bucket>,
    /// As `positive`, of `-v`.
    negative: Vec<Bucket>,
    zero: u64,
}

/// One of them.
#[derive(Row, Clone, Debug, PartialEq)]
pub struct Bucket {
    index: i32,
    count: u64,
}

/// The result: null if no value counted.
#[derive(Row, Debug, PartialEq)]
pub struct Answer {
    quantile: Option<f64>,
}

impl Aggregate for Quantile {
    type Input<'a> = Value;
    type Accumulator = Buckets;
    type Output = Answer;

    fn accumulate(&self, buckets: &mut Buckets, Value { value }: Value) -> Result<(), RowError> {
        match value {
            Some(Number(value)) if value.is_finite() => buckets.add(value),
            Some(Number(value)) => log::debug!("{value} is not counted"),
            None => {}
        }
        Ok(())
    }

    fn merge(&self, into: &mut Buckets, other: Buckets) {
        add_all(&mut into.positive, &other.positive);
        add_all(&mut into.negative, &other.negative);
        into.zero += other.zero;
    }

    fn finish(&self, buckets: &Buckets) -> Answer {
        Answer { quantile: buckets.quantile(self.q) }
    }

    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        match (&self.column, &input.names()[..]) {
            (Some(column), _) => column,
            (None, [only]) => only,
            (None, _) => field,
        }
    }
}

impl Buckets {
    fn add(&mut self, value: f64) {
        let index = (value.abs().ln() / GROWTH.ln()).ceil() as i32;
        let one = Bucket { index, count: 1 };
        if value.abs() < LEAST_MAGNITUDE {
            self.zero += 1;
        } else if value > 0.0 {
            add(&mut self.positive, one);
        } else {
            add(&mut self.negative, one);
        }
    }

    /// The value below which this share of the values is: that of the rank `q * (count - 1)`, rounded down.
    fn quantile(&self, q: f64) -> Option<f64> {
        let count = |buckets: &[Bucket]| buckets.iter().map(|b| b.count).sum::<u64>();
        let all = count(&self.negative) + self.zero + count(&self.positive);
        let rank = (q * all.checked_sub(1)? as f64) as u64;
        let negative = self.negative.iter().rev().map(|b| (-middle(b.index), b.count));
        let positive = self.positive.iter().map(|b| (middle(b.index), b.count));
        let mut below = 0;
        let reaches = |(_, count): &(f64, u64)| {
            below += count;
            below > rank
        };
        negative.chain([(0.0, self.zero)]).chain(positive).find(reaches).map(|(value, _)| value)
    }
}

/// The value that is equally far from both bounds of a bucket, relative to them.
fn middle(index: i32) -> f64 {
    2.0 * GROWTH.powi(index) / (GROWTH + 1.0)
}

fn add(buckets: &mut Vec<Bucket>, Bucket { index, count }: Bucket) {
    match buckets.binary_search_by_key(&index, |b| b.index) {
        Ok(at) => buckets[at].count += count,
        Err(at) => buckets.insert(at, Bucket { index, count }),
    }
}

/// Merges two ascending lists in one pass.
fn add_all(into: &mut Vec<Bucket>, other: &[Bucket]) {
    let mut merged = Vec::with_capacity(into.len() + other.len());
    let (mut left, mut right) = (into.drain(..).peekable(), other.iter().cloned().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => l.index.cmp(&r.index),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        if order.is_lt() {
            merged.extend(left.next());
        } else if order.is_gt() {
            merged.extend(right.next());
        } else {
            let sum = left.next().zip(right.next()).map(|(l, r)| Bucket { index: l.index, count: l.count + r.count });
            merged.extend(sum);
        }
    }
    drop(left);
    *into = merged;
}

export!(Quantile);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    #[derive(Row)]
    struct Delay {
        minutes: Option<i64>,
    }

    fn quantile(q: f64, parts: &[&[Delay]]) -> Option<f64> {
        let operator = testing::configured(&format!("{{\"q\": {q}}}")).unwrap();
        testing::aggregate::<Quantile, _>(operator, parts).unwrap().main::<Answer>()[0].quantile
    }

    #[test]
    fn within_one_percent_of_the_exact_value_however_the_rows_are_cut() {
        // Early and late, with ties, a null, and out of order.
        let mut minutes: Vec<i64> = (0..500).map(|i| (i * 7919) % 211 - 40).collect();
        let mut rows: Vec<Delay> = minutes.iter().map(|m| Delay { minutes: Some(*m) }).collect();
        rows.push(Delay { minutes: None });
        minutes.sort_unstable();
        for q in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 1.0] {
            let exact = minutes[(q * (minutes.len() - 1) as f64) as usize] as f64;
            let whole = quantile(q, &[&rows]).unwrap();
            assert!((whole - exact).abs() <= RELATIVE_ERROR * exact.abs() + 1e-9, "q {q}: {whole} for {exact}");
            for cut in [0, 1, 250, rows.len()] {
                let (left, right) = rows.split_at(cut);
                assert_eq!(quantile(q, &[left, right]), Some(whole), "q {q} cut at {cut}");
            }
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(quantile(0.5, &[]), None);
        assert_eq!(quantile(0.5, &[&[Delay { minutes: None }]]), None);
    }

    #[test]
    fn a_share_above_one_is_refused() {
        let refused = testing::configured::<Quantile>(r#"{"q": 99}"#).err().unwrap();
        assert!(refused.to_string().contains("q is from 0 to 1, not 99"), "{refused}");
    }
}
