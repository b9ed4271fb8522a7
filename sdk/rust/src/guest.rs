//! The component's side of the boundary: bindings of what the three worlds export, and what `export!` puts behind them. In WebAssembly only.
//!
//! The bindings use the types of [`crate::wire`], so a call is lifted straight into what the operator runs on. They are generated
//! (`sdk/rust/bindings.sh`) and kept, as the generator would take longer to compile than everything else an operator needs.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Once;
use std::thread::LocalKey;

use crate as operators;
use crate::telemetry::{self, Level};
use crate::wire::{self, Batch, Node, States};

/// The type behind the exports of a transform.
pub struct TransformComponent<Op>(PhantomData<Op>);

/// The type behind the exports of a keyed operator.
pub struct KeyedComponent<Op>(PhantomData<Op>);

/// The type behind the exports of an aggregate.
pub struct AggregateComponent<Op>(PhantomData<Op>);

/// What a transform exports.
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unsafe_code, reason = "generated from the contract")]
#[path = "bindings/transform.rs"]
pub mod transform;

/// What a keyed operator exports.
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unsafe_code, reason = "generated from the contract")]
#[path = "bindings/keyed.rs"]
pub mod keyed;

/// What an aggregate exports.
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unsafe_code, reason = "generated from the contract")]
#[path = "bindings/aggregate.rs"]
pub mod aggregate;

/// What an aggregate exports besides, if its rows can be taken back.
#[rustfmt::skip]
#[allow(missing_docs, unreachable_pub, unsafe_code, reason = "generated from the contract")]
#[path = "bindings/retract.rs"]
pub mod retract;

// A component has one operator, and its calls come one after the other. `export!` puts exactly one of these to use.
thread_local! {
    static TRANSFORM: RefCell<Option<Box<dyn operators::transform::Process>>> = const { RefCell::new(None) };
    static KEYED: RefCell<Option<Box<dyn operators::keyed::Process>>> = const { RefCell::new(None) };
    static AGGREGATE: RefCell<Option<Box<dyn operators::aggregate::Process>>> = const { RefCell::new(None) };
}

/// Runs a call of the operator that `describe` has made.
fn described<Op: ?Sized, T>(
    operator: &'static LocalKey<RefCell<Option<Box<Op>>>>,
    call: impl FnOnce(&Op) -> Result<T, String>,
) -> Result<T, String> {
    operator.with_borrow(|operator| match operator {
        Some(operator) => call(operator),
        None => Err("describe must be called before anything else".to_owned()),
    })
}

/// A panic ends in a trap, which says nothing; its message goes to the log first.
fn log_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| telemetry::log(Level::Error, panic.to_string()))));
}

use transform::exports::weir::operator::transform as transform_types;

impl<Op: operators::transform::ColumnTransform + 'static> transform_types::Guest for TransformComponent<Op> {
    fn about() -> wire::OperatorInfo {
        Op::about()
    }

    fn describe(config: String, inputs: Vec<wire::Input>) -> Result<wire::Plan, String> {
        log_panics();
        let (connected, plan) = operators::transform::Connected::<Op>::describe(&config, &inputs)?;
        TRANSFORM.set(Some(Box::new(connected)));
        Ok(plan)
    }

    fn process(_: u32, rows: Batch) -> Result<transform_types::TransformDelta, String> {
        let wire::TransformDelta { outputs, rejected } = described(&TRANSFORM, |operator| operator.process(rows))?;
        Ok(transform_types::TransformDelta { outputs, rejected })
    }
}

use keyed::exports::weir::operator::keyed as keyed_types;

