//! The author's functions, files and lines of a core module, out of the debug information that its compiler put in.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Component, Path};

use addr2line::Context;
use addr2line::gimli::{Dwarf, EndianSlice, LittleEndian};
use wasmparser::{Parser, Payload};
use weir_host::lines::{Lines, Place, Range};

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// The section that the host reads; `None`: the compiler says nothing of lines in the project.
pub(super) fn section(core: &[u8], project: &Path) -> Option<Vec<u8>> {
    let project = project.canonicalize().ok()?;
    let (mut sections, mut bodies) = (HashMap::new(), Vec::new());
    let (mut code_start, mut imported) = (0, 0);
    for payload in Parser::new(0).parse_all(core) {
        match payload.ok()? {
            Payload::ImportSection(section) => {
                let imports = section.into_imports().flatten();
                imported = imports.filter(|import| matches!(import.ty, wasmparser::TypeRef::Func(_))).count();
            }
            Payload::CodeSectionStart { range, .. } => code_start = range.start,
            Payload::CodeSectionEntry(body) => bodies.push(body.range()),
            Payload::CustomSection(section) => {
                sections.insert(section.name(), section.data());
            }
            _ => {}
        }
    }
    let dwarf = Dwarf::load(|id| {
        Ok::<_, addr2line::gimli::Error>(Slice::new(sections.get(id.name()).copied().unwrap_or_default(), LittleEndian))
    });
    let context = Context::from_dwarf(dwarf.ok()?).ok()?;
    let mut table = Table::default();
    for (index, body) in bodies.iter().enumerate() {
        // Debug information counts from the start of the section of code.
        let (low, high) = (body.start - code_start, body.end - code_start);
        let starts = context.find_location_range(low as u64, high as u64).ok()?;
        for (address, _, _) in starts {
            let chain = own_places(&context, address, &project, &mut table);
            let offset = u32::try_from(address.saturating_sub(low as u64)).ok()?;
            table.add(u32::try_from(imported + index).ok()?, offset, chain);
        }
    }
    if table.places.of.is_empty() { None } else { postcard::to_allocvec(&table.lines()).ok() }
}

/// The places in the project's own files that an instruction stands for, innermost first.
fn own_places(context: &Context<Slice<'_>>, address: u64, project: &Path, table: &mut Table) -> Vec<u32> {
    let mut places = Vec::new();
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return places };
    while let Ok(Some(frame)) = frames.next() {
        let Some((function, location)) = frame.function.as_ref().zip(frame.location.as_ref()) else { continue };
        let file = location.file.and_then(|file| Path::new(file).strip_prefix(project).ok());
        let is_inside = |file: &&Path| file.components().all(|part| part != Component::ParentDir);
        let (Some(file), Ok(name)) = (file.filter(is_inside), function.demangle()) else { continue };
        let function = table.texts.index(without_hash(&name));
        let file = table.texts.index(file.display().to_string());
        let line = location.line.unwrap_or_default();
        places.push(table.places.index(Place { function, file, line }));
    }
    places
}

/// Rust's older names end with `::h0123456789abcdef`.
fn without_hash(name: &str) -> String {
    let is_hash =
        |hash: &str| hash.len() == 17 && hash.starts_with('h') && hash[1..].bytes().all(|b| b.is_ascii_hexdigit());
    name.rsplit_once("::").filter(|(_, hash)| is_hash(hash)).map_or(name, |(name, _)| name).to_owned()
}

/// What a section is made of. Whatever is said often stands in it once.
#[derive(Default)]
struct Table {
    texts: Once<String>,
    places: Once<Place>,
    chains: Once<Vec<u32>>,
    ranges: Vec<Range>,
    /// The function and offset of the last range.
    last: (u32, u32),
}

impl Table {
    fn add(&mut self, function: u32, offset: u32, chain: Vec<u32>) {
        let chain = self.chains.index(chain);
        // Debug information of code that is not there any more lies anywhere.
        let Some(functions) =
            function.checked_sub(self.last.0).filter(|functions| *functions > 0 || offset >= self.last.1)
        else {
            return;
        };
        if functions == 0 && self.ranges.last().is_some_and(|range| range.chain == chain) {
            return;
        }
        let offset_on = if functions == 0 { offset - self.last.1 } else { offset };
        self.ranges.push(Range { functions, offset: offset_on, chain });
        self.last = (function, offset);
    }

    fn lines(&self) -> Lines {
        Lines {
            texts: self.texts.of.clone(),
            places: self.places.of.clone(),
            chains: self.chains.of.clone(),
            ranges: self.ranges.clone(),
        }
    }
}

/// Values by their indices, each once.
struct Once<T> {
    of: Vec<T>,
    indices: HashMap<T, u32>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { of: Vec::new(), indices: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Once<T> {
    fn index(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.of.len()).unwrap_or(u32::MAX);
        *self.indices.entry(value).or_insert_with_key(|value| {
            self.of.push(value.clone());
            next
        })
    }
}
