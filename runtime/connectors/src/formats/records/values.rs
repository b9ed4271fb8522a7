//! Records of JSON that is not lines, as [`Records`] cuts them.
//!
//! A record that is too long is dropped up to its end. Where an array is damaged, nothing tells an element from what is in one, so
//! the rest of it is dropped; of several objects, those are read that begin a line, without a blank in front.

use super::super::extent::RECORD_BYTES_MAX;
use super::super::framing::Framing;
use super::super::json_scan::Scan;
use super::super::json_shape::{Begin, JsonShape, shape_of};
use super::super::json_values::{Ahead, find};
use super::{Record, Records, Skipping, Step, TOO_LONG};

impl Records {
    /// Finds out how records follow each other.
    pub(super) fn find_shape(&mut self) -> Step {
        match shape_of(self.bytes(), self.at_end) {
            Begin::Undecided => return Step::Missing,
            Begin::Lines => self.framing = Framing::Lines,
            Begin::Shape(shape, begin) => {
                self.array_begin = self.position.byte + begin as u64;
                self.framing = Framing::Values(shape);
            }
        }
        Step::Done
    }

    /// As [`Records::frame_next`].
    pub(super) fn frame_value(&mut self, shape: JsonShape) -> Step {
        let (at, line) = self.framed;
        let ahead = self.buffer.get(self.start + at..).unwrap_or_default();
        // No more than that is looked at, whatever is there: what is found does not depend on how much was read at once.
        let seen = ahead.get(..=RECORD_BYTES_MAX).unwrap_or(ahead);
        let is_long = seen.len() > RECORD_BYTES_MAX;
        let at_end = self.at_end && seen.len() == ahead.len();
        let is_first = self.position.byte + at as u64 <= self.array_begin;
        let lines_before = |len: usize| lines(seen.get(..len).unwrap_or(seen));
        let (lead, excerpt, line_of_damage, reason) = match find(shape, seen, is_first, at_end) {
            Ahead::Value { lead, len, refused: None } if lead + len <= RECORD_BYTES_MAX => {
                self.records.push(Record { start: at + lead, end: at + lead + len, line: line + lines_before(lead) });
                self.framed = (at + lead + len, line + lines_before(lead + len));
                return Step::Done;
            }
            Ahead::Blank { len } => {
                self.framed = (at + len, line + lines_before(len));
                return Step::Done;
            }
            Ahead::Missing | Ahead::Open { .. } if !is_long && !at_end => return Step::Missing,
            Ahead::Missing if !is_long => return Step::Missing,
            // A record is set aside when nothing is framed before it.
            _ if !self.records.is_empty() => return Step::Blocked,
            Ahead::Value { lead, len, refused } => {
                let (end, reason) = (lead + len, refused.unwrap_or(TOO_LONG));
                let (line_before, line_after) = (line + lines_before(lead), line + lines_before(end));
                self.consume();
                self.advance(lead, line_before);
                self.set_aside(len, reason);
                self.advance(len, line_after);
                return Step::Done;
            }
            Ahead::Open { lead } if is_long => (lead, seen.len(), None, TOO_LONG),
            Ahead::Open { lead } => (lead, seen.len(), None, "it is not closed"),
            Ahead::Missing => (0, seen.len(), None, TOO_LONG),
            Ahead::Damaged { lead, at, reason } => (lead, at + 1, Some(line + lines_before(at)), reason),
        };
        let begin = line + lines_before(lead);
        let next = seen.get(lead..excerpt).and_then(|bytes| bytes.windows(2).position(|pair| pair == b"\n{"));
        let len = match shape {
            JsonShape::Documents => next.map_or(excerpt - lead, |next| next + 1),
            JsonShape::Array => excerpt - lead,
        };
        let is_value = matches!(seen.get(lead), Some(b'{' | b'[' | b'"'));
        self.consume();
        self.advance(lead, begin);
        let place =
            line_of_damage.filter(|line| *line != begin).map_or(String::new(), |line| format!(", in line {line}"));
        let (skipping, rest) = match shape {
            JsonShape::Documents => (Skipping::WithinLine, ""),
            JsonShape::Array if reason == TOO_LONG && is_value => (Skipping::Element(Scan::default()), ""),
            JsonShape::Array => (Skipping::ToEnd, "; the rest of the array is not read"),
        };
        self.set_aside(len, &format!("{reason}{place}{rest}"));
        self.skipping = Some(skipping);
        Step::Done
    }
}

pub(super) fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
