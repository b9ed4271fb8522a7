//! `weir:operator/metrics`: figures of the operator's own, limited in number and in the length of their names. A figure over
//! the limit is dropped and counted.

use std::collections::BTreeMap;

use wasmtime::component::{Linker, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::limits::{METRIC_NAME_BYTES_MAX, METRIC_NAMES_MAX};

/// The figures of one instance, since it was first made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuestMetrics {
    /// Sums of what was counted.
    pub counters: BTreeMap<String, u64>,
    /// Last values.
    pub gauges: BTreeMap<String, f64>,
    /// Distributions.
    pub histograms: BTreeMap<String, Histogram>,
    /// Calls that were dropped: one name too many, or too long.
    pub dropped: u64,
}

/// What was observed under one name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Histogram {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl GuestMetrics {
    fn count(&mut self, name: &str, by: u64) {
        if let Some(sum) = self.counters.get_mut(name) {
            *sum = sum.saturating_add(by);
        } else if self.admits(name) {
            self.counters.insert(name.to_owned(), by);
        }
    }

    fn gauge(&mut self, name: &str, value: f64) {
        if let Some(last) = self.gauges.get_mut(name) {
            *last = value;
        } else if self.admits(name) {
            self.gauges.insert(name.to_owned(), value);
        }
    }

    fn observe(&mut self, name: &str, value: f64) {
        if let Some(h) = self.histograms.get_mut(name) {
            *h = Histogram { count: h.count + 1, sum: h.sum + value, min: h.min.min(value), max: h.max.max(value) };
        } else if self.admits(name) {
            self.histograms.insert(name.to_owned(), Histogram { count: 1, sum: value, min: value, max: value });
        }
    }

    fn admits(&mut self, name: &str) -> bool {
        let names = self.counters.len() + self.gauges.len() + self.histograms.len();
        let admitted = names < METRIC_NAMES_MAX && !name.is_empty() && name.len() <= METRIC_NAME_BYTES_MAX;
        self.dropped += u64::from(!admitted);
        admitted
    }
}

/// Finds the [`GuestMetrics`] in a store's data.
pub(crate) trait MetricsView: 'static {
    fn metrics(&mut self) -> &mut GuestMetrics;
}

/// Gives components `weir:operator/metrics`.
///
/// # Errors
/// If it is in the linker already.
pub(crate) fn add_to_linker<T: MetricsView>(linker: &mut Linker<T>) -> Result<()> {
    let mut metrics = linker.instance("weir:operator/metrics@0.1.0")?;
    metrics.func_wrap("count", |mut store: StoreContextMut<'_, T>, (name, by): (WasmStr, u64)| {
        let name = short_name(&store, &name)?;
        store.data_mut().metrics().count(&name, by);
        Ok(())
    })?;
    metrics.func_wrap("gauge", |mut store: StoreContextMut<'_, T>, (name, value): (WasmStr, f64)| {
        let name = short_name(&store, &name)?;
        store.data_mut().metrics().gauge(&name, value);
        Ok(())
    })?;
    metrics.func_wrap("observe", |mut store: StoreContextMut<'_, T>, (name, value): (WasmStr, f64)| {
        let name = short_name(&store, &name)?;
        store.data_mut().metrics().observe(&name, value);
        Ok(())
    })
}

/// A name out of the guest's memory; of one that is too long only as much as shows that.
fn short_name<T: 'static>(store: &StoreContextMut<'_, T>, name: &WasmStr) -> Result<String> {
    let name = name.to_str(store)?;
    // Four more bytes hold at least one more character, so that the name stays too long.
    Ok(name[..name.floor_char_boundary(METRIC_NAME_BYTES_MAX + 4)].to_owned())
}
