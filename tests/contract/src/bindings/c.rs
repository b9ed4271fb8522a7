//! C, with `wit-bindgen`. The C compiler that other parts of the workspace need checks what it makes.

use std::process::Command;

use heck::{ToShoutySnakeCase, ToSnakeCase};

use super::tools::run;
use super::{SLASHES, generate, source};
use crate::names::{Kind, Name, assert_spelled, without, worlds};

#[test]
fn contract_binds_in_c() {
    for world in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let files = generate(&mut *wit_bindgen_c::Opts::default().build(), &world, folder.path());
        assert_spelled(&world.names, &without(&source(&files, ".h"), &SLASHES), |name| Some(spell(name)));
        // Not `-Wall`: attributes for WebAssembly are unknown to compilers for this machine.
        let implementation = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "c"));
        run(Command::new("cc")
            .args(["-std=c11", "-w", "-fsyntax-only"])
            .args(implementation)
            .current_dir(folder.path()));
    }
}

fn spell(name: &Name) -> String {
    let exported = if name.is_exported { "exports_" } else { "" };
    let prefix = format!("{exported}weir_{}_{}_", name.package, name.interface.to_snake_case());
    let snake = name.name.to_snake_case();
    match &name.kind {
        Kind::Type | Kind::Alias => format!("{prefix}{snake}_t"),
        Kind::EnumCase(of) | Kind::VariantCase(of) => format!("{prefix}{of}_{snake}").to_shouty_snake_case(),
        Kind::Function => format!("{prefix}{snake}"),
        Kind::Field | Kind::Parameter => snake,
    }
}
