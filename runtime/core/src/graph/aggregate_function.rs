//! The built-in aggregates: their names and options. Computes nothing.

use std::sync::Arc;

use serde::Deserialize;

/// An aggregate of ours. Nulls are ignored; an aggregate of nulls only is null (a count: 0, a list: empty).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AggregateFunction {
    /// Rows, or values that are not null. int64.
    Count,
    /// Sum: int64 of integers, float64 of floats, decimal of decimals.
    Sum,
    /// The least value, in the column's type.
    Min,
    /// The greatest value, in the column's type.
    Max,
    /// Mean, float64.
    Avg,
    /// The value with the least event time; of several, the least value, so that parallelism does not change it.
    First,
    /// The value with the greatest event time; of several, the greatest value.
    Last,
    /// The sample standard deviation, float64; null of fewer than two values.
    Stddev,
    /// A value with a share of the others below it, within a relative error. float64.
    #[serde(skip)]
    Quantile(Quantile),
    /// How many different values there are. int64.
    CountDistinct,
    /// The same, in 4 KiB per group, with a standard error of 1.6%. int64.
    ApproxCountDistinct,
    /// The value in the row where another column is least; of several, the least value.
    ArgMin,
    /// The value in the row where another column is greatest; of several, the greatest value.
    ArgMax,
    /// All values, in the order of their event times: a list.
    Collect,
    /// The square of [`AggregateFunction::Stddev`].
    Variance,
    /// Whether all values are true. bool.
    BoolAnd,
    /// Whether some value is true. bool.
    BoolOr,
    /// The bits that all integers have, in the column's type.
    BitAnd,
    /// The bits that some integer has.
    BitOr,
    /// The bits that an odd number of integers have.
    BitXor,
    /// As [`AggregateFunction::Collect`], of texts: one text, with this between two.
    #[serde(skip)]
    StringAgg(Arc<str>),
    /// So many values, those of the rows where another column, or the value itself, is greatest: a list, the greatest first.
    #[serde(skip)]
    Top(u32),
}

/// Which quantile, in millionths: so that it can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantile {
    q: u32,
    error: u32,
}

const MILLION: f64 = 1_000_000.0;

impl Quantile {
    /// The relative error, unless another is asked for.
    pub const ERROR_DEFAULT: f64 = 0.01;

    /// The quantile `q`, from 0 to 1, within a relative error from 0.001 to 0.1. `None`: one of them is out of range, or has more than six
    /// digits behind the point.
    #[must_use]
    pub fn new(q: f64, error: f64) -> Option<Self> {
        let millionths = |value: f64| {
            let millionths = (value * MILLION).round();
            // No other float is nearer to that.
            (millionths / MILLION == value).then_some(millionths as u32)
        };
        let in_range = (0.0..=1.0).contains(&q) && (0.001..=0.1).contains(&error);
        in_range.then_some(())?;
        Some(Self { q: millionths(q)?, error: millionths(error)? })
    }

    /// Which of so many values in ascending order it is, from 0: the least that at least `q` of them do not exceed (the nearest rank, as
    /// `percentile_disc` of SQL has it).
    #[must_use]
    pub fn rank(self, count: i64) -> i64 {
        let rank = (i128::from(self.q) * i128::from(count) + 999_999) / 1_000_000 - 1;
        i64::try_from(rank.max(0)).unwrap_or(i64::MAX)
    }

    /// Of the value.
    #[must_use]
    pub fn error(self) -> f64 {
        f64::from(self.error) / MILLION
    }
}

impl AggregateFunction {
    /// What pipelines call them.
    pub const NAMES: [&str; 22] = [
        "count",
        "sum",
        "min",
        "max",
        "avg",
        "first",
        "last",
        "stddev",
        "quantile",
        "count-distinct",
        "approx-count-distinct",
        "arg-min",
        "arg-max",
        "collect",
        "variance",
        "bool-and",
        "bool-or",
        "bit-and",
        "bit-or",
        "bit-xor",
        "string-agg",
        "top",
    ];

    /// What pipelines call it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::First => "first",
            Self::Last => "last",
            Self::Stddev => "stddev",
            Self::Quantile(_) => "quantile",
            Self::CountDistinct => "count-distinct",
            Self::ApproxCountDistinct => "approx-count-distinct",
            Self::ArgMin => "arg-min",
            Self::ArgMax => "arg-max",
            Self::Collect => "collect",
            Self::Variance => "variance",
            Self::BoolAnd => "bool-and",
            Self::BoolOr => "bool-or",
            Self::BitAnd => "bit-and",
            Self::BitOr => "bit-or",
            Self::BitXor => "bit-xor",
            Self::StringAgg(_) => "string-agg",
            Self::Top(_) => "top",
        }
    }

    /// What its accumulators are called in a checkpoint: one of another name does not continue them.
    #[must_use]
    pub fn accumulator(&self) -> String {
        match self {
            // Every quantile is read from the same counts.
            Self::Quantile(of) => format!("quantile within {}", of.error()),
            Self::Top(n) => format!("top {n}"),
            other => other.name().to_owned(),
        }
    }

    /// Whether a group without values has a result.
    #[must_use]
    pub fn is_never_null(&self) -> bool {
        matches!(self, Self::Count | Self::CountDistinct | Self::ApproxCountDistinct | Self::Collect | Self::Top(_))
    }
}
