//! Going past the rest of a record that is dropped, which may be longer than what is kept in memory.

use super::super::extent::end_of_line;
use super::super::framing::Framing;
use super::super::json_scan::{Scan, Scanned};
use super::values::lines;
use super::{Records, Step};

/// Where the next bytes of a record are that is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Skipping {
    WithinLine,
    /// The line may be the first of the next record.
    AtLine,
    /// The element of an array ends where this says.
    Element(Scan),
    ToEnd,
}

impl Records {
    /// Drops more of a record that is too long.
    pub(super) fn skip(&mut self, at: Skipping) -> Step {
        match at {
            Skipping::WithinLine | Skipping::AtLine => self.skip_line(at == Skipping::AtLine),
            Skipping::Element(scan) => self.skip_element(scan),
            Skipping::ToEnd => self.skip_rest(),
        }
    }

    /// Drops a line, or its rest.
    fn skip_line(&mut self, is_begin: bool) -> Step {
        let ahead = self.bytes();
        let begins = match &self.framing {
            Framing::Values(_) => Some(ahead.first().map(|first| *first == b'{')),
            framing => framing.start().map(|start| start.begins(ahead)),
        };
        if is_begin {
            match begins.unwrap_or(Some(true)) {
                None => {
                    self.skipping = Some(Skipping::AtLine);
                    return Step::Missing;
                }
                Some(false) => {}
                Some(true) => return Step::Done,
            }
        }
        let goes_by_lines = begins.is_some();
        match end_of_line(ahead) {
            Some(len) => {
                self.skipping = goes_by_lines.then_some(Skipping::AtLine);
                self.advance(len, self.position.line + 1);
                Step::Done
            }
            None => {
                let len = ahead.len();
                self.skipping = Some(Skipping::WithinLine);
                self.advance(len, self.position.line);
                Step::Missing
            }
        }
    }

    /// Drops more of an element that is too long.
    fn skip_element(&mut self, mut scan: Scan) -> Step {
        let (len, skipping) = match scan.feed(self.bytes()) {
            Scanned::End(len) => (len, None),
            Scanned::Open => (self.bytes().len(), Some(Skipping::Element(scan))),
            Scanned::Damaged(at, _) => (at, Some(Skipping::ToEnd)),
        };
        self.skip_bytes(len, skipping)
    }

    /// Drops all that is left.
    fn skip_rest(&mut self) -> Step {
        self.skip_bytes(self.bytes().len(), Some(Skipping::ToEnd))
    }

    fn skip_bytes(&mut self, len: usize, skipping: Option<Skipping>) -> Step {
        let is_all = skipping.is_some() && len == self.bytes().len();
        let line = self.position.line + lines(self.bytes().get(..len).unwrap_or_default());
        self.advance(len, line);
        self.skipping = skipping;
        if is_all { Step::Missing } else { Step::Done }
    }
}
