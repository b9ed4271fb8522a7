//! A core module, as a language's compiler makes it, into a component: its world found, the types of the contract put in, its debug
//! information turned into the lines that messages of traps name, and left out. Never changes code.

mod imports;
mod lines;

use std::path::Path;

use anyhow::{Context, bail};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use crate::languages::sdk;

/// The contract's package.
const PACKAGE: &str = "weir:operator/";
/// Each world exports the interface of its name, and nothing else.
pub(super) const WORLDS: [&str; 3] = ["transform", "keyed", "aggregate"];
/// The system interface of older tools, whose imports a stub can stand in for.
const WASI: &str = "wasi_snapshot_preview1";
/// What compilers say in custom sections of themselves and of debugging, apart from the names of functions.
const LEFT_OUT: [&str; 5] = [".debug_", "producers", "target_features", "sourceMappingURL", "external_debug_info"];

/// What a language gives beside the core module.
#[derive(Default)]
pub(super) struct Extras<'a> {
    /// A core module that stands in for the imports of WASI which the language's runtime cannot do without.
    pub(super) stub: Option<&'a [u8]>,
    /// Which functions bring an import of the system with them, a line each: `IMPORT: FUNCTIONS: INSTEAD`. What begins with # is a comment.
    pub(super) system: &'a str,
}

/// Makes a component of a core module that was built in a project.
///
/// # Errors
/// If it exports no operator, imports what operators are not given, or does not fit the contract.
pub(super) fn component(core: &[u8], project: &Path, extras: &Extras<'_>) -> anyhow::Result<Vec<u8>> {
    let mut outline = Outline::read(core).context("the compiler's output is not a WebAssembly module")?;
    imports::check(core, &outline, extras)?;
    let lines = lines::section(core, project);
    if !outline.has_types {
        embed_types(&mut outline)?;
    }
    let mut encoder = ComponentEncoder::default().validate(true).module(&outline.kept)?;
    if let Some(stub) = extras.stub {
        encoder = encoder.adapter(WASI, stub)?;
    }
    let mut component = encoder.encode().context("it cannot be made into a component")?;
    if let Some(lines) = lines {
        custom_section(&mut component, weir_host::lines::SECTION, &lines);
    }
    Ok(component)
}

/// What is looked at of a module.
struct Outline {
    /// Modules and names of imported functions, in order.
    imports: Vec<(String, String)>,
    exports: Vec<String>,
    /// Whether the SDK has put the types of the contract in.
    has_types: bool,
    /// The module without what was left out.
    kept: Vec<u8>,
}

impl Outline {
    fn read(core: &[u8]) -> anyhow::Result<Self> {
        let mut outline = Self { imports: vec![], exports: vec![], has_types: false, kept: vec![] };
        // Where a section begins is known by where the last one ended.
        let mut start = 0;
        for payload in Parser::new(0).parse_all(core) {
            let payload = payload?;
            let end = match &payload {
                Payload::Version { range, .. } => range.end,
                _ => match payload.as_section() {
                    Some((_, range)) => range.end,
                    // Bodies of functions: a part of their section.
                    None => continue,
                },
            };
            match &payload {
                Payload::ImportSection(section) => {
                    for import in section.clone().into_imports() {
                        let import = import?;
                        if matches!(import.ty, wasmparser::TypeRef::Func(_)) {
                            outline.imports.push((import.module.to_owned(), import.name.to_owned()));
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section.clone() {
                        outline.exports.push(export?.name.to_owned());
                    }
                }
                _ => {}
            }
            let name = if let Payload::CustomSection(section) = &payload { section.name() } else { "" };
            outline.has_types |= name.starts_with("component-type");
            if !LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) {
                outline.kept.extend_from_slice(&core[start..end]);
            }
            start = end;
        }
        Ok(outline)
    }

    /// The world whose interface it exports.
    fn world(&self) -> anyhow::Result<&'static str> {
        let exported = |world: &&&str| {
            let of = format!("{PACKAGE}{world}@");
            self.exports.iter().any(|export| export.starts_with(&of) && export.ends_with("#describe"))
        };
        match WORLDS.iter().filter(exported).collect::<Vec<_>>()[..] {
            [world] => Ok(world),
            [] => bail!("there is no operator in it: nothing is exported with the SDK"),
            ref several => bail!(
                "there are several operators in it ({}): a component has one; make a project of each",
                several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

/// Puts the types of the module's world into it, where the encoder looks for them.
fn embed_types(outline: &mut Outline) -> anyhow::Result<()> {
    let world = outline.world()?;
    let (mut resolve, mut sources) = (Resolve::default(), SourceMap::new());
    // Folders hold other packages, which the SDKs that are built this way do not use.
    for (path, text) in sdk::below("wit").filter(|(path, _)| !path.contains('/')) {
        sources.push_str(path, text);
    }
    let parsed = sources.parse().map_err(|(_, error)| anyhow::anyhow!("cannot read the contract: {error}"))?;
    let package = resolve.push_group(parsed).context("cannot read the contract")?;
    let world = resolve.select_world(&[package], Some(&format!("{world}-operator")))?;
    embed_component_metadata(&mut outline.kept, &resolve, world, StringEncoding::UTF8)
}

/// Appends a custom section.
fn custom_section(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let length = |of: usize| {
        let mut bytes = Vec::new();
        let mut rest = of;
        loop {
            let low = (rest & 0x7f) as u8;
            rest >>= 7;
            bytes.push(if rest == 0 { low } else { low | 0x80 });
            if rest == 0 {
                return bytes;
            }
        }
    };
    let body = [&length(name.len())[..], name.as_bytes(), data].concat();
    component.push(0);
    component.extend(length(body.len()));
    component.extend(body);
}
