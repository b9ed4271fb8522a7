//! Where the code of an operator comes from: functions, files and lines of its author's, in a section of the component. `weir build`
//! makes it from the compiler's debug information, which is then left out: that is many times larger, and a parser of it would have to
//! be trusted with what strangers upload. It says nothing of code that is not the author's, and nothing depends on it but messages.

use serde::{Deserialize, Serialize};
use wasmtime::wasmparser::{Parser, Payload};

/// The custom section's name; it stands in the component itself, behind everything else.
pub const SECTION: &str = "weir:lines";
/// What is larger is not looked at.
const BYTES_MAX: usize = 1 << 20;

/// Places that one instruction can stand for; behind them nothing is looked at.
const CHAIN_MAX: usize = 16;
/// Bytes of a name that are shown.
const NAME_BYTES_MAX: usize = 256;

/// The section's contents, as postcard writes them.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Names of functions and files.
    pub texts: Vec<String>,
    /// Lines of files.
    pub places: Vec<Place>,
    /// Places that one instruction stands for, innermost first: more than one where functions were inlined. Indices into `places`.
    pub chains: Vec<Vec<u32>>,
    /// From here to the next range or the function's end, by function and offset.
    pub ranges: Vec<Range>,
}

/// A line in a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Its name, an index into `texts`.
    pub function: u32,
    /// The file, relative to the project, an index into `texts`.
    pub file: u32,
    /// Counted from 1; 0: the compiler does not know it.
    pub line: u32,
}

/// Instructions that stand for the same lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// How many functions of the module lie between this range's and the last one's (of the first: its index, imports counted).
    pub functions: u32,
    /// Bytes from the start of the last range, or, where `functions` is not 0, from the start of the function's body.
    pub offset: u32,
    /// An index into `chains`.
    pub chain: u32,
}

impl Lines {
    /// Reads a section's contents; `None`: it is damaged.
    #[must_use]
    pub fn read(section: &[u8]) -> Option<Self> {
        postcard::from_bytes(section).ok()
    }

    /// `f (src/lib.rs:12)` of an instruction, innermost first; none: it is not the author's, or not known. If it is not the author's,
    /// or has no line, one of theirs that begins up to `reach` bytes behind it is taken.
    pub fn at(&self, function: u32, offset: u32, reach: u32) -> Vec<String> {
        let (mut at, mut found) = ((0_u32, 0_u32), None);
        for range in &self.ranges {
            let start = if range.functions == 0 { at.1 } else { 0 };
            at = (at.0.saturating_add(range.functions), range.offset.saturating_add(start));
            let is_found =
                found.is_some_and(|chain: &Vec<u32>| chain.first().is_some_and(|place| self.has_line(*place)));
            if at > (function, offset.saturating_add(reach)) || (at > (function, offset) && is_found) {
                break;
            }
            let chain = self.chains.get(range.chain as usize).filter(|_| at.0 == function);
            found = if at > (function, offset) { chain.or(found) } else { chain };
        }
        found.into_iter().flatten().take(CHAIN_MAX).filter_map(|place| self.shown(*place)).collect()
    }

    fn has_line(&self, place: u32) -> bool {
        self.places.get(place as usize).is_some_and(|place| place.line != 0)
    }

    fn shown(&self, place: u32) -> Option<String> {
        let Place { function, file, line } = *self.places.get(place as usize)?;
        let text = |index: u32| {
            let text = self.texts.get(index as usize)?;
            text.get(..text.floor_char_boundary(NAME_BYTES_MAX))
        };
        let (function, file) = (text(function)?, text(file)?);
        Some(if line == 0 { format!("{function} ({file})") } else { format!("{function} ({file}:{line})") })
    }
}

/// The section's contents of a component, if it has one.
pub(crate) fn section(component: &[u8]) -> Option<&[u8]> {
    let mut parser = Parser::new(0);
    let mut at = 0;
    loop {
        let wasmtime::wasmparser::Chunk::Parsed { consumed, payload } =
            parser.parse(component.get(at..)?, true).ok()?
        else {
            return None;
        };
        at += consumed;
        match payload {
            Payload::ModuleSection { unchecked_range: inner, .. }
            | Payload::ComponentSection { unchecked_range: inner, .. } => at = inner.end.max(at),
            Payload::CustomSection(section) if section.name() == SECTION => {
                return Some(section.data()).filter(|data| data.len() <= BYTES_MAX);
            }
            Payload::End(_) => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Lines {
        let place = |function, line| Place { function, file: 2, line };
        let range = |functions, offset, chain| Range { functions, offset, chain };
        Lines {
            texts: ["inner", "outer", "src/lib.rs"].map(str::to_owned).to_vec(),
            places: vec![place(0, 3), place(1, 9)],
            chains: vec![vec![], vec![0, 1], vec![1]],
            ranges: vec![range(5, 2, 2), range(0, 10, 1), range(0, 4, 0), range(2, 0, 1)],
        }
    }

    #[test]
    fn an_instruction_is_of_the_last_range_that_begins_before_it() {
        let lines = example();
        let (inner, outer) = ("inner (src/lib.rs:3)", "outer (src/lib.rs:9)");
        assert_eq!(lines.at(5, 11, 0), [outer]);
        assert_eq!(lines.at(5, 12, 0), [inner, outer]);
        assert!(lines.at(5, 16, 0).is_empty() && lines.at(5, 1, 0).is_empty(), "not the author's");
        assert!(lines.at(6, 0, 9).is_empty() && lines.at(4, 0, 9).is_empty(), "another function");
        assert_eq!(lines.at(7, 1_000, 0), [inner, outer]);
        assert_eq!(
            (lines.at(5, 1, 1), lines.at(5, 1, 20)),
            (vec![outer.to_owned()], vec![outer.to_owned()]),
            "the next"
        );
    }

    #[test]
    fn what_is_damaged_gives_no_lines() {
        let bytes = postcard::to_allocvec(&example()).unwrap_or_default();
        assert_eq!(Lines::read(&bytes), Some(example()));
        for cut in 0..bytes.len() {
            assert_eq!(Lines::read(&bytes[..cut]), None, "{cut}");
        }
        let mut wrong = example();
        wrong.ranges[1] = Range { functions: u32::MAX, offset: u32::MAX, chain: 9 };
        wrong.places[1].file = 77;
        assert!(wrong.at(5, 12, 0).is_empty(), "a file that is not there");
        // Whatever it says, it says something.
        assert!(wrong.at(u32::MAX, u32::MAX, u32::MAX).len() <= wrong.places.len());
    }

    #[test]
    fn what_is_shown_is_short_whatever_is_there() {
        let mut long = example();
        long.texts[0] = "ü".repeat(1_000_000);
        long.chains[1] = vec![0; 1_000_000];
        let shown = long.at(5, 12, 0);
        assert_eq!(shown.len(), CHAIN_MAX);
        assert!(shown.iter().all(|place| place.len() < 300));
    }
}
