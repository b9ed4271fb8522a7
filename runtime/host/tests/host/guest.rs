//! Makes guests: a core module in text with its answers as bytes in memory, embedded with the published WIT files. The layouts
//! here are the canonical ABI's, by hand.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Fields, Schema};
use weir_host::format::format_of;
use weir_host::{Component, Host, HostConfig, InputSchema, Instance, InstanceSpec, NoLog};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) static HOST: LazyLock<Host> = LazyLock::new(|| {
    Host::new(HostConfig { cache_dir: None, instances_max: Some(64), ..HostConfig::default() }).unwrap()
});

/// Where the static answers begin.
const BASE: u32 = 1024;

/// Static memory of a guest.
#[derive(Clone, Default)]
pub(crate) struct Image {
    bytes: Vec<u8>,
    /// What `about` gives, if anything is said.
    info: Option<u32>,
}

impl Image {
    /// Puts bytes, aligned; gives their address.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let at = BASE + self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        at
    }

    pub(crate) fn words(&mut self, words: &[u32]) -> u32 {
        self.put(&words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>())
    }

    /// A list's address and length.
    fn list(&mut self, bytes: &[u8], len: usize) -> [u32; 2] {
        [self.put(bytes), len as u32]
    }

    fn string(&mut self, text: &str) -> [u32; 2] {
        self.list(text.as_bytes(), text.len())
    }

    fn fields(&mut self, fields: &Fields) -> [u32; 2] {
        fn push(image: &mut Image, field: &Field, words: &mut Vec<u32>) {
            let children: &[_] = match field.data_type() {
                DataType::List(item) => std::slice::from_ref(item),
                DataType::Struct(fields) => fields,
                _ => &[],
            };
            let format = format_of(field.data_type()).unwrap();
            words.extend(image.string(field.name()));
            words.extend(image.string(&format));
            words.extend([u32::from(field.is_nullable()), children.len() as u32]);
            children.iter().for_each(|child| push(image, child, words));
        }
        let mut words = Vec::new();
        fields.iter().for_each(|field| push(self, field, &mut words));
        [self.words(&words), words.len() as u32 / 6]
    }

    /// `ok(plan)`: reads the first columns of one input, has one output with these computed columns.
    pub(crate) fn plan(&mut self, reads: usize, computed: &Fields, state: Option<&Fields>) -> u32 {
        self.plan_with_maps(reads, computed, state, &[])
    }

    /// As [`Image::plan`]; a map is its name, its key columns and its value columns.
    pub(crate) fn plan_with_maps(
        &mut self,
        reads: usize,
        computed: &Fields,
        state: Option<&Fields>,
        maps: &[(&str, Fields, Fields)],
    ) -> u32 {
        let mut layouts = Vec::new();
        for (name, key, value) in maps {
            layouts.extend(self.string(name));
            layouts.extend(self.fields(key));
            layouts.extend(self.fields(value));
        }
        let maps = [self.words(&layouts), maps.len() as u32];
        let read = self.words(&(0..reads as u32).collect::<Vec<_>>());
        let reads = self.words(&[read, reads as u32]);
        let mut columns = Vec::new();
        for field in computed {
            let [at, nodes] = self.fields(&vec![Arc::clone(field)].into());
            columns.extend([1, at, nodes, 0, 0, 0]);
        }
        let columns = self.words(&columns);
        let [name, name_len] = self.string("main");
        let outputs = self.words(&[name, name_len, columns, computed.len() as u32, 0]);
        let state = match state {
            Some(fields) => {
                let [at, nodes] = self.fields(fields);
                [1, 1, at, nodes]
            }
            None => [0; 4],
        };
        self.words(&[&[0, reads, 1, 1, outputs, 1][..], &state, &maps].concat())
    }

    fn arrays(&mut self, arrays: &[ArrayImage]) -> [u32; 2] {
        let mut words = Vec::new();
        for array in arrays {
            let mut buffers = Vec::new();
            for buffer in &array.buffers {
                buffers.extend(self.list(buffer, buffer.len()));
            }
            let at = self.words(&buffers);
            words.extend([array.length, array.null_count, at, array.buffers.len() as u32]);
        }
        [self.words(&words), arrays.len() as u32]
    }

    /// What the operator says of itself.
    pub(crate) fn info(&mut self, title: &str, config_schema: &str) {
        let [title, title_len] = self.string(title);
        let [schema, schema_len] = self.string(config_schema);
        self.info = Some(self.words(&[1, title, title_len, 1, schema, schema_len]));
    }

    /// `ok(deltas)`
    pub(crate) fn deltas(&mut self, deltas: &[DeltaImage]) -> u32 {
        self.answer(deltas, &[])
    }

    /// `ok(deltas)`, with refused rows and why.
    pub(crate) fn answer(&mut self, deltas: &[DeltaImage], rejected: &[(u32, &[u8])]) -> u32 {
        let mut words = Vec::new();
        for delta in deltas {
            match &delta.rows {
                Rows::All => words.extend([0, 0, 0]),
                Rows::None => words.extend([1, 0, 0]),
                Rows::Bytes(bytes) => {
                    words.push(2);
                    words.extend(self.list(bytes, bytes.len()));
                }
            }
            words.extend(self.arrays(&delta.computed));
            words.extend(self.list(&delta.event_times, delta.event_times.len()));
            words.extend(self.list(&delta.row_kinds, delta.row_kinds.len()));
        }
        let at = self.words(&words);
        let mut failures = Vec::new();
        for (row, reason) in rejected {
            failures.push(*row);
            failures.extend(self.list(reason, reason.len()));
        }
        let failures = self.words(&failures);
        self.words(&[0, at, deltas.len() as u32, failures, rejected.len() as u32])
    }

    /// `err(reason)`
    pub(crate) fn failure(&mut self, reason: &[u8]) -> u32 {
        let [at, len] = self.list(reason, reason.len());
        self.words(&[1, at, len, 0, 0])
    }

    fn end(&self) -> u32 {
        (BASE + self.bytes.len() as u32).next_multiple_of(16)
    }
}

