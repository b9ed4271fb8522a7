//! The component's side of the boundary: bindings of the three worlds, and what `export!` puts behind them. In WebAssembly only.
//!
//! The bindings use the types of [`crate::wire`], so a call is lifted straight into what the operator runs on.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Once;

use crate as operators;
use crate::log::Level;
use crate::wire::{self, Batch, Failure, Node, States};

/// The type behind the exports of a transform.
pub struct TransformComponent<Op>(PhantomData<Op>);

/// The type behind the exports of a keyed operator.
pub struct KeyedComponent<Op>(PhantomData<Op>);

/// The type behind the exports of an aggregate.
pub struct AggregateComponent<Op>(PhantomData<Op>);

// The worlds of the contract in parts, because `describe` is in all three of them and an interface can be bound only once in a
// crate. What a component exports of them is put together again when it is wrapped.

/// What the host offers.
pub mod imports {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all, reason = "generated from the contract")]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:sdk; world imports { import weir:operator/log@0.1.0; import weir:operator/metrics@0.1.0; }",
        generate_all,
    });
}

/// What every operator exports.
pub mod describe {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all, reason = "generated from the contract")]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:sdk; world describe { export weir:operator/describe@0.1.0; }",
        with: { "weir:operator/types@0.1.0": crate::wire },
        pub_export_macro: true,
        default_bindings_module: "weir_sdk::guest::describe",
    });
}

/// What a transform exports besides.
pub mod transform {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all, reason = "generated from the contract")]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:sdk; world transform { export weir:operator/transform@0.1.0; }",
        with: { "weir:operator/types@0.1.0": crate::wire },
        pub_export_macro: true,
        default_bindings_module: "weir_sdk::guest::transform",
    });
}

/// What a keyed operator exports besides.
pub mod keyed {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all, reason = "generated from the contract")]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:sdk; world keyed { export weir:operator/keyed@0.1.0; }",
        with: { "weir:operator/types@0.1.0": crate::wire },
        pub_export_macro: true,
        default_bindings_module: "weir_sdk::guest::keyed",
    });
}

/// What an aggregate exports besides.
pub mod aggregate {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all, reason = "generated from the contract")]
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package weir:sdk; world aggregate { export weir:operator/aggregate@0.1.0; }",
        with: { "weir:operator/types@0.1.0": crate::wire },
        pub_export_macro: true,
        default_bindings_module: "weir_sdk::guest::aggregate",
    });
}

// A component has one operator, and its calls come one after the other. `export!` puts exactly one of these to use.
thread_local! {
    static TRANSFORM: RefCell<Option<Box<dyn operators::transform::Process>>> = const { RefCell::new(None) };
    static KEYED: RefCell<Option<Box<dyn operators::keyed::Process>>> = const { RefCell::new(None) };
    static AGGREGATE: RefCell<Option<Box<dyn operators::aggregate::Process>>> = const { RefCell::new(None) };
}

fn not_described() -> Failure {
    Failure::Call("describe must be called before anything else".to_owned())
}

/// A panic ends in a trap, which says nothing; its message goes to the log first.
fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string()))));
}

impl<Op> describe::exports::weir::operator::describe::Guest for TransformComponent<Op>
where
    Op: operators::transform::ColumnTransform + 'static,
{
    fn describe(config: String, inputs: Vec<wire::Input>) -> Result<wire::Plan, String> {
        log_panics();
        let (connected, plan) = operators::transform::Connected::<Op>::describe(&config, &inputs)?;
        TRANSFORM.set(Some(Box::new(connected)));
        Ok(plan)
    }
}

impl<Op> transform::exports::weir::operator::transform::Guest for TransformComponent<Op> {
    fn process(_: u32, rows: Batch) -> Result<Vec<wire::Delta>, Failure> {
        TRANSFORM.with_borrow(|operator| operator.as_ref().ok_or_else(not_described)?.process(rows))
    }
}

impl<Op: operators::keyed::Keyed + 'static> describe::exports::weir::operator::describe::Guest for KeyedComponent<Op> {
    fn describe(config: String, inputs: Vec<wire::Input>) -> Result<wire::Plan, String> {
        log_panics();
        let (connected, plan) = operators::keyed::Connected::<Op>::describe(&config, &inputs)?;
        KEYED.set(Some(Box::new(connected)));
        Ok(plan)
    }
}

use keyed::exports::weir::operator::keyed as keyed_types;

