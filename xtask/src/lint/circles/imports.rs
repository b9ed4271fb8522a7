//! What the modules of a crate take from each other, as its code writes it: paths that begin with `crate`, `super` or `self`.
//! Comments, attributes and tests are ignored. Names that come through a re-export belong to the module that is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ItemUse, Macro, UseTree};

use crate::lint::files::files;

/// A module by its path in its crate; empty: the crate.
pub(super) type Module = Vec<String>;

/// One name that a module takes from another.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) from: Module,
    pub(super) to: Module,
    /// Where it is written, relative to the project.
    pub(super) file: PathBuf,
    /// The file of `to`.
    pub(super) target: PathBuf,
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) name: String,
}

/// All imports in the crate whose code is in `src`.
///
/// # Errors
/// If a file cannot be read or is no Rust.
pub(super) fn imports(root: &Path, src: &Path) -> anyhow::Result<Vec<Import>> {
    let mut parsed = Vec::new();
    for path in files(src, &["rs"])? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file = syn::parse_file(&text).with_context(|| format!("{} is no Rust", path.display()))?;
        let module = module_of(path.strip_prefix(src).unwrap_or(&path));
        parsed.push((module, path.strip_prefix(root).unwrap_or(&path).to_owned(), file));
    }
    let tests: BTreeSet<Module> = parsed.iter().flat_map(|(module, _, file)| test_modules(module, file)).collect();
    let is_test = |module: &Module| (1..=module.len()).any(|len| tests.contains(&module[..len]));
    parsed.retain(|(module, ..)| !is_test(module) && module.first().is_none_or(|first| first != "bin"));
    let paths: BTreeMap<&Module, &Path> = parsed.iter().map(|(module, path, _)| (module, path.as_path())).collect();
    let mut found = Vec::new();
    for (module, path, file) in &parsed {
        let mut written = Written { module: module.clone(), paths: Vec::new() };
        written.visit_file(file);
        found.extend(written.paths.into_iter().filter_map(|(line, absolute)| {
            let (to, target, name) = resolve(&paths, &absolute)?;
            Some(Import { from: module.clone(), to, file: path.clone(), target, line, name })
        }));
    }
    Ok(found)
}

/// The module that a file is: `a/b.rs` is `a::b`.
fn module_of(path: &Path) -> Module {
    let module = path.with_extension("");
    let parts = module.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Module>();
    if parts == ["lib"] || parts == ["main"] { Module::new() } else { parts }
}

fn test_modules(module: &Module, file: &File) -> Vec<Module> {
    let modules = file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(inner) if is_for_tests(&inner.attrs) => Some(inner.ident.to_string()),
        _ => None,
    });
    modules.map(|name| module.iter().cloned().chain([name]).collect()).collect()
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            list.tokens.clone().into_iter().any(|token| token.to_string() == "test")
        }
        meta => meta.path().is_ident("test"),
    })
}

/// The innermost module that a path leads into, its file, and what is taken from it.
fn resolve(files: &BTreeMap<&Module, &Path>, path: &[String]) -> Option<(Module, PathBuf, String)> {
    let len = (0..=path.len()).rev().find(|len| files.contains_key(&path[..*len].to_vec()))?;
    let (module, rest) = path.split_at(len);
    let name = rest.first().or(module.last())?;
    let target = files.get(&module.to_vec())?;
    Some((module.to_vec(), target.to_path_buf(), name.clone()))
}

/// Gathers the paths that a file writes, from the crate on.
struct Written {
    /// The module in which it stands, inline ones included.
    module: Module,
    paths: Vec<(usize, Vec<String>)>,
}

impl Written {
    /// Keeps a path that begins with `crate`, `super` or `self`.
    fn keep(&mut self, line: usize, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate") => Module::new(),
            Some("super" | "self") => self.module.clone(),
            _ => return,
        };
        let mut rest = path;
        while let Some((first, after)) =
            rest.split_first().filter(|(first, _)| ["crate", "super", "self"].contains(&first.as_str()))
        {
            if first == "super" {
                base.pop();
            }
            rest = after;
        }
        base.extend(rest.iter().cloned());
        self.paths.push((line, base));
    }

    fn keep_tree(&mut self, line: usize, before: &[String], tree: &UseTree) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.to_string()]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.keep_tree(line, &with(&path.ident), &path.tree),
            UseTree::Name(name) if name.ident == "self" => self.keep(line, before),
            UseTree::Name(name) => self.keep(line, &with(&name.ident)),
            UseTree::Rename(rename) => self.keep(line, &with(&rename.ident)),
            UseTree::Glob(_) => self.keep(line, before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.keep_tree(line, before, tree)),
        }
    }

    /// The paths in what a macro is given.
    fn keep_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => path.push(ident.to_string()),
                TokenTree::Ident(ident) => {
                    self.keep(line, &std::mem::take(&mut path));
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.keep(line, &std::mem::take(&mut path));
                    self.keep_tokens(group.stream());
                }
                _ => self.keep(line, &std::mem::take(&mut path)),
            }
            colons = 0;
        }
        self.keep(line, &path);
    }
}

impl<'ast> Visit<'ast> for Written {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.keep_tree(item.use_token.span.start().line, &[], &item.tree);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.keep(line, &segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        self.visit_path(&item.path);
        self.keep_tokens(item.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_code_writes() {
        let text = "
            //! See [`crate::doc`].
            use crate::graph::{self, Options, secrets::{Secrets as S, fill}};
            use super::file::*;
            use std::fmt;
            #[cfg(test)] use crate::only_tests;
            pub(crate) fn f(x: super::T) -> self::child::U { println!(\"{}\", crate::names::of(x)); super::super::v() }
            mod inline { use super::sibling; }
            #[cfg(test)] mod tests { use crate::more_tests; }
        ";
        let module = vec!["a".to_owned(), "b".to_owned()];
        let mut written = Written { module, paths: Vec::new() };
        written.visit_file(&syn::parse_file(text).unwrap());
        let paths: Vec<_> = written.paths.iter().map(|(line, path)| format!("{line}:{}", path.join("::"))).collect();
        let expected = [
            "3:graph",
            "3:graph::Options",
            "3:graph::secrets::Secrets",
            "3:graph::secrets::fill",
            "4:a::file",
            "7:",
            "7:a::T",
            "7:a::b::child::U",
            "7:names::of",
            "7:v",
            "8:a::b::sibling",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn paths_lead_into_the_innermost_module() {
        let modules = [vec![], vec!["a".to_owned()], vec!["a".to_owned(), "b".to_owned()]];
        let paths = ["lib.rs", "a.rs", "a/b.rs"].map(PathBuf::from);
        let files = modules.iter().zip(paths.iter().map(PathBuf::as_path)).collect();
        for (path, expected) in
            [("a::b::C::new", "a/b.rs C"), ("a::b", "a/b.rs b"), ("a::X", "a.rs X"), ("y", "lib.rs y")]
        {
            let path: Vec<_> = path.split("::").map(str::to_owned).collect();
            let (_, target, name) = resolve(&files, &path).unwrap();
            assert_eq!(format!("{} {name}", target.display()), expected);
        }
    }
}
