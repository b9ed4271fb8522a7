//! Compiled code is made once, checked each time, and made again if it was damaged.

use std::path::Path;

use arrow::datatypes::Fields;
use weir_host::{Host, HostConfig};

use crate::guest::{DeltaImage, transform};

fn component(tag: i32) -> Vec<u8> {
    transform(&Fields::empty(), |image| {
        format!("(drop (i32.const {tag})) (i32.const {})", image.deltas(&[DeltaImage::default()]))
    })
}

fn host(dir: &Path) -> Host {
    Host::new(HostConfig { cache_dir: Some(dir.to_owned()), instances_max: 4 }).unwrap()
}

fn is_cached(host: &Host, component: &[u8]) -> bool {
    host.load_bytes(component, "op.wasm").unwrap().compile_time().is_none()
}

fn entries(dir: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
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