impl<Op: operators::keyed::Keyed + 'static> keyed_types::Guest for KeyedComponent<Op> {
    fn about() -> wire::OperatorInfo {
        Op::about()
    }

    fn describe(config: String, inputs: Vec<wire::Input>) -> Result<wire::Plan, String> {
        log_panics();
        let (connected, plan) = operators::keyed::Connected::<Op>::describe(&config, &inputs)?;
        KEYED.set(Some(Box::new(connected)));
        Ok(plan)
    }

    fn process(
        _: u32,
        rows: Batch,
        key_of_row: Vec<u8>,
        states: States,
        now: keyed_types::Clock,
    ) -> Result<keyed_types::KeyedDelta, String> {
        described(&KEYED, |operator| operator.process(rows, key_of_row, states, clock(now))).map(keyed_delta)
    }

    fn on_timer(
        due: keyed_types::Timers,
        keys: Batch,
        states: States,
        now: keyed_types::Clock,
    ) -> Result<keyed_types::KeyedDelta, String> {
        let domain = match due.domain {
            keyed_types::TimeDomain::EventTime => wire::TimeDomain::EventTime,
            keyed_types::TimeDomain::ProcessingTime => wire::TimeDomain::ProcessingTime,
        };
        let due = wire::Timers { domain, keys: due.keys, times: due.times };
        described(&KEYED, |operator| operator.on_timer(due, keys, states, clock(now))).map(keyed_delta)
    }

    fn migrate(from_version: u32, layout: Vec<wire::Field>, states: States) -> Result<Vec<Node>, String> {
        described(&KEYED, |operator| operator.migrate(from_version, layout, states))
    }
}

fn clock(now: keyed_types::Clock) -> wire::Clock {
    wire::Clock { watermark: now.watermark, processing_time: now.processing_time }
}

fn keyed_delta(delta: wire::KeyedDelta) -> keyed_types::KeyedDelta {
    let timers = |lists: Vec<wire::Timers>| lists.into_iter().map(timers).collect();
    keyed_types::KeyedDelta {
        outputs: delta.outputs,
        rejected: delta.rejected,
        changed: delta.changed,
        states: delta.states,
        maps: delta.maps.into_iter().map(map_changes).collect(),
        timers: keyed_types::TimerChanges { add: timers(delta.timers.add), remove: timers(delta.timers.remove) },
    }
}

fn map_changes(changes: wire::MapChanges) -> keyed_types::MapChanges {
    let wire::MapChanges { map_index, keys, entry_keys, present, values } = changes;
    keyed_types::MapChanges { map_index, keys, entry_keys, present, values }
}

fn timers(timers: wire::Timers) -> keyed_types::Timers {
    let domain = match timers.domain {
        wire::TimeDomain::EventTime => keyed_types::TimeDomain::EventTime,
        wire::TimeDomain::ProcessingTime => keyed_types::TimeDomain::ProcessingTime,
    };
    keyed_types::Timers { domain, keys: timers.keys, times: timers.times }
}

use aggregate::exports::weir::operator::aggregate as aggregate_types;

impl<Op: operators::aggregate::Aggregate> aggregate_types::Guest for AggregateComponent<Op> {
    fn about() -> wire::OperatorInfo {
        Op::about()
    }

    fn describe(config: String, inputs: Vec<wire::Input>) -> Result<wire::Plan, String> {
        log_panics();
        let (connected, plan) = operators::aggregate::Connected::<Op>::describe(&config, &inputs)?;
        AGGREGATE.set(Some(Box::new(connected)));
        Ok(plan)
    }

    fn accumulate(
        rows: Batch,
        group_of_row: Vec<u8>,
        accumulators: States,
    ) -> Result<aggregate_types::Accumulated, String> {
        let accumulated = described(&AGGREGATE, |operator| operator.accumulate(rows, group_of_row, accumulators))?;
        let wire::Accumulated { accumulators, rejected } = accumulated;
        Ok(aggregate_types::Accumulated { accumulators, rejected })
    }

    fn merge(left: States, right: States) -> Result<Vec<Node>, String> {
        described(&AGGREGATE, |operator| operator.merge(left, right))
    }

    fn finish(accumulators: States) -> Result<Vec<Node>, String> {
        described(&AGGREGATE, |operator| operator.finish(accumulators))
    }
}

use retract::exports::weir::updating::retract as retract_types;

impl<Op: operators::aggregate::Retract> retract_types::Guest for AggregateComponent<Op> {
    fn retract(left: States, right: States) -> Result<Vec<Node>, String> {
        described(&AGGREGATE, |operator| {
            let operator: &dyn Any = operator;
            let connected = operator.downcast_ref::<operators::aggregate::Connected<Op>>();
            connected.ok_or("another aggregate was described")?.retract(left, right)
        })
    }
}