/// One node of a column, as a guest gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ArrayImage {
    pub(crate) length: u32,
    pub(crate) null_count: u32,
    pub(crate) buffers: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Rows {
    All,
    None,
    Bytes(Vec<u8>),
}

/// One delta, as a guest gives it.
#[derive(Clone, Debug)]
pub(crate) struct DeltaImage {
    pub(crate) rows: Rows,
    pub(crate) computed: Vec<ArrayImage>,
    pub(crate) event_times: Vec<u8>,
    pub(crate) row_kinds: Vec<u8>,
}

impl DeltaImage {
    /// No row.
    pub(crate) fn none() -> Self {
        Self { rows: Rows::None, ..Self::default() }
    }
}

impl Default for DeltaImage {
    fn default() -> Self {
        Self { rows: Rows::All, computed: Vec::new(), event_times: Vec::new(), row_kinds: Vec::new() }
    }
}

/// A guest's module in text: its memory's image, the answer of `describe`, and its functions.
pub(crate) struct Guest<'a> {
    pub(crate) world: &'a str,
    pub(crate) image: Image,
    pub(crate) plan: u32,
    /// Imports, globals and private functions.
    pub(crate) prelude: &'a str,
    /// Exported name, parameters and result, body.
    pub(crate) functions: Vec<(&'a str, &'a str, String)>,
}

/// The flat parameters of `transform.process`.
pub(crate) const PROCESS: &str = "(param $input i32) (param $rows i32) (param $columns i32) (param $columns_len i32) \
    (param $times i32) (param $times_len i32) (param $kinds i32) (param $kinds_len i32) (result i32)";

