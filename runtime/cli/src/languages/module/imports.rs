//! What a core module imports, and by which functions: an operator is given nothing of the system.

use std::collections::BTreeMap;

use anyhow::bail;
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload};

use super::{Extras, Outline, PACKAGE, WASI};

/// Checks that a module imports nothing but what Weir offers, or a stub of WASI stands in for.
///
/// # Errors
/// The first other import, with the functions that lead to it, as far as calls are direct.
pub(super) fn check(core: &[u8], outline: &Outline, extras: &Extras<'_>) -> anyhow::Result<()> {
    let is_foreign =
        |(module, _): &(String, String)| !(module.starts_with(PACKAGE) || (module == WASI && extras.stub.is_some()));
    let foreign: Vec<u32> =
        (0..).zip(&outline.imports).filter(|(_, import)| is_foreign(import)).map(|(at, _)| at).collect();
    let name = |index: u32| outline.imports[index as usize].1.as_str();
    // Where several came together, the language knows which one tells most.
    let known = extras.system.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let (import, advice) = line.split_once(": ")?;
        let (functions, instead) = advice.rsplit_once(": ")?;
        let index = foreign.iter().copied().find(|index| name(*index) == import)?;
        Some((index, format!("; it comes with {functions}: {instead}")))
    });
    let other = "; do without what calls it: files, printing (use the SDK's log), clocks and random numbers";
    let Some((index, advice)) = known.or_else(|| Some((*foreign.first()?, other.to_owned()))) else { return Ok(()) };
    let (module, _) = &outline.imports[index as usize];
    bail!(
        "the operator imports {} of {module}, which operators are not given{}{advice}",
        name(index),
        path_to(core, index)
    )
}

/// `: it is called by f, called by g, ...`, from the import outwards; empty if nothing calls it directly.
fn path_to(core: &[u8], import: u32) -> String {
    let (callers, names) = calls(core);
    let (mut path, mut seen) = (Vec::new(), vec![import]);
    let mut at = import;
    while let Some(caller) = callers.get(&at).and_then(|callers| callers.iter().find(|of| !seen.contains(of))) {
        let name = names
            .get(caller)
            .map_or_else(|| format!("function {caller}"), |name| format!("{:#}", rustc_demangle::demangle(name)));
        path.push(name);
        seen.push(*caller);
        at = *caller;
    }
    if path.is_empty() { String::new() } else { format!(": it is called by {}", path.join(", called by ")) }
}

/// Which functions call a function directly, and the names of all.
fn calls(core: &[u8]) -> (BTreeMap<u32, Vec<u32>>, BTreeMap<u32, String>) {
    let (mut callers, mut names) = (BTreeMap::<u32, Vec<u32>>::new(), BTreeMap::new());
    let mut function = 0;
    for payload in Parser::new(0).parse_all(core).flatten() {
        match payload {
            Payload::ImportSection(section) => {
                let functions =
                    section.into_imports().flatten().filter(|import| matches!(import.ty, wasmparser::TypeRef::Func(_)));
                function += u32::try_from(functions.count()).unwrap_or(u32::MAX);
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader().into_iter().flatten().flatten() {
                    if let Operator::Call { function_index } | Operator::ReturnCall { function_index } = operator {
                        let callers = callers.entry(function_index).or_default();
                        if callers.last() != Some(&function) {
                            callers.push(function);
                        }
                    }
                }
                function += 1;
            }
            Payload::CustomSection(section) => {
                let KnownCustom::Name(subsections) = section.as_known() else { continue };
                for name in subsections.into_iter().flatten() {
                    if let Name::Function(functions) = name {
                        names.extend(
                            functions.into_iter().flatten().map(|naming| (naming.index, naming.name.to_owned())),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    (callers, names)
}
