//! Telling what a file is before it is compiled, and saying what to do if it is no operator. Only the outermost component is
//! looked at: its imports and exports decide; that its code is valid the compiler says.

use std::path::PathBuf;

use wasmtime::wasmparser::{ComponentExport, ComponentImport, Encoding, Parser, Payload};
use weir_core::limits::COMPONENT_BYTES_MAX;

use crate::abi::{PACKAGE, RETRACT, UPDATING_PACKAGE, VERSION, interface};
use crate::features::defines_resource;
use crate::plan::World;

/// Why a file is not a component that can be hosted.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("there is no component {path:?}; build it first (`weir build`), or correct the path")]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the component {path:?} cannot be read: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is larger than any component should be.
    #[error(
        "{name} has {bytes} bytes; a component may have {limit}: build it in release mode, without debug information"
    )]
    TooLarge {
        /// Which component.
        name: String,
        /// Its size.
        bytes: u64,
        /// [`COMPONENT_BYTES_MAX`].
        limit: u64,
    },
    /// Native code.
    #[error(
        "{name} is precompiled native code, which is never accepted from outside: give the component (.wasm) that it was made \
         from; it is compiled once and cached"
    )]
    Precompiled {
        /// Which file.
        name: String,
    },
    /// A core module.
    #[error(
        "{name} is a core WebAssembly module, not a component: make it one with `weir build` or \
         `wasm-tools component new module.wasm -o component.wasm`"
    )]
    CoreModule {
        /// Which file.
        name: String,
    },
    /// WebAssembly's text format.
    #[error("{name} is WebAssembly text: turn it into a binary with `wasm-tools parse`")]
    Text {
        /// Which file.
        name: String,
    },
    /// Something else.
    #[error("{name} is not WebAssembly: give the .wasm file that `weir build` made")]
    NotWasm {
        /// Which file.
        name: String,
    },
    /// It begins like a component, and then ends or makes no sense.
    #[error("{name} is damaged or truncated at byte {offset} of {bytes} ({message}): build or copy it again")]
    Damaged {
        /// Which file.
        name: String,
        /// Where it stops making sense.
        offset: usize,
        /// Its size.
        bytes: usize,
        /// What the parser says.
        message: String,
    },
    /// It needs something that operators are not given.
    #[error("{name} imports {import}, but operators may import only {PACKAGE}: {advice}")]
    ForeignImport {
        /// Which component.
        name: String,
        /// The first such import.
        import: String,
        /// Which build flag or target removes it.
        advice: &'static str,
    },
    /// It needs something that only operators of one WIT world are given, and implements a different one.
    #[error(
        "{name} is a {world} and imports {import}, which is only for a {of}: implement that world, or remove the import"
    )]
    OtherWorldImport {
        /// Which component.
        name: String,
        /// Which world it implements.
        world: World,
        /// What it imports.
        import: String,
        /// Which world has that import.
        of: World,
    },
    /// It has something that only operators of one WIT world can have, and implements a different one.
    #[error(
        "{name} is a {world} and exports {export}, which is only for an {of}: implement that world, or remove the export"
    )]
    OtherWorldExport {
        /// Which component.
        name: String,
        /// Which world it implements.
        world: World,
        /// What it exports.
        export: String,
        /// Which world may have that export.
        of: World,
    },
    /// It was made for another version of the contract.
    #[error(
        "{name} was made for {interface}, and this weir has {known}: build it against that, or use the weir that it was made for"
    )]
    OtherVersion {
        /// Which component.
        name: String,
        /// An interface of the other version.
        interface: String,
        /// What there is instead.
        known: String,
    },
    /// It is a component, but no operator.
    #[error(
        "{name} implements a different WIT world: an operator exports one of the interfaces transform, keyed and aggregate of \
         {PACKAGE}, {exports}; build it for a world of {PACKAGE}@{VERSION}"
    )]
    OtherWorld {
        /// Which component.
        name: String,
        /// What it exports instead, as half a sentence.
        exports: String,
    },
    /// The names are right, a type is not.
    #[error("{name} does not fit {PACKAGE}@{VERSION}: {message}; build it against the published WIT files")]
    OtherTypes {
        /// Which component.
        name: String,
        /// Which function, and what differs.
        message: String,
    },
    /// It uses what operators cannot.
    #[error("{name} uses {feature}, which operators cannot use: build it without")]
    LeftOff {
        /// Which component.
        name: String,
        /// What it uses.
        feature: String,
    },
    /// The compiler refuses it.
    #[error("{name} cannot be compiled: {message}")]
    Invalid {
        /// Which component.
        name: String,
        /// What the compiler says.
        message: String,
    },
}

/// What a component's outside says.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) world: World,
    pub(crate) imports: Vec<String>,
}