impl Guest<'_> {
    /// The core module.
    pub(crate) fn module(&self) -> Vec<u8> {
        let mut image = self.image.clone();
        let about = image.info.unwrap_or_else(|| image.words(&[0; 6]));
        let heap = image.end();
        let interface = self.world.trim_end_matches("-operator");
        let data: String = image.bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        });
        let mut text = format!(
            "(module {prelude}
              (memory (export \"memory\") {pages})
              (global $heap (mut i32) (i32.const {heap}))
              (func $alloc (export \"cabi_realloc\") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
                (global.set $heap (i32.add (local.get $at) (local.get $size)))
                (block $fits
                  (br_if $fits (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
                  (br_if $fits (i32.ne (i32.const -1) (memory.grow (i32.add (i32.const 1)
                    (i32.shr_u (i32.sub (global.get $heap) (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))))
                  unreachable)
                (local.get $at))
              (func (export \"weir:operator/{interface}@0.1.0#about\") (result i32) (i32.const {about}))
              (func (export \"weir:operator/{interface}@0.1.0#describe\") (param i32 i32 i32 i32) (result i32)
                (i32.const {plan}))
              (data (i32.const {BASE}) \"{data}\")",
            prelude = self.prelude,
            pages = heap / 65536 + 2,
            plan = self.plan,
        );
        for (name, signature, body) in &self.functions {
            write!(text, "(func (export \"{name}\") {signature} {body})").unwrap();
            // Everything that was allocated for a call is forgotten after it.
            write!(text, "(func (export \"cabi_post_{name}\") (param i32) (global.set $heap (i32.const {heap})))")
                .unwrap();
        }
        text.push(')');
        wat::parse_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    /// The component.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        componentize(self.module(), self.world)
    }

    pub(crate) fn load(&self) -> Component {
        HOST.load_bytes(&self.bytes(), "guest").unwrap()
    }
}

pub(crate) fn componentize(mut module: Vec<u8>, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

/// A transform that gives one fixed answer, or does what `body` says. It has one output with the computed columns of `computed`.
pub(crate) fn transform(computed: &Fields, body: impl FnOnce(&mut Image) -> String) -> Vec<u8> {
    transform_with("", computed, body)
}

pub(crate) fn transform_with(prelude: &str, computed: &Fields, body: impl FnOnce(&mut Image) -> String) -> Vec<u8> {
    let mut image = Image::default();
    let plan = image.plan(1, computed, None);
    let body = body(&mut image);
    let functions = vec![("weir:operator/transform@0.1.0#process", PROCESS, body)];
    Guest { world: "transform-operator", image, plan, prelude, functions }.bytes()
}

/// A transform that gives back the columns and event times that it reads.
pub(crate) fn echo(fields: &Fields) -> Component {
    let mut image = Image::default();
    let plan = image.plan(fields.len(), fields, None);
    let delta = image.words(&[0; 9]);
    let answer = image.words(&[0, delta, 1, 0, 0]);
    let body = format!(
        "(i32.store (i32.const {columns}) (local.get $columns)) (i32.store (i32.const {columns_len}) (local.get $columns_len))
         (i32.store (i32.const {times}) (local.get $times)) (i32.store (i32.const {times_len}) (local.get $times_len))
         (i32.const {answer})",
        columns = delta + 12,
        columns_len = delta + 16,
        times = delta + 20,
        times_len = delta + 24,
    );
    let functions = vec![("weir:operator/transform@0.1.0#process", PROCESS, body)];
    Guest { world: "transform-operator", image, plan, prelude: "", functions }.load()
}

/// What an instance is made for here: one input, keyed by its first column.
pub(crate) fn spec(fields: &Fields) -> InstanceSpec {
    InstanceSpec {
        operator: "test".into(),
        config: serde_json::json!({}),
        inputs: vec![InputSchema::only(Arc::new(Schema::new(fields.clone())), vec![0])],
        limits: weir_core::limits::OperatorLimits::default(),
        log: Arc::new(NoLog),
    }
}

/// One input column of int64, which the guests here read.
pub(crate) fn int64() -> Fields {
    vec![Field::new("x", DataType::Int64, false)].into()
}

/// An instance of a component over one int64 column.
pub(crate) fn instance(component: &[u8]) -> Instance {
    HOST.load_bytes(component, "guest").unwrap().instantiate(spec(&int64())).unwrap()
}
