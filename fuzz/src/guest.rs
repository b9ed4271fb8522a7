//! A guest that answers what it is given: its plan is in its configuration, and its answers are in the first value of its first column
//! (of its state, if a call has no rows). So everything that a guest can say is what the fuzzer says.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BinaryArray};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use libfuzzer_sys::arbitrary::Unstructured;
use weir_core::limits::OperatorLimits;
use weir_host::{Component, Host, HostConfig, InputSchema, World};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::image::BASE;

/// Where the plan lies: the answer of a call is written elsewhere.
const PLAN: u32 = 2 * BASE;
/// Behind the plan.
const HEAP: u32 = 3 * BASE;
/// The answer of `about`: nothing.
const ABOUT: u32 = 64;

/// The host of all guests of this process.
pub(crate) static HOST: LazyLock<Host> = LazyLock::new(|| {
    Host::new(HostConfig { cache_dir: None, instances_max: Some(8), ..HostConfig::default() })
        .expect("this machine can run WebAssembly")
});

static COMPONENTS: LazyLock<[Component; 3]> = LazyLock::new(|| {
    WORLDS.map(|world| HOST.load_bytes(&component(world), world.name()).expect("the guest is an operator"))
});

/// The worlds that there are.
pub(crate) const WORLDS: [World; 3] = [World::Transform, World::Keyed, World::Aggregate];

/// The guest of a world.
pub(crate) fn of(world: World) -> &'static Component {
    let index = WORLDS.iter().position(|of| *of == world).unwrap_or_default();
    &COMPONENTS[index]
}

/// A configuration with this plan: an image, two letters a byte.
pub(crate) fn config(plan: &[u8]) -> serde_json::Value {
    let letter = |nibble: u8| char::from(b'a' + nibble);
    serde_json::Value::String(plan.iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect())
}

/// The input of all guests, keyed by its first column, which has the answers.
pub(crate) fn input() -> InputSchema {
    let fields: Fields = vec![answer_field(), Field::new("x", DataType::Int64, true)].into();
    InputSchema::only(Arc::new(Schema::new(fields)), vec![0])
}

/// The column with the answers.
pub(crate) fn answer_field() -> Field {
    Field::new("answer", DataType::Binary, false)
}

/// A column with an answer in its first row.
pub(crate) fn answers(answer: &[u8], rows: usize) -> ArrayRef {
    Arc::new(BinaryArray::from_iter_values((0..rows).map(|row| if row == 0 { answer } else { &[] })))
}

/// What the guests may take: little, so that inputs that take more end soon.
pub(crate) fn limits() -> OperatorLimits {
    OperatorLimits { memory_bytes: 2 << 20, call_time_ms: 200, output_bytes: 4 << 20, ..OperatorLimits::default() }
}

/// A type that can cross the boundary.
pub(crate) fn data_type(u: &mut Unstructured<'_>, depth: u32) -> DataType {
    const FORMATS: [&str; 21] = [
        "b",
        "c",
        "s",
        "i",
        "l",
        "C",
        "S",
        "I",
        "L",
        "f",
        "g",
        "tdD",
        "tss:UTC",
        "tsm:",
        "tsu:UTC",
        "tsn:+01:00",
        "d:38,0",
        "d:4,2",
        "u",
        "z",
        "u",
    ];
    let nested = |u: &mut Unstructured<'_>, index: u32| {
        Field::new(format!("n{index}"), data_type(u, depth - 1), u.arbitrary().unwrap_or(false))
    };
    match u.int_in_range(0..=24_usize).unwrap_or(0) {
        21 | 22 if depth > 0 => DataType::List(Arc::new(nested(u, 0))),
        23 | 24 if depth > 0 => {
            let fields = u.int_in_range(1..=3).unwrap_or(1);
            DataType::Struct((0..fields).map(|index| nested(u, index)).collect())
        }
        index => weir_host::format::data_type_of(FORMATS[index % FORMATS.len()], Vec::new()).unwrap_or(DataType::Int8),
    }
}

