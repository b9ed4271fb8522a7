//! Compiled code is made once, checked each time, and made again if it was damaged.

use std::path::{Path, PathBuf};

use arrow::datatypes::Fields;
use weir_host::{FunctionCounts, Host, HostConfig, Instance, cache_usage, clear_cache};

use crate::guest::{DeltaImage, int64, spec, transform, transform_with};

fn component(tag: i32) -> Vec<u8> {
    transform(&Fields::empty(), |image| {
        format!("(drop (i32.const {tag})) (i32.const {})", image.deltas(&[DeltaImage::default()]))
    })
}

fn host(dir: &Path) -> Host {
    Host::new(HostConfig { cache_dir: Some(dir.to_owned()), instances_max: Some(4), ..HostConfig::default() }).unwrap()
}

fn is_cached(host: &Host, component: &[u8]) -> bool {
    host.load_bytes(component, "op.wasm").unwrap().compile_time().is_none()
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.is_file()).collect()
}

/// A component of this many functions, and one that has this number in it.
fn component_of(functions: usize, tag: i32) -> Vec<u8> {
    let function = |i: usize| format!("(func (result i32) (i32.const {i}))");
    let functions: String = (0..functions).map(function).collect();
    transform_with(&functions, &Fields::empty(), |image| {
        format!("(drop (i32.const {tag})) (i32.const {})", image.deltas(&[DeltaImage::default()]))
    })
}

/// How many functions had to be compiled, and how many were there.
fn counts(host: &Host, component: &[u8]) -> FunctionCounts {
    host.load_bytes(component, "op.wasm").unwrap().compiled_functions().unwrap()
}

/// Most functions were there. Not all: Cranelift's key of a function depends on what the same thread compiled before, if that was a
/// function that adapts calls.
#[track_caller]
fn assert_known(counts: FunctionCounts) {
    assert!(counts.reused > counts.compiled, "{counts:?}");
}

#[track_caller]
fn assert_new(counts: FunctionCounts) {
    assert!(counts.compiled > 50, "{counts:?}");
}

#[test]
fn a_component_is_compiled_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("made/when/needed");
    assert!(!is_cached(&host(&dir), &component(1)));
    assert!(is_cached(&host(&dir), &component(1)));
    assert!(!is_cached(&host(&dir), &component(2)));
    assert_eq!(entries(&dir).len(), 2);
}

#[test]
fn a_damaged_entry_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    assert!(!is_cached(&host, &component(1)));
    let [entry] = &entries(folder.path())[..] else { panic!("one entry") };
    let sound = std::fs::read(entry).unwrap();
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [
        vec![],
        sound[..20].to_vec(),
        sound[..sound.len() - 1].to_vec(),
        flipped(3),
        flipped(12),
        flipped(sound.len() / 2),
    ];
    for damaged in damages {
        std::fs::write(entry, damaged).unwrap();
        assert!(!is_cached(&host, &component(1)));
        assert_eq!(std::fs::read(entry).unwrap(), sound);
        assert!(is_cached(&host, &component(1)));
    }
}

#[test]
fn an_unusable_folder_costs_time_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, b"").unwrap();
    let host = host(&file);
    assert!(!is_cached(&host, &component(1)));
    assert!(!is_cached(&host, &component(1)));
}

#[test]
fn a_changed_component_reuses_the_functions_that_did_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let first = counts(&host(folder.path()), &component_of(50, 1));
    assert_new(first);
    let changed = counts(&host(folder.path()), &component_of(50, 2));
    assert_known(changed);
    assert_eq!(entries(&folder.path().join("functions")).len(), 2);
    let seen = cache_usage(folder.path()).unwrap();
    assert_eq!((seen.components.files, seen.functions.files), (2, 2));
    assert_eq!(clear_cache(folder.path()).unwrap(), seen);
    assert_new(counts(&host(folder.path()), &component_of(50, 2)));
}

#[test]
fn reused_functions_make_the_same_code_as_compiled_ones() {
    let [fresh, reusing] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    counts(&host(reusing.path()), &component_of(50, 1));
    for dir in [fresh.path(), reusing.path()] {
        counts(&host(dir), &component_of(50, 2));
    }
    let code = |dir: &Path| entries(dir).iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let [expected] = &code(fresh.path())[..] else { panic!("one component") };
    assert!(code(reusing.path()).contains(expected));
}

#[test]
fn damaged_functions_are_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let functions = folder.path().join("functions");
    let compile = || {
        entries(folder.path()).iter().for_each(|path| std::fs::remove_file(path).unwrap());
        counts(&host(folder.path()), &component_of(50, 1))
    };
    assert_new(compile());
    let [pack] = &entries(&functions)[..] else { panic!("one file of functions") };
    let sound = std::fs::read(pack).unwrap();
    let last = sound.len() - 1;
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damage = |bytes: &[u8]| {
        entries(&functions).iter().for_each(|path| std::fs::remove_file(path).unwrap());
        std::fs::write(pack, bytes).unwrap();
    };
    // Its head, its index, what is missing at its end: nothing of it is used, and the next time all is there.
    for damaged in
        [vec![], sound[..20].to_vec(), sound[..last].to_vec(), flipped(0), flipped(9), flipped(20), flipped(60)]
    {
        damage(&damaged);
        assert_new(compile());
        assert_known(compile());
    }
    // The code of one function: the others are used. Whether it is asked for depends on the order in which functions are compiled.
    damage(&flipped(last));
    assert_known(compile());
    // The compilation that asks for it removes the file, whichever that is, and the next one compiles all: no other does.
    let all_anew = |counts: &FunctionCounts| counts.reused <= counts.compiled;
    assert!((0..6).map(|_| compile()).filter(all_anew).count() <= 1);
}

#[test]
fn functions_of_an_engine_with_other_settings_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let functions = folder.path().join("functions");
    counts(&host(folder.path()), &component_of(50, 1));
    let [pack] = &entries(&functions)[..] else { panic!("one file of functions") };
    let name = pack.file_name().unwrap().to_str().unwrap();
    let engine = name.split_once('-').unwrap().1;
    let of_another = name.replace(engine, &engine.replace(|c: char| c.is_ascii_digit(), "f"));
    std::fs::rename(pack, pack.with_file_name(of_another)).unwrap();
    assert_new(counts(&host(folder.path()), &component_of(50, 2)));
    assert_eq!(entries(&functions).len(), 2);
}

/// Of processes this holds as of hosts: nothing is shared but the folder.
#[test]
fn hosts_that_compile_at_once_into_one_folder_disturb_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let compile = |tag: i32| {
        let host = host(folder.path());
        let component = host.load_bytes(&component_of(20 + tag as usize % 4, tag), "op.wasm").unwrap();
        let instance: Instance = component.instantiate(spec(&int64())).unwrap();
        assert_eq!(instance.plan().outputs.len(), 1);
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || (0..8).for_each(|n| compile(thread * 8 + n)));
        }
    });
    let again = counts(&host(folder.path()), &component_of(20, 1000));
    assert_known(again);
    assert_eq!(cache_usage(folder.path()).unwrap().components.files, 33);
    let temporary =
        entries(&folder.path().join("functions")).iter().any(|path| path.extension() != Some("weirfns".as_ref()));
    assert!(!temporary);
}
