//! Where a JSON value ends: the bracket or the quote that closes it. Sees brackets and texts, and no other value: whether it is JSON, its
//! decoder says.

/// Levels of brackets in a record of several lines or of an array: as many as a parser of its values takes.
pub(super) const DEPTH_MAX: u32 = 128;

/// A look at a value that begins with a bracket or a quote, piece by piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Which of the open brackets are square, the innermost in the lowest bit; beyond [`DEPTH_MAX`], the kind is not known.
    square: u128,
    depth: u32,
    deepest: u32,
    in_text: bool,
    is_escaped: bool,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// The value is so many bytes of this piece long.
    End(usize),
    /// It continues after this piece.
    Open,
    /// It cannot be one value: what is wrong is so many bytes behind the begin of this piece.
    Damaged(usize, &'static str),
}

impl Scan {
    /// Looks at the next piece.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Scanned {
        for (at, byte) in bytes.iter().enumerate() {
            let is_end = match (self.in_text, byte) {
                (true, b'\n') => return Scanned::Damaged(at, "a text is not closed on its line"),
                (true, _) if std::mem::take(&mut self.is_escaped) => false,
                (true, b'\\') => {
                    self.is_escaped = true;
                    false
                }
                (true, b'"') => {
                    self.in_text = false;
                    self.depth == 0
                }
                (true, _) => false,
                (false, b'"') => {
                    self.in_text = true;
                    false
                }
                (false, b'{' | b'[') => {
                    self.square = self.square << 1 | u128::from(*byte == b'[');
                    self.depth += 1;
                    self.deepest = self.deepest.max(self.depth);
                    false
                }
                (false, b'}' | b']') => {
                    let is_square = self.square & 1 == 1;
                    if self.depth == 0 || (self.deepest <= DEPTH_MAX && is_square != (*byte == b']')) {
                        return Scanned::Damaged(at, "a bracket is closed that is not open");
                    }
                    self.square >>= 1;
                    self.depth -= 1;
                    self.depth == 0
                }
                (false, _) => false,
            };
            if is_end {
                return Scanned::End(at + 1);
            }
        }
        Scanned::Open
    }

    /// Whether brackets were deeper than [`DEPTH_MAX`].
    pub(super) fn is_too_deep(&self) -> bool {
        self.deepest > DEPTH_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_are_closed() {
        for (text, expected) in [
            ("{}", Scanned::End(2)),
            ("{\"a\":[{}]}, {}", Scanned::End(10)),
            ("\"]\\\"\", 1", Scanned::End(5)),
            ("{\"}\":\"\\\\\"}x", Scanned::End(10)),
            ("[[\n\n]", Scanned::Open),
            ("{\"\\", Scanned::Open),
            ("{\"a\n\":1}", Scanned::Damaged(3, "a text is not closed on its line")),
            ("{\"a\":[1}]", Scanned::Damaged(7, "a bracket is closed that is not open")),
        ] {
            assert_eq!(Scan::default().feed(text.as_bytes()), expected, "{text}");
            let mut scan = Scan::default();
            let found = text.as_bytes().iter().map(|byte| scan.feed(std::slice::from_ref(byte)));
            let ends = found.enumerate().find(|(_, found)| *found != Scanned::Open);
            let expected = match expected {
                Scanned::End(len) => Some((len - 1, Scanned::End(1))),
                Scanned::Damaged(at, why) => Some((at, Scanned::Damaged(0, why))),
                Scanned::Open => None,
            };
            assert_eq!(ends, expected, "{text}, byte by byte");
        }
    }

    #[test]
    fn the_end_of_what_is_too_deep_is_found() {
        for depth in [DEPTH_MAX as usize, 1000] {
            let text = "[".repeat(depth) + &"]".repeat(depth);
            let mut scan = Scan::default();
            assert_eq!(scan.feed(text.as_bytes()), Scanned::End(2 * depth));
            assert_eq!(scan.is_too_deep(), depth == 1000);
        }
    }
}
