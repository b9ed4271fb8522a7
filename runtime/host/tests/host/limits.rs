//! Every limit that a pipeline can set, and what is said when it is reached.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::Fields;
use weir_core::limits::OperatorLimits;
use weir_host::limits::{CALL_WALL_TIME_FACTOR, LOG_LINE_BYTES_EXTRA, LOG_LINE_BYTES_MAX, METRIC_NAMES_MAX};
use weir_host::{CallError, GuestLog, Host, HostConfig, Instance, InstanceError, LogLevel, Rows};

use crate::guest::{DeltaImage, HOST, Image, Rows as Select, int64, spec, transform, transform_with};

fn limited(component: &[u8], limits: OperatorLimits) -> Instance {
    let spec = weir_host::InstanceSpec { limits, ..spec(&int64()) };
    HOST.load_bytes(component, "guest").unwrap().instantiate(spec).unwrap()
}

fn call(guest: &mut Instance) -> Result<(), CallError> {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    guest.transform(0, &Rows { rows: 3, columns: &[column], event_times: Some(&[0; 3]) }).map(drop)
}

#[test]
fn output_rows_are_limited_a_row() {
    let select = |rows: usize| DeltaImage { rows: Select::Bytes(vec![0; rows * 4]), ..DeltaImage::default() };
    for (rows, limit, fits) in [(6, 2, true), (7, 2, false), (1, 0, false), (3, 1, true)] {
        let component = transform(&Fields::empty(), |image| format!("(i32.const {})", image.deltas(&[select(rows)])));
        let limits = OperatorLimits { output_rows_per_row: limit, ..OperatorLimits::default() };
        match call(&mut limited(&component, limits)) {
            Ok(()) => assert!(fits, "{rows} rows of 3 at {limit} a row"),
            Err(CallError::OutputRows { rows_in: 3, rows_out, .. }) => assert!(!fits && rows_out == rows),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn output_bytes_are_limited_a_call() {
    // Many lists over the same bytes: little memory, much output.
    let component = transform(&Fields::empty(), |image| {
        let many: Vec<u32> = (0..1000).flat_map(|_| [1024, 2000]).collect();
        let buffers = image.words(&many);
        let array = image.words(&[0, 0, buffers, 1000]);
        let delta = image.words(&[0, 0, 0, array, 1, 0, 0, 0, 0]);
        format!("(i32.const {})", image.words(&[0, delta, 1, 0, 0]))
    });
    let limits = OperatorLimits { output_bytes: 1 << 20, ..OperatorLimits::default() };
    let error = call(&mut limited(&component, limits)).unwrap_err();
    assert!(matches!(error, CallError::OutputBytes { limit_bytes: 1_048_576 }), "{error}");
    // With room it is looked at, and found wrong.
    let error = call(&mut limited(&component, OperatorLimits::default())).unwrap_err();
    assert!(matches!(error, CallError::InvalidOutput(_)), "{error}");
}

#[test]
fn memory_and_tables_are_limited_from_the_start() {
    let component = transform_with("(table 5000 funcref)", &Fields::empty(), |image| {
        format!("(i32.const {})", image.deltas(&[DeltaImage::default()]))
    });
    let component = HOST.load_bytes(&component, "guest").unwrap();
    let start = |limits| component.instantiate(weir_host::InstanceSpec { limits, ..spec(&int64()) }).map(drop);
    assert!(start(OperatorLimits::default()).is_ok());
    let memory = start(OperatorLimits { memory_bytes: 65536, ..OperatorLimits::default() }).unwrap_err();
    assert!(memory.to_string().contains("65536 bytes of memory"), "{memory}");
    assert!(start(OperatorLimits { table_elements: 4999, ..OperatorLimits::default() }).is_err());
}

/// The limit of instances covers their memories, tables and modules too.
#[test]
fn as_many_instances_fit_as_there_is_room_for_whatever_they_are_made_of() {
    let component = transform_with(&"(table 1 funcref)".repeat(16), &Fields::empty(), |image| {
        let answer = image.deltas(&[DeltaImage::default()]);
        // The first memory is the one that is called with: the others come behind it.
        format!("(i32.const {answer})) (memory 1) (memory 1) (memory 1) (func")
    });
    let host = Host::new(HostConfig { cache_dir: None, instances_max: Some(3), ..HostConfig::default() }).unwrap();
    let component = host.load_bytes(&component, "guest").unwrap();
    let start = || component.instantiate(spec(&int64()));
    let mut all: Vec<Instance> = (0..3).map(|_| start().unwrap()).collect();
    let error = start().unwrap_err();
    assert!(matches!(&error, InstanceError::Unavailable(why) if why.contains("lower the parallelism")), "{error}");
    all.pop();
    all.push(start().unwrap());
    all.iter_mut().for_each(|guest| call(guest).unwrap());
}

#[test]
fn a_describe_that_does_not_end_is_ended() {
    let mut image = Image::default();
    let plan = image.plan(1, &Fields::empty(), None);
    let guest = crate::guest::Guest {
        world: "transform-operator",
        image,
        plan,
        prelude: "(start $spin) (func $spin (loop $l (br $l)))",
        functions: vec![("weir:operator/transform@0.1.0#process", crate::guest::PROCESS, "unreachable".into())],
    };
    let limits = OperatorLimits { call_time_ms: 20, ..OperatorLimits::default() };
    let error = guest.load().instantiate(weir_host::InstanceSpec { limits, ..spec(&int64()) }).unwrap_err();
    assert!(matches!(&error, InstanceError::Guest(why) if why.contains("20 ms")), "{error}");
}

#[derive(Default)]
struct Lines(Mutex<Vec<(String, LogLevel, String)>>);

impl GuestLog for Lines {
    fn log(&self, operator: &str, level: LogLevel, message: &str) {
        self.0.lock().unwrap().push((operator.into(), level, message.into()));
    }
}

#[test]
fn lines_are_cut_and_dropped_beyond_the_limit() {
    let import = "(import \"weir:operator/log@0.1.0\" \"log\" (func $log (param i32 i32 i32)))";
    let component = transform_with(import, &Fields::empty(), |image| {
        let short = image.put(b"hello");
        let long = image.put(&[b'x'; 2 * LOG_LINE_BYTES_MAX]);
        let answer = image.deltas(&[DeltaImage::default()]);
        format!(
            "(call $log (i32.const 3) (i32.const {short}) (i32.const 5))
             (call $log (i32.const 4) (i32.const {long}) (i32.const {}))
             (i32.const {answer})",
            2 * LOG_LINE_BYTES_MAX
        )
    });
    let lines = Arc::new(Lines::default());
    let mut spec = spec(&int64());
    spec.log = Arc::clone(&lines) as Arc<dyn GuestLog>;
    spec.limits.log_bytes_per_s = (LOG_LINE_BYTES_MAX + 5 + 2 * LOG_LINE_BYTES_EXTRA) as u64;
    let mut guest = HOST.load_bytes(&component, "guest").unwrap().instantiate(spec).unwrap();
    call(&mut guest).unwrap();
    assert_eq!(guest.log_lines_dropped(), 0);
    let lines = lines.0.lock().unwrap();
    assert_eq!(lines[0], ("test".into(), LogLevel::Warn, "hello".into()));
    assert_eq!((lines[1].1, lines[1].2.len()), (LogLevel::Error, LOG_LINE_BYTES_MAX));
    drop(lines);
    // The rest of the second is silent, unless it has just ended.
    (0..20).for_each(|_| call(&mut guest).unwrap());
    assert!(guest.log_lines_dropped() > 0);
}

#[test]
fn metrics_are_summed_and_limited_in_number() {
    let import = "(import \"weir:operator/metrics@0.1.0\" \"count\" (func $count (param i32 i32 i64)))
        (import \"weir:operator/metrics@0.1.0\" \"observe\" (func $observe (param i32 i32 f64)))";
    // 200 names of two letters; each call counts every name once and observes one value.
    let component = transform_with(import, &Fields::empty(), |image| {
        let names: Vec<u8> = (0..200_u8).flat_map(|i| [b'a' + i / 20, b'a' + i % 20]).collect();
        let names = image.put(&names);
        let answer = image.deltas(&[DeltaImage::default()]);
        format!(
            "(local $i i32) (call $observe (i32.const {names}) (i32.const 2) (f64.const 2.5))
             (loop $l (call $count (i32.add (i32.const {names}) (i32.mul (local.get $i) (i32.const 2))) (i32.const 2) (i64.const 3))
               (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 200))))
             (if (i32.eq (local.get $rows) (i32.const 99)) (then unreachable)) (i32.const {answer})"
        )
    });
    let mut guest = limited(&component, OperatorLimits::default());
    call(&mut guest).unwrap();
    call(&mut guest).unwrap();
    let metrics = guest.metrics();
    assert_eq!(metrics.counters.len() + metrics.histograms.len(), METRIC_NAMES_MAX);
    assert_eq!(metrics.counters["aa"], 6);
    assert_eq!(metrics.histograms["aa"].sum, 5.0);
    assert_eq!(metrics.dropped, 2 * 101);
}

/// A log that blocks its writers, without using the processor.
struct Slow(Duration);

impl GuestLog for Slow {
    fn log(&self, _: &str, _: LogLevel, _: &str) {
        let (_keep, never) = std::sync::mpsc::sync_channel::<()>(0);
        assert!(never.recv_timeout(self.0).is_err());
    }
}

/// Logs this many times, each a line of one letter.
fn logger(lines: u32, log: Slow, call_time_ms: u64) -> Instance {
    let import = "(import \"weir:operator/log@0.1.0\" \"log\" (func $log (param i32 i32 i32)))";
    let component = transform_with(import, &Fields::empty(), |image| {
        let line = image.put(b"x");
        let answer = image.deltas(&[DeltaImage::default()]);
        format!(
            "(local $i i32)
             (loop $l (call $log (i32.const 2) (i32.const {line}) (i32.const 1))
               (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const {lines}))))
             (i32.const {answer})"
        )
    });
    let mut spec = spec(&int64());
    spec.log = Arc::new(log);
    spec.limits.log_bytes_per_s = u64::MAX;
    spec.limits.call_time_ms = call_time_ms;
    HOST.load_bytes(&component, "guest").unwrap().instantiate(spec).unwrap()
}

#[test]
fn time_in_which_the_thread_of_a_call_does_not_run_is_not_its_own() {
    let mut guest = logger(4, Slow(Duration::from_millis(100)), 100);
    for _ in 0..2 {
        call(&mut guest).unwrap();
    }
}

#[test]
fn a_call_that_does_nothing_for_long_ends() {
    let mut guest = logger(u32::MAX, Slow(Duration::from_millis(5)), 20);
    let error = call(&mut guest).unwrap_err();
    assert!(matches!(error, CallError::Stalled { limit_ms } if limit_ms == 20 * CALL_WALL_TIME_FACTOR), "{error}");
    assert!(error.is_passing() && error.is_time_out());
}
