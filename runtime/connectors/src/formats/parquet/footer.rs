//! A look at the footer of a Parquet file before a library takes it apart: how many columns it says there are, and how deep they nest. The
//! library builds them by recursion, and a footer of some kilobytes could make it overflow its stack.
//!
//! A footer is a structure of Thrift's compact protocol. Only its schema (field 2) is looked at, of which each element says how many of
//! those that follow are inside it (field 5).

/// How deep columns may nest, lists and structs with their own levels counted.
const DEPTH_MAX: usize = 64;
/// Columns and what is around them, at most.
const ELEMENTS_MAX: u64 = 100_000;
/// How deep what is skipped may nest.
const SKIP_DEPTH_MAX: usize = 32;

const SCHEMA_FIELD: i64 = 2;
const CHILDREN_FIELD: i64 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;
const I32: u8 = 5;

/// Checks a footer, without its length and the mark behind that.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_footer(footer: &[u8]) -> Result<(), String> {
    let mut bytes = Bytes(footer);
    let mut field = 0;
    while let Some(of) = bytes.field(&mut field).ok_or(DAMAGED)? {
        match (field, of) {
            (SCHEMA_FIELD, LIST) => check_schema(&mut bytes)?,
            // The library looks at numbers of fields only.
            (SCHEMA_FIELD, _) => return Err(DAMAGED.to_owned()),
            _ => bytes.skip(of, 0).ok_or(DAMAGED)?,
        }
    }
    Ok(())
}

const DAMAGED: &str = "it is damaged: its footer is none of Parquet";

fn check_schema(bytes: &mut Bytes<'_>) -> Result<(), String> {
    let (count, of) = bytes.list().ok_or(DAMAGED)?;
    if count > ELEMENTS_MAX {
        return Err(format!("it has more than {ELEMENTS_MAX} columns"));
    }
    // Of each that is open: how many inside it are still to come.
    let mut open: Vec<i64> = Vec::new();
    for _ in 0..count {
        if of != STRUCT {
            return Err(DAMAGED.to_owned());
        }
        let (mut field, mut children) = (0, 0);
        while let Some(of) = bytes.field(&mut field).ok_or(DAMAGED)? {
            match (field, of) {
                (CHILDREN_FIELD, I32) => {
                    children =
                        bytes.signed().filter(|count| (0..=i64::from(i32::MAX)).contains(count)).ok_or(DAMAGED)?;
                }
                (CHILDREN_FIELD, _) => return Err(DAMAGED.to_owned()),
                _ => bytes.skip(of, 0).ok_or(DAMAGED)?,
            }
        }
        while open.pop_if(|left| *left == 0).is_some() {}
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > DEPTH_MAX {
            return Err(format!("its columns nest more than {DEPTH_MAX} deep"));
        }
    }
    Ok(())
}

/// Bytes of the compact protocol; `None` is what cannot be there.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn pass(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// The type of the next field, whose number is put into `field`; `Some(None)`: there are no more.
    fn field(&mut self, field: &mut i64) -> Option<Option<u8>> {
        let header = self.byte()?;
        if header & 0x0f == 0 {
            return Some(None);
        }
        *field = match header >> 4 {
            0 => self.signed()?,
            delta => field.checked_add(i64::from(delta))?,
        };
        // The library would take a larger one for another.
        i16::try_from(*field).ok()?;
        Some(Some(header & 0x0f))
    }

    /// How many elements of a list follow, and their type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.unsigned()?,
            count => u64::from(count),
        };
        Some((count, header & 0x0f))
    }

    fn skip(&mut self, of: u8, depth: usize) -> Option<()> {
        if depth > SKIP_DEPTH_MAX {
            return None;
        }
        match of {
            1 | 2 => Some(()),
            3 => self.pass(1),
            4..=6 => self.unsigned().map(drop),
            7 => self.pass(8),
            8 => self.unsigned().and_then(|len| self.pass(len)),
            LIST | 10 => {
                let (count, of) = self.list()?;
                match of {
                    // A boolean in a list has a byte, but the library skips none. Parquet has no such list.
                    1 | 2 if count > 0 => None,
                    _ => (0..count).try_for_each(|_| self.skip(of, depth + 1)),
                }
            }
            11 => {
                let count = self.unsigned()?;
                let of = if count == 0 { 0 } else { self.byte()? };
                if count > 0 && (matches!(of >> 4, 1 | 2) || matches!(of & 0x0f, 1 | 2)) {
                    return None;
                }
                (0..count).try_for_each(|_| {
                    self.skip(of >> 4, depth + 1)?;
                    self.skip(of & 0x0f, depth + 1)
                })
            }
            STRUCT => {
                let mut field = 0;
                while let Some(of) = self.field(&mut field)? {
                    self.skip(of, depth + 1)?;
                }
                Some(())
            }
            13 => self.pass(16),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A footer whose schema has elements with so many others inside.
    fn footer(children: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x15, 2, 0x19, 0xf0 | STRUCT];
        let mut count = children.len();
        while count >= 0x80 {
            bytes.push((count & 0x7f) as u8 | 0x80);
            count >>= 7;
        }
        bytes.push(count as u8);
        for inside in children {
            // A name, then field 5.
            bytes.extend([0x48, 1, b'a', 0x15, inside * 2, 0]);
        }
        bytes.extend([0x16, 0, 0]);
        bytes
    }

    #[test]
    fn columns_that_nest_too_deep_are_refused_before_they_are_built() {
        let nested = |depth: usize| [vec![1; depth], vec![0]].concat();
        for (children, expected) in [
            (vec![2, 0, 0], Ok(())),
            (nested(DEPTH_MAX), Ok(())),
            (nested(DEPTH_MAX + 1), Err("its columns nest more than 64 deep")),
            (nested(90_000), Err("its columns nest more than 64 deep")),
            ([vec![60], [1, 0].repeat(60)].concat(), Ok(())),
            (vec![0; 100_001], Err("it has more than 100000 columns")),
        ] {
            let found = check_footer(&footer(&children));
            assert_eq!(found.as_ref().map_err(String::as_str), expected.as_ref().map(|()| &()).map_err(|error| *error));
        }
        let whole = footer(&[1, 0]);
        for end in 0..whole.len() {
            assert_eq!(check_footer(&whole[..end]).unwrap_err(), DAMAGED);
        }
        for wrong in [
            // What is skipped: lists in lists, a list of booleans, a map of booleans.
            [vec![0x19], vec![0x19; 100]].concat(),
            vec![0x39, 0x11, 1, 0],
            vec![0x3b, 1, 0x11, 1, 1, 0],
            // The schema as a set, and under a number that is too large for one.
            vec![0x15, 2, 0x1a, 0x1c, 0x48, 1, b'a', 0, 0],
            vec![0x09, 0x84, 0x80, 0x08, 0x1c, 0x48, 1, b'a', 0, 0],
            // The count of children as a long, negative, and too large for an int.
            vec![0x15, 2, 0x19, 0x1c, 0x48, 1, b'a', 0x16, 2, 0, 0],
            vec![0x15, 2, 0x19, 0x1c, 0x48, 1, b'a', 0x15, 1, 0, 0],
            vec![0x15, 2, 0x19, 0x1c, 0x48, 1, b'a', 0x15, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0],
        ] {
            assert_eq!(check_footer(&wrong).unwrap_err(), DAMAGED, "{wrong:x?}");
        }
    }
}