/// Looks at a component's imports and exports.
///
/// # Errors
/// What the bytes are instead, and what to do.
pub(crate) fn inspect(bytes: &[u8], name: &str) -> Result<Inspection, LoadError> {
    check_kind(bytes, name)?;
    let (imports, exports) = outside(bytes, name)?;
    let foreign = |import: &&String| !import.starts_with(&format!("{PACKAGE}/"));
    if let Some(import) = imports.iter().find(foreign) {
        return Err(LoadError::ForeignImport { name: name.into(), import: import.clone(), advice: advice(import) });
    }
    let other_version = |interface: &&String| {
        let version = interface.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@')).map(|(_, version)| version);
        version.is_some_and(|version| version != VERSION)
    };
    if let Some(interface) = imports.iter().chain(&exports).find(other_version) {
        let known = format!("{PACKAGE}@{VERSION}");
        return Err(LoadError::OtherVersion { name: name.into(), interface: interface.clone(), known });
    }
    let world = world_of(&exports, name)?;
    if let Some(interface) = exports.iter().find(|export| export.starts_with(&format!("{UPDATING_PACKAGE}/"))) {
        let (name, interface) = (name.to_owned(), interface.clone());
        if interface != RETRACT {
            return Err(LoadError::OtherVersion { name, interface, known: RETRACT.to_owned() });
        }
        if world != World::Aggregate {
            return Err(LoadError::OtherWorldExport { name, world, export: interface, of: World::Aggregate });
        }
    }
    if let Some(import) = imports.iter().find(|import| world != World::Keyed && **import == interface("maps")) {
        let (name, import) = (name.to_owned(), import.clone());
        return Err(LoadError::OtherWorldImport { name, world, import, of: World::Keyed });
    }
    Ok(Inspection { world, imports })
}

fn check_kind(bytes: &[u8], name: &str) -> Result<(), LoadError> {
    let name = name.to_owned();
    if bytes.len() as u64 > COMPONENT_BYTES_MAX {
        return Err(LoadError::TooLarge { name, bytes: bytes.len() as u64, limit: COMPONENT_BYTES_MAX });
    }
    if bytes.starts_with(b"\x7fELF") || wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Precompiled { name });
    }
    if !bytes.starts_with(b"\0asm") {
        let text = bytes.trim_ascii_start();
        let is_text = text.starts_with(b"(module") || text.starts_with(b"(component") || text.starts_with(b";;");
        return Err(if is_text { LoadError::Text { name } } else { LoadError::NotWasm { name } });
    }
    if Parser::is_core_wasm(bytes) {
        return Err(LoadError::CoreModule { name });
    }
    Ok(())
}

/// Names of imports and exports of the outermost component. Modules inside are skipped unread.
fn outside(bytes: &[u8], name: &str) -> Result<(Vec<String>, Vec<String>), LoadError> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let damaged = |offset: usize, message: &str| LoadError::Damaged {
        name: name.to_owned(),
        offset,
        bytes: bytes.len(),
        message: message.to_owned(),
    };
    let mut parser = Parser::new(0);
    let mut at = 0;
    loop {
        let chunk = parser.parse(&bytes[at..], true).map_err(|error| damaged(error.offset(), error.message()))?;
        let wasmtime::wasmparser::Chunk::Parsed { consumed, payload } = chunk else {
            return Err(damaged(bytes.len(), "it ends too early"));
        };
        at += consumed;
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => {
                return Err(LoadError::CoreModule { name: name.to_owned() });
            }
            Payload::ModuleSection { unchecked_range: inner, .. }
            | Payload::ComponentSection { unchecked_range: inner, .. } => {
                if inner.end > bytes.len() || inner.end < at {
                    return Err(damaged(bytes.len(), "it ends inside a module"));
                }
                at = inner.end;
            }
            Payload::ComponentTypeSection(types) if defines_resource(types.clone()) => {
                let feature = "resources of its own (the contract has none)".to_owned();
                return Err(LoadError::LeftOff { name: name.to_owned(), feature });
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let ComponentImport { name, .. } = import.map_err(|e| damaged(e.offset(), e.message()))?;
                    imports.push(name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let ComponentExport { name, .. } = export.map_err(|e| damaged(e.offset(), e.message()))?;
                    exports.push(name.name.to_owned());
                }
            }
            Payload::End(_) => return Ok((imports, exports)),
            _ => {}
        }
    }
}

fn world_of(exports: &[String], name: &str) -> Result<World, LoadError> {
    let exported = |of: &str| exports.contains(&interface(of));
    let other = |exports: String| LoadError::OtherWorld { name: name.to_owned(), exports };
    let worlds = [World::Transform, World::Keyed, World::Aggregate].into_iter().filter(|w| exported(export_of(*w)));
    match worlds.collect::<Vec<_>>().as_slice() {
        [world] => Ok(*world),
        [_, _, ..] => Err(other("and this one exports several of them: make a component of each".into())),
        [] if exports.is_empty() => Err(other("and this one exports nothing".into())),
        [] => Err(other(format!("and this one exports {}", exports.join(", ")))),
    }
}

/// The interface that a world is known by.
pub(crate) fn export_of(world: World) -> &'static str {
    match world {
        World::Transform => "transform",
        World::Keyed => "keyed",
        World::Aggregate => "aggregate",
    }
}

/// How to build without an import, by what it is. Every toolchain that was tried can do without all of them.
fn advice(import: &str) -> &'static str {
    macro_rules! javascript {
        ($features:literal) => {
            concat!(
                "in Rust build for the target wasm32-unknown-unknown, not wasm32-wasip1 or -wasip2; in C link as a reactor ",
                "(-mexec-model=reactor) and leave stdio out; in Go (-buildmode=c-shared) adapt with a stub of ",
                "wasi_snapshot_preview1; in Python pass --stub-wasi to componentize-py; in JavaScript disable the feature ",
                $features,
                " of componentize-js (disableFeatures)"
            )
        };
    }
    if import.starts_with("wasi:random/") {
        javascript!("\"random\"")
    } else if import.starts_with("wasi:clocks/") {
        javascript!("\"clocks\"")
    } else if import.starts_with("wasi:http/") {
        javascript!("\"http\" and \"fetch-event\"")
    } else if import.starts_with("wasi:") {
        javascript!("\"stdio\"")
    } else {
        "remove the import, or pass what it gives in the configuration or in columns"
    }
}
