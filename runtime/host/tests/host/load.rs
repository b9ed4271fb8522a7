//! What is no operator is refused before it is compiled, with what to do about it.

use std::io::Write;

use arrow::datatypes::Fields;
use weir_core::limits::COMPONENT_BYTES_MAX;
use weir_host::{LoadError, World};

use crate::guest::{DeltaImage, Guest, HOST, Image, PROCESS, transform};

fn component() -> Vec<u8> {
    transform(&Fields::empty(), |image| format!("(i32.const {})", image.deltas(&[DeltaImage::default()])))
}

fn error(bytes: &[u8]) -> LoadError {
    HOST.load_bytes(bytes, "op.wasm").map(|_| ()).unwrap_err()
}

#[test]
fn every_wrong_file_gets_its_own_error() {
    let mut image = Image::default();
    let plan = image.plan(1, &Fields::empty(), None);
    let functions = vec![("weir:operator/transform@0.1.0#process", PROCESS, "unreachable".to_owned())];
    let module = Guest { world: "transform-operator", image, plan, prelude: "", functions }.module();
    let text = |text: &str| wat::parse_str(text).unwrap();
    let imports = |name: &str| text(&format!("(component (import \"{name}\" (instance (export \"get\" (func)))))"));
    let exports = |names: &[&str]| {
        let exports = names.iter().map(|name| format!("(export \"{name}\" (instance $i))")).collect::<String>();
        text(&format!("(component (instance $i) {exports})"))
    };
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("a core module", module, &["core WebAssembly module", "weir build"]),
        ("an empty file", vec![], &["not WebAssembly"]),
        ("another file", b"PK\x03\x04".to_vec(), &["not WebAssembly"]),
        ("text", b"  (component)".to_vec(), &["text"]),
        ("native code", b"\x7fELF\x02\x01".to_vec(), &["precompiled", "never accepted"]),
        (
            "WASI",
            imports("wasi:random/random@0.2.0"),
            &["wasi:random/random@0.2.0", "wasm32-unknown-unknown", "--stub-wasi", "\"random\""],
        ),
        ("HTTP", imports("wasi:http/types@0.2.0"), &["wasi:http/types@0.2.0", "fetch-event"]),
        ("another import", imports("acme:database/query"), &["acme:database/query", "only weir:operator"]),
        ("a newer version", imports("weir:operator/log@0.2.0"), &["weir:operator/log@0.2.0", "weir:operator@0.1.0"]),
        ("no export", exports(&[]), &["exports nothing"]),
        ("a different world", exports(&["wasi:cli/run@0.2.0"]), &["a different WIT world", "wasi:cli/run@0.2.0"]),
        ("two worlds", exports(&["weir:operator/keyed@0.1.0", "weir:operator/transform@0.1.0"]), &["several"]),
        (
            "a transform that takes rows back",
            exports(&["weir:operator/transform@0.1.0", "weir:updating/retract@0.1.0"]),
            &["a transform-operator and exports weir:updating/retract@0.1.0", "only for an aggregate-operator"],
        ),
        (
            "rows taken back in a newer way",
            exports(&["weir:operator/aggregate@0.1.0", "weir:updating/retract@0.2.0"]),
            &["was made for weir:updating/retract@0.2.0, and this weir has weir:updating/retract@0.1.0"],
        ),
        ("other types", exports(&["weir:operator/keyed@0.1.0"]), &["no function weir:operator/keyed@0.1.0#process"]),
    ];
    let mut kinds = Vec::new();
    for (name, bytes, says) in cases {
        let error = error(&bytes);
        for says in says {
            assert!(error.to_string().contains(says), "{name}: {error}");
        }
        kinds.push(std::mem::discriminant(&error));
    }
    kinds.dedup();
    assert_eq!(kinds.len(), 10);
}

#[test]
fn a_wrong_signature_names_the_function() {
    let component = wat::parse_str(
        "(component
           (core module $m (func (export \"f\")))
           (core instance $c (instantiate $m))
           (func $f (canon lift (core func $c \"f\")))
           (instance $transform (export \"process\" (func $f)))
           (export \"weir:operator/transform@0.1.0\" (instance $transform)))",
    );
    let error = error(&component.unwrap());
    assert!(matches!(error, LoadError::OtherTypes { .. }), "{error}");
    assert!(error.to_string().contains("transform@0.1.0#process"), "{error}");
}

#[test]
fn a_component_cut_anywhere_is_refused() {
    let whole = component();
    let mut whole_enough = 0;
    for end in 0..whole.len() {
        let Err(error) = HOST.load_bytes(&whole[..end], "op.wasm") else {
            // Only what follows the exports may be missing: sections that name things and say which tools made them.
            whole_enough += 1;
            continue;
        };
        let fits = match end {
            0..4 => matches!(error, LoadError::NotWasm { .. }),
            // Cut between two sections it is sound, but exports too little.
            _ => matches!(error, LoadError::Damaged { .. } | LoadError::OtherWorld { .. }),
        };
        assert!(fits, "cut at {end}: {error}");
    }
    assert!(whole_enough <= 2, "{whole_enough} cuts were taken");
}

/// Any flipped byte is refused, or leaves a component that can be loaded: never a panic.
#[test]
fn a_damaged_component_is_no_danger() {
    let whole = component();
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let _ = HOST.load_bytes(&bytes, "op.wasm");
    }
}

#[test]
fn files_are_found_read_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    let missing = HOST.load(folder.path().join("missing.wasm")).map(|_| ()).unwrap_err();
    assert!(matches!(missing, LoadError::NotFound { .. }), "{missing}");
    let unreadable = HOST.load(folder.path()).map(|_| ()).unwrap_err();
    assert!(matches!(unreadable, LoadError::Read { .. }), "{unreadable}");
    let path = folder.path().join("large.wasm");
    std::fs::File::create(&path).unwrap().set_len(COMPONENT_BYTES_MAX + 1).unwrap();
    let large = HOST.load(&path).map(|_| ()).unwrap_err();
    assert!(matches!(large, LoadError::TooLarge { .. }), "{large}");

    let path = folder.path().join("op.wasm");
    std::fs::File::create(&path).unwrap().write_all(&component()).unwrap();
    let loaded = HOST.load(&path).unwrap();
    assert_eq!(loaded.world(), World::Transform);
    assert_eq!(loaded.size_bytes(), component().len() as u64);
    assert_eq!(loaded.digest(), blake3::hash(&component()).to_hex().as_str());
    assert!(loaded.compile_time().is_some());
    assert!(loaded.imports().iter().all(|import| import.starts_with("weir:operator/")));
}

#[test]
fn what_operators_cannot_use_is_refused_by_its_name() {
    let component = |inside: &str| {
        let exported = "(instance $i) (export \"weir:operator/transform@0.1.0\" (instance $i))";
        wat::parse_str(format!("(component {inside} {exported})")).unwrap()
    };
    for (inside, feature) in [
        ("(type (resource (rep i32)))", "resources of its own"),
        ("(core module (memory 1 1 shared))", "threads: shared memories"),
        ("(core module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))", "atomic instructions"),
        ("(type (func async))", "async functions"),
        ("(type (stream u8))", "streams or futures"),
        ("(core module (type (struct (field i32))))", "garbage collection"),
        ("(core module (tag))", "exception handling"),
    ] {
        let error = error(&component(inside));
        assert!(matches!(error, LoadError::LeftOff { .. }), "{inside}: {error}");
        assert!(error.to_string().contains(feature), "{inside}: {error}");
    }
}
