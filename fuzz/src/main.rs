//! All fuzz targets in one binary: libFuzzer makes up bytes, and the target that `WEIR_FUZZ_TARGET` names says what must hold for
//! them. `cargo xtask fuzz` builds and runs it. It never decides what to mutate, and keeps nothing but a folder of scratch files.

#![no_main]

mod groups;
mod guest;
mod image;
mod panics;
mod records;
mod scratch;
mod targets;

use std::sync::OnceLock;

/// Says what must hold for some bytes, by an assertion.
type Target = fn(&[u8]);

static TARGET: OnceLock<Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(init: choose(), |bytes: &[u8]| {
    if let Some(target) = TARGET.get() {
        target(bytes);
    }
});

/// Finds the target; without one there is nothing to run.
fn choose() {
    panics::abort_on_panic();
    let name = std::env::var("WEIR_FUZZ_TARGET").unwrap_or_default();
    match targets::TARGETS.iter().find(|(of, _)| *of == name) {
        Some((_, target)) => TARGET.get_or_init(|| *target),
        None => {
            let names: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
            eprintln!("error: WEIR_FUZZ_TARGET is {name:?}; the targets are {}", names.join(", "));
            std::process::exit(2);
        }
    };
}
