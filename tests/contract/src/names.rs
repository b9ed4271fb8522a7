//! The names of the contract, and whether generated source has them as they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use heck::{ToLowerCamelCase, ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use wit_bindgen_core::wit_parser::{InterfaceId, Resolve, TypeDefKind, WorldId, WorldItem};

/// What a name is of. An enum's or a variant's case has the name of its type with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Type,
    /// `type a = b`: languages need not have a name for it.
    Alias,
    Field,
    EnumCase(String),
    VariantCase(String),
    Function,
    Parameter,
}

/// A name of an interface, as the WIT writes it.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) interface: String,
    /// The package of the interface, without `weir:`.
    pub(crate) package: String,
    /// Whether the world exports the interface.
    pub(crate) is_exported: bool,
}

/// A world of the contract.
pub(crate) struct World {
    pub(crate) name: String,
    /// Where generators find it.
    pub(crate) wit: PathBuf,
    /// The names of all interfaces that it imports or exports.
    pub(crate) names: Vec<Name>,
}

/// Every world of the contract.
pub(crate) fn worlds() -> Vec<World> {
    let mut all = Vec::new();
    for wit in [crate::wit(), crate::updating().to_owned()] {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(&wit).unwrap();
        let worlds = resolve.packages[package].worlds.iter().map(|(name, id)| world(&resolve, name, *id, &wit));
        let before = all.len();
        all.extend(worlds);
        assert!(all.len() > before, "{} has no world", wit.display());
    }
    all
}

fn world(resolve: &Resolve, name: &str, id: WorldId, wit: &Path) -> World {
    let mut names = Vec::new();
    let world = &resolve.worlds[id];
    for (items, is_exported) in [(&world.imports, false), (&world.exports, true)] {
        for item in items.values() {
            match item {
                WorldItem::Interface { id, .. } => names.extend(of_interface(resolve, *id, is_exported)),
                other => panic!("{name} has something that is no interface: {other:?}"),
            }
        }
    }
    World { name: name.to_owned(), wit: wit.to_owned(), names }
}

fn of_interface(resolve: &Resolve, id: InterfaceId, is_exported: bool) -> Vec<Name> {
    let interface = &resolve.interfaces[id];
    let mut found = Vec::new();
    for (name, id) in &interface.types {
        let mut add = |kind, name: &str| found.push((kind, name.to_owned()));
        match &resolve.types[*id].kind {
            TypeDefKind::Record(record) => {
                add(Kind::Type, name);
                record.fields.iter().for_each(|field| add(Kind::Field, &field.name));
            }
            TypeDefKind::Variant(variant) => {
                add(Kind::Type, name);
                variant.cases.iter().for_each(|case| add(Kind::VariantCase(name.clone()), &case.name));
            }
            TypeDefKind::Enum(cases) => {
                add(Kind::Type, name);
                cases.cases.iter().for_each(|case| add(Kind::EnumCase(name.clone()), &case.name));
            }
            TypeDefKind::Type(_) | TypeDefKind::List(_) => add(Kind::Alias, name),
            other => panic!("{name}: this test does not know how languages write a {}", other.as_str()),
        }
    }
    for (name, function) in &interface.functions {
        found.push((Kind::Function, name.clone()));
        found.extend(function.params.iter().map(|parameter| (Kind::Parameter, parameter.name.clone())));
    }
    let of = interface.name.clone().unwrap();
    let package = resolve.packages[interface.package.unwrap()].name.name.clone();
    let name = |(kind, name)| Name { kind, name, interface: of.clone(), package: package.clone(), is_exported };
    found.into_iter().map(name).collect()
}

/// Asserts that generated source has each name as `spell` writes it (none: the language has no such name), and none that was
/// escaped with `_` or `$` because it is a keyword there.
pub(crate) fn assert_spelled(names: &[Name], source: &str, spell: impl Fn(&Name) -> Option<String>) {
    assert!(names.len() > 20, "{names:?}");
    let spellings: BTreeSet<String> = names.iter().flat_map(|name| spellings(&name.name)).collect();
    let is_escaped = |word: &&str| {
        let plain = word.trim_matches(['_', '$']);
        plain.len() < word.len() && spellings.contains(plain)
    };
    let escaped: BTreeSet<&str> = source.split(|c| !is_word(c)).filter(is_escaped).collect();
    assert!(
        escaped.is_empty(),
        "names that the generator had to change, since they are keywords: {escaped:?}; choose others"
    );

    let missing: Vec<_> = names
        .iter()
        .filter_map(|name| spell(name).map(|spelled| (name, spelled)))
        .filter(|(_, spelled)| !has_word(source, spelled))
        .map(|(name, spelled)| format!("{}.{} ({:?}) as {spelled}", name.interface, name.name, name.kind))
        .collect();
    assert!(missing.is_empty(), "generated source lacks: {missing:#?}");
}

fn spellings(name: &str) -> [String; 4] {
    [name.to_snake_case(), name.to_lower_camel_case(), name.to_upper_camel_case(), name.to_shouty_snake_case()]
}

fn has_word(source: &str, word: &str) -> bool {
    source
        .match_indices(word)
        .any(|(at, _)| !source[..at].ends_with(is_word) && !source[at + word.len()..].starts_with(is_word))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// Source without what is between an opening and the next closing word: comments, which have the names too.
pub(crate) fn without(source: &str, comments: &[(&str, &str)]) -> String {
    let mut rest = source;
    let mut kept = String::new();
    loop {
        let begins = comments.iter().filter_map(|(open, close)| rest.find(open).map(|at| (at, open.len(), *close)));
        let Some((at, length, close)) = begins.min_by_key(|(at, ..)| *at) else { break };
        kept.push_str(&rest[..at]);
        let inside = &rest[at + length..];
        rest = inside.find(close).map_or("", |end| &inside[end..]);
        // The end of a line ends a statement as well.
        rest = if close == "\n" { rest } else { rest.strip_prefix(close).unwrap_or_default() };
    }
    kept + rest
}
