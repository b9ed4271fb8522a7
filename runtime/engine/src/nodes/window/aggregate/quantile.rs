//! `quantile`: a value with a share of the others below it, within a relative error.
//!
//! A sketch that counts values in buckets whose bounds grow by a factor: C. Masson, J. Rim and H. Lee, "DDSketch: a fast and
//! fully-mergeable quantile sketch with relative-error guarantees", 2019. Counts do not depend on the order of values, and no bucket is
//! merged with another: 1% over all floats is some 140,000 of them, and over three decades 350.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Builder, Int64Builder, ListBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int32Type, Int64Type};
use weir_core::graph::Quantile;

use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// `quantile` of a column of numbers.
pub(super) fn quantile(of: Quantile) -> Box<dyn Accumulators> {
    let error = of.error();
    let factor = (1.0 + error) / (1.0 - error);
    Folded::boxed(Quantiles { of, factor, buckets_per_e: 1.0 / factor.ln() })
}

#[derive(Clone)]
struct Quantiles {
    of: Quantile,
    /// From one bucket's bound to the next.
    factor: f64,
    buckets_per_e: f64,
}

/// Added to the numbers of buckets, so that those of positive values are positive. A negative value has the negated bucket.
const ONE: i32 = 1 << 20;
/// Infinity.
const INFINITE: i32 = 1 << 22;
/// NaN is above all.
const NAN: i32 = 1 << 23;

/// What is kept per group.
#[derive(Clone)]
struct Buckets {
    /// Buckets with how many values each has, ascending.
    counts: Vec<(i32, i64)>,
    /// The least and the greatest value: no result is beyond them.
    least: f64,
    greatest: f64,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { counts: Vec::new(), least: f64::INFINITY, greatest: f64::NEG_INFINITY }
    }
}

impl Buckets {
    fn count(&mut self, bucket: i32, count: i64) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.counts[at].1 += count,
            Err(at) => self.counts.insert(at, (bucket, count)),
        }
    }

    /// Takes up values between these; NaN is none.
    fn reach(&mut self, least: f64, greatest: f64) {
        (self.least, self.greatest) = (self.least.min(least), self.greatest.max(greatest));
    }
}

impl Quantiles {
    fn bucket(&self, value: f64) -> i32 {
        let of = |value: f64| match value {
            value if value.is_infinite() => INFINITE,
            value if value < f64::MIN_POSITIVE => 0,
            value => ONE + (value.ln() * self.buckets_per_e).ceil() as i32,
        };
        match value {
            value if value.is_nan() => NAN,
            value if value < 0.0 => -of(-value),
            value => of(value),
        }
    }

    /// The value that is at most the error away from all of a bucket.
    fn value(&self, bucket: i32) -> f64 {
        let of = |bucket: i32| match bucket {
            0 => 0.0,
            INFINITE => f64::INFINITY,
            bucket => {
                let upper = (f64::from(bucket - ONE) / self.buckets_per_e).exp();
                // The bound of the last bucket may be beyond all floats.
                (2.0 / (1.0 + self.factor) * upper).min(f64::MAX)
            }
        };
        match bucket {
            NAN => f64::NAN,
            bucket if bucket < 0 => -of(-bucket),
            bucket => of(bucket),
        }
    }

    fn of(&self, buckets: &Buckets) -> Option<f64> {
        let count: i64 = buckets.counts.iter().map(|(_, count)| count).sum();
        let rank = self.of.rank(count);
        let mut before = 0;
        let found = buckets.counts.iter().find(|(_, count)| {
            before += count;
            before > rank
        });
        match found? {
            (NAN, _) => Some(f64::NAN),
            (bucket, _) => Some(self.value(*bucket).max(buckets.least).min(buckets.greatest)),
        }
    }
}

impl Fold for Quantiles {
    type Accumulator = Buckets;

    const HEAP_BYTES_PER_VALUE: usize = size_of::<(i32, i64)>();

    fn heap_bytes(group: &Buckets) -> usize {
        group.counts.capacity() * size_of::<(i32, i64)>()
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Buckets> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let column = cast(column, &DataType::Float64)?;
        let values = column.as_primitive::<Float64Type>();
        for_each_valid(values.nulls(), group_of_row, |row, group| {
            let value = values.value(row);
            groups[group].count(self.bucket(value), 1);
            groups[group].reach(value, value);
            Ok(())
        })
    }

    fn merge(&self, into: &mut Buckets, other: &Buckets) -> Result<(), OperatorError> {
        if into.counts.is_empty() {
            into.clone_from(other);
        } else {
            other.counts.iter().for_each(|(bucket, more)| into.count(*bucket, *more));
            into.reach(other.least, other.greatest);
        }
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        let list = |name, item: DataType| state_field(name, DataType::List(item_field(item)), false);
        let bound = |name| state_field(name, DataType::Float64, false);
        vec![list("buckets", DataType::Int32), list("counts", DataType::Int64), bound("least"), bound("greatest")]
    }

    fn state(&self, groups: &[&Buckets]) -> Result<Vec<ArrayRef>, OperatorError> {
        let mut buckets = ListBuilder::new(Int32Builder::new()).with_field(item_field(DataType::Int32));
        let mut counts = ListBuilder::new(Int64Builder::new()).with_field(item_field(DataType::Int64));
        for group in groups {
            buckets.append_value(group.counts.iter().map(|(bucket, _)| Some(*bucket)));
            counts.append_value(group.counts.iter().map(|(_, count)| Some(*count)));
        }
        let bound = |of: fn(&Buckets) -> f64| -> ArrayRef {
            Arc::new(groups.iter().map(|group| Some(of(group))).collect::<Float64Array>())
        };
        let (least, greatest) = (bound(|group| group.least), bound(|group| group.greatest));
        Ok(vec![Arc::new(buckets.finish()), Arc::new(counts.finish()), least, greatest])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Buckets>, OperatorError> {
        let [buckets, counts, least, greatest] = state else { return Ok(Vec::new()) };
        let [least, greatest] = [least, greatest].map(|column| column.as_primitive::<Float64Type>());
        let (buckets, counts) = (buckets.as_list::<i32>(), counts.as_list::<i32>());
        let of = |row| {
            let (least, greatest) = (least.value(row), greatest.value(row));
            let (buckets, counts) = (buckets.value(row), counts.value(row));
            let buckets = buckets.as_primitive::<Int32Type>().values().iter().copied();
            let counts = buckets.zip(counts.as_primitive::<Int64Type>().values().iter().copied()).collect();
            Buckets { counts, least, greatest }
        };
        Ok((0..rows).map(of).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field("quantile", DataType::Float64, true)
    }

    fn finish(&self, groups: &[&Buckets]) -> Result<ArrayRef, OperatorError> {
        Ok(Arc::new(groups.iter().map(|group| self.of(group)).collect::<Float64Array>()))
    }
}

fn item_field(data_type: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(data_type, false))
}