impl<Op> keyed_types::Guest for KeyedComponent<Op> {
    fn process(
        _: u32,
        rows: Batch,
        key_of_row: Vec<u8>,
        states: States,
        now: keyed_types::Clock,
    ) -> Result<keyed_types::KeyedDelta, Failure> {
        KEYED.with_borrow(|operator| {
            let operator = operator.as_ref().ok_or_else(not_described)?;
            operator.process(rows, key_of_row, states, clock(now)).map(keyed_delta)
        })
    }

    fn on_timer(
        due: keyed_types::Timers,
        keys: Batch,
        states: States,
        now: keyed_types::Clock,
    ) -> Result<keyed_types::KeyedDelta, Failure> {
        let domain = match due.domain {
            keyed_types::TimeDomain::EventTime => wire::TimeDomain::EventTime,
            keyed_types::TimeDomain::ProcessingTime => wire::TimeDomain::ProcessingTime,
        };
        let due = wire::Timers { domain, keys: due.keys, times: due.times };
        KEYED.with_borrow(|operator| {
            let operator = operator.as_ref().ok_or_else(not_described)?;
            operator.on_timer(due, keys, states, clock(now)).map(keyed_delta)
        })
    }

    fn migrate(from_version: u32, layout: Vec<wire::Field>, states: States) -> Result<Vec<Node>, String> {
        let not_described = || "describe must be called before anything else".to_owned();
        KEYED.with_borrow(|operator| operator.as_ref().ok_or_else(not_described)?.migrate(from_version, layout, states))
    }
}

fn clock(now: keyed_types::Clock) -> wire::Clock {
    wire::Clock { watermark: now.watermark, processing_time: now.processing_time }
}

fn keyed_delta(delta: wire::KeyedDelta) -> keyed_types::KeyedDelta {
    let timers = |lists: Vec<wire::Timers>| lists.into_iter().map(timers).collect();
    keyed_types::KeyedDelta {
        outputs: delta.outputs,
        changed: delta.changed,
        states: delta.states,
        timers: keyed_types::TimerChanges {
            register: timers(delta.timers.register),
            delete: timers(delta.timers.delete),
        },
    }
}

fn timers(timers: wire::Timers) -> keyed_types::Timers {
    let domain = match timers.domain {
        wire::TimeDomain::EventTime => keyed_types::TimeDomain::EventTime,
        wire::TimeDomain::ProcessingTime => keyed_types::TimeDomain::ProcessingTime,
    };
    keyed_types::Timers { domain, keys: timers.keys, times: timers.times }
}

impl<Op> describe::exports::weir::operator::describe::Guest for AggregateComponent<Op>
where
    Op: operators::aggregate::Aggregate + 'static,
{
    fn describe(config: String, inputs: Vec<wire::Input>) -> Result<wire::Plan, String> {
        log_panics();
        let (connected, plan) = operators::aggregate::Connected::<Op>::describe(&config, &inputs)?;
        AGGREGATE.set(Some(Box::new(connected)));
        Ok(plan)
    }
}

impl<Op> aggregate::exports::weir::operator::aggregate::Guest for AggregateComponent<Op> {
    fn accumulate(rows: Batch, group_of_row: Vec<u8>, accumulators: States) -> Result<Vec<Node>, Failure> {
        AGGREGATE.with_borrow(|operator| {
            operator.as_ref().ok_or_else(not_described)?.accumulate(rows, group_of_row, accumulators)
        })
    }

    fn merge(left: States, right: States) -> Result<Vec<Node>, Failure> {
        AGGREGATE.with_borrow(|operator| operator.as_ref().ok_or_else(not_described)?.merge(left, right))
    }

    fn finish(accumulators: States) -> Result<Vec<Node>, Failure> {
        AGGREGATE.with_borrow(|operator| operator.as_ref().ok_or_else(not_described)?.finish(accumulators))
    }
}

use imports::weir::operator as host;

/// `log.log`
pub fn log(level: Level, line: &str) {
    let level = match level {
        Level::Trace => host::log::Level::Trace,
        Level::Debug => host::log::Level::Debug,
        Level::Info => host::log::Level::Info,
        Level::Warn => host::log::Level::Warn,
        Level::Error => host::log::Level::Error,
    };
    host::log::log(level, line);
}

/// `metrics.count`
pub fn count(name: &str, by: u64) {
    host::metrics::count(name, by);
}

/// `metrics.gauge`
pub fn gauge(name: &str, value: f64) {
    host::metrics::gauge(name, value);
}

/// `metrics.observe`
pub fn observe(name: &str, value: f64) {
    host::metrics::observe(name, value);
}
