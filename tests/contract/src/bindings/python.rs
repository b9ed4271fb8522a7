//! Python, with `componentize-py`. Python itself parses what it makes.

use std::process::Command;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};

use super::tools::{python_package, run};
use super::{files_below, source};
use crate::names::{Kind, Name, World, assert_spelled, without, worlds};

const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";
const COMMENTS: [(&str, &str); 2] = [("\"\"\"", "\"\"\""), ("#", "\n")];

#[test]
fn contract_binds_in_python() {
    let package = python_package(COMPONENTIZE_PY);
    for World { name: world, wit, names } in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let bindings = folder.path().join("bindings");
        let script = "import sys, componentize_py; sys.exit(componentize_py.script())";
        let mut generator = Command::new("python3");
        generator.env("PYTHONPATH", &package).args(["-c", script]);
        run(generator.arg("-d").arg(&wit).args(["-w", &world, "bindings"]).arg(&bindings));
        // What is beside it is the same for all contracts, for the Python within components.
        let generated = bindings.join("wit_world");
        let files = files_below(&generated);
        run(Command::new("python3").args(["-m", "compileall", "-q"]).arg(&generated));
        assert_spelled(&names, &without(&source(&files, ".py"), &COMMENTS), spell);
    }
}

fn spell(name: &Name) -> Option<String> {
    Some(match &name.kind {
        Kind::Type => name.name.to_upper_camel_case(),
        Kind::Alias => return None,
        Kind::EnumCase(_) => name.name.to_shouty_snake_case(),
        Kind::VariantCase(of) => format!("{}_{}", of.to_upper_camel_case(), name.name.to_upper_camel_case()),
        Kind::Field | Kind::Function | Kind::Parameter => name.name.to_snake_case(),
    })
}