/// Some columns `c0`, `c1`, ...
pub(crate) fn fields(u: &mut Unstructured<'_>) -> Fields {
    let count = u.int_in_range(0..=3).unwrap_or(0);
    (0..count).map(|column| Field::new(format!("c{column}"), data_type(u, 3), u.arbitrary().unwrap_or(false))).collect()
}

fn component(world: World) -> Vec<u8> {
    let mut module = wat::parse_str(text(world)).expect("the guest's text is WebAssembly");
    let mut resolve = Resolve::default();
    let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit");
    let (package, _) = resolve.push_dir(contract).expect("the contract can be read");
    let world = resolve.select_world(&[package], Some(world.name())).expect("the contract has the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it is the guest's world");
    let mut encoder = ComponentEncoder::default().validate(true).module(&module).expect("the guest is a module");
    encoder.encode().expect("the guest is a component")
}

/// The guest's module: `$answer` copies the bytes of a column's first value, and gives the address that is in their first word.
fn text(world: World) -> String {
    let name = world.name().trim_end_matches("-operator");
    let interface = format!("weir:operator/{name}@0.1.0");
    let i32s = |count: usize| "i32 ".repeat(count);
    // Function, its parameters, and where the first column is.
    let functions: &[(&str, usize, &str)] = match world {
        World::Transform => &[("process", 8, "(local.get 2)")],
        World::Keyed => &[
            ("process", 1, "(i32.load offset=8 (local.get 0))"),
            ("on-timer", 1, "(i32.load offset=24 (local.get 0))"),
            ("migrate", 8, "(local.get 6)"),
        ],
        World::Aggregate => {
            &[("accumulate", 14, "(local.get 1)"), ("merge", 10, "(local.get 3)"), ("finish", 5, "(local.get 3)")]
        }
    };
    let exports: String = functions
        .iter()
        .map(|(function, parameters, column)| {
            format!(
                "(func (export \"{interface}#{function}\") (param {}) (result i32) (call $answer {column}))
                 (func (export \"cabi_post_{interface}#{function}\") (param i32) (global.set $heap (i32.const {HEAP})))",
                i32s(*parameters)
            )
        })
        .collect();
    format!(
        "(module
          (memory (export \"memory\") 4)
          (global $heap (mut i32) (i32.const {HEAP}))
          (func (export \"cabi_realloc\") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
            (global.set $heap (i32.add (local.get $at) (local.get $size)))
            (block $fits
              (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
              (br_if $fits (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1)
                (i32.shr_u (i32.sub (global.get $heap) (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))))
              unreachable)
            (local.get $at))
          (func $answer (param $column i32) (result i32) (local $buffers i32)
            (local.set $buffers (i32.load offset=8 (local.get $column)))
            (memory.copy (i32.const {BASE}) (i32.load offset=16 (local.get $buffers)) (i32.load offset=20 (local.get $buffers)))
            (i32.load (i32.const {BASE})))
          (func (export \"{interface}#about\") (result i32) (i32.const {ABOUT}))
          (func (export \"{interface}#describe\") (param $at i32) (param $len i32) (param i32 i32) (result i32)
            (local $to i32) (local $end i32)
            (local.set $to (i32.const {PLAN}))
            (local.set $end (i32.add (local.get $at) (i32.sub (local.get $len) (i32.const 1))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (block $done (loop $next
              (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
              (i32.store8 (local.get $to) (i32.or
                (i32.shl (i32.sub (i32.load8_u (local.get $at)) (i32.const 97)) (i32.const 4))
                (i32.sub (i32.load8_u offset=1 (local.get $at)) (i32.const 97))))
              (local.set $at (i32.add (local.get $at) (i32.const 2)))
              (local.set $to (i32.add (local.get $to) (i32.const 1)))
              (br $next)))
            (global.set $heap (i32.const {HEAP}))
            ;; Images are made for another place.
            (memory.copy (i32.const {BASE}) (i32.const {PLAN}) (i32.const {BASE}))
            (i32.load (i32.const {BASE})))
          {exports})"
    )
}
