//! TypeScript, with `jco guest-types`. TypeScript's compiler, strict, takes what it makes.

use std::path::Path;
use std::process::Command;

use heck::{ToLowerCamelCase, ToUpperCamelCase};

use super::tools::{installed, run};
use super::{SLASHES, files_below, source};
use crate::names::{Kind, Name, World, assert_spelled, without, worlds};

/// Packages of npm. What else `jco` depends on (an engine, binaryen) is for other commands, and 150 MB; later ones than 1.15 fail to
/// read WIT files on Node 20.
const PACKAGES: [(&str, &str); 3] =
    [("@bytecodealliance/jco", "1.15.0"), ("@bytecodealliance/preview2-shim", "0.17.9"), ("typescript", "5.9.3")];
/// What `jco guest-types` does with its arguments.
const GUEST_TYPES: &str = "import { pathToFileURL } from 'node:url';
    const [command, wit, worldName, outDir] = process.argv.slice(1);
    const { guestTypes } = await import(pathToFileURL(command));
    await guestTypes(wit, { worldName, outDir, quiet: true });";

#[test]
fn contract_binds_in_typescript() {
    let versions = PACKAGES.map(|(name, version)| format!("{}-{version}", file_name(name))).join("-");
    let packages =
        installed(&versions, |folder| PACKAGES.iter().for_each(|(name, version)| unpack(folder, name, version)));
    let modules = packages.join("node_modules");
    for World { name: world, wit, names } in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let mut generator = Command::new("node");
        generator.args(["--input-type=module", "-e", GUEST_TYPES]);
        generator.arg(modules.join("@bytecodealliance/jco/src/cmd/types.js"));
        run(generator.arg(&wit).arg(&world).arg(folder.path()));
        let mut compiler = Command::new("node");
        // TypeScript's own declarations need no check, and those of browsers are not needed.
        let options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2022", "--skipDefaultLibCheck"];
        compiler.arg(modules.join("typescript/lib/tsc.js")).args(options);
        run(compiler.arg(folder.path().join(&world).with_extension("d.ts")).current_dir(folder.path()));
        let files = files_below(folder.path());
        assert_spelled(&names, &without(&source(&files, ".d.ts"), &SLASHES), |name| Some(spell(name)));
    }
}

/// Puts a package of npm where Node looks for it.
fn unpack(folder: &Path, name: &str, version: &str) {
    run(Command::new("npm").args(["pack", "--silent"]).arg(format!("{name}@{version}")).current_dir(folder));
    let module = folder.join("node_modules").join(name);
    std::fs::create_dir_all(&module).unwrap();
    let archive = format!("{}-{version}.tgz", file_name(name));
    run(Command::new("tar").args(["-xzf", &archive, "--strip-components=1", "-C"]).arg(&module).current_dir(folder));
    std::fs::remove_file(folder.join(archive)).unwrap();
}

/// A package's name as npm writes it in names of files.
fn file_name(package: &str) -> String {
    package.trim_start_matches('@').replace('/', "-")
}

fn spell(name: &Name) -> String {
    match &name.kind {
        Kind::Type | Kind::Alias => name.name.to_upper_camel_case(),
        Kind::EnumCase(_) | Kind::VariantCase(_) => format!("'{}'", name.name),
        Kind::Field | Kind::Function | Kind::Parameter => name.name.to_lower_camel_case(),
    }
}
