//! Columns as they come in: a node of the schema beside its buffers, and views of the buffers as numbers.
//!
//! Values have one alignment, that of a byte: a value is `[u8; N]`, which loads in one instruction on every target, so buffers
//! are viewed and made without copying and without `unsafe`. Nothing here panics: what a broken host left out reads as zero.

use crate::wire::{Field, Node};

/// One column: its schema node and its array, each followed by those of its children.
#[derive(Clone, Copy, Debug)]
pub struct ColumnRef<'a> {
    /// Schema nodes in pre-order; the first is the column's own.
    pub fields: &'a [Field],
    /// Arrays in the same order.
    pub arrays: &'a [Node],
}

impl<'a> ColumnRef<'a> {
    /// The array of the column's own node.
    ///
    /// # Errors
    /// If there is none.
    pub fn array(&self) -> Result<&'a Node, String> {
        self.arrays.first().ok_or_else(|| format!("column {:?} has no array", self.name()))
    }

    /// The column's name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.fields.first().map_or("", |f| &f.name)
    }

    /// The direct children.
    #[must_use]
    pub fn children(&self) -> Vec<ColumnRef<'a>> {
        let skip_own = |n: usize| n.min(1);
        columns(&self.fields[skip_own(self.fields.len())..], &self.arrays[skip_own(self.arrays.len())..])
    }

    /// The second buffer as values of `N` bytes, one for each value of the array.
    ///
    /// # Errors
    /// If it is too short.
    pub fn fixed<const N: usize>(&self) -> Result<&'a [[u8; N]], String> {
        let array = self.array()?;
        self.values(1, array.length as usize)
    }

    /// A buffer as `len` values of `N` bytes.
    ///
    /// # Errors
    /// If it is too short.
    pub fn values<const N: usize>(&self, buffer: usize, len: usize) -> Result<&'a [[u8; N]], String> {
        let (values, _) = self.buffer(buffer)?.as_chunks::<N>();
        values.get(..len).ok_or_else(|| {
            format!("buffer {buffer} of column {:?} holds {} values instead of {len}", self.name(), values.len())
        })
    }

    /// A buffer as it is.
    ///
    /// # Errors
    /// If it is missing.
    pub fn buffer(&self, buffer: usize) -> Result<&'a [u8], String> {
        let buffers = &self.array()?.buffers;
        buffers.get(buffer).map(Vec::as_slice).ok_or_else(|| format!("column {:?} has no buffer {buffer}", self.name()))
    }

    /// The offsets of a variable-length column, one more than it has values.
    ///
    /// # Errors
    /// If there are too few.
    pub fn offsets(&self) -> Result<&'a [[u8; 4]], String> {
        let len = self.array()?.length as usize;
        // Arrow allows an empty array to leave its offsets out.
        if len == 0 { Ok(&[]) } else { self.values(1, len + 1) }
    }

    /// Which values are not null.
    ///
    /// # Errors
    /// If there is no array.
    pub fn validity(&self) -> Result<Validity<'a>, String> {
        let array = self.array()?;
        let bits = array.buffers.first().filter(|bits| array.null_count > 0 && !bits.is_empty());
        Ok(Validity { bits: bits.map(Vec::as_slice) })
    }
}

/// Splits nodes in pre-order into columns.
#[must_use]
pub fn columns<'a>(mut fields: &'a [Field], mut arrays: &'a [Node]) -> Vec<ColumnRef<'a>> {
    let mut found = Vec::new();
    while !fields.is_empty() {
        let nodes = subtree_len(fields);
        let (own_fields, rest) = fields.split_at(nodes);
        let (own_arrays, rest_arrays) = arrays.split_at(nodes.min(arrays.len()));
        found.push(ColumnRef { fields: own_fields, arrays: own_arrays });
        (fields, arrays) = (rest, rest_arrays);
    }
    found
}

/// How many nodes the first column of `fields` has, its own included.
fn subtree_len(fields: &[Field]) -> usize {
    let mut open = 1;
    let mut nodes = 0;
    while open > 0 && nodes < fields.len() {
        open += fields[nodes].children as usize;
        open -= 1;
        nodes += 1;
    }
    nodes
}

/// Which values of a column are not null.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validity<'a> {
    /// `None`: all. A value past the end of the bits is null.
    bits: Option<&'a [u8]>,
}

impl Validity<'_> {
    /// Of a column that is not there: every value is null.
    pub(crate) const ALL_NULL: Self = Self { bits: Some(&[]) };

    /// Whether there may be a null.
    #[inline]
    #[must_use]
    pub fn has_nulls(&self) -> bool {
        self.bits.is_some()
    }

    /// Whether a value is not null.
    #[inline]
    #[must_use]
    pub fn is_valid(&self, row: usize) -> bool {
        self.bits.is_none_or(|bits| bit(bits, row))
    }
}

/// The bit of a row, least significant first; unset past the end.
#[inline]
#[must_use]
pub fn bit(bits: &[u8], row: usize) -> bool {
    bits.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
}

/// The value of a row as bytes; zero past the end.
#[inline]
#[must_use]
pub fn value<const N: usize>(values: &[[u8; N]], row: usize) -> [u8; N] {
    values.get(row).copied().unwrap_or([0; N])
}

/// The part of a variable-length column that a row has.
#[inline]
#[must_use]
pub fn range(offsets: &[[u8; 4]], row: usize) -> std::ops::Range<usize> {
    let start = u32::from_le_bytes(value(offsets, row)) as usize;
    let end = u32::from_le_bytes(value(offsets, row + 1)) as usize;
    start..end.max(start)
}

/// Bits of a column that is being made, least significant first.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    len: usize,
}

impl Bits {
    /// Adds a bit.
    #[inline]
    pub fn push(&mut self, set: bool) {
        if self.len.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(set) << (self.len % 8);
        }
        self.len += 1;
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// The validity of a column that is being made. While nothing is null it is only counted.
#[derive(Clone, Debug, Default)]
pub struct ValidityBuilder {
    len: usize,
    nulls: u32,
    bits: Option<Bits>,
}

impl ValidityBuilder {
    /// Adds a value.
    #[inline]
    pub fn push(&mut self, valid: bool) {
        match &mut self.bits {
            None if valid => {}
            None => {
                let mut bits = Bits { bytes: vec![0xff; self.len / 8], len: self.len - self.len % 8 };
                (bits.len..self.len).for_each(|_| bits.push(true));
                bits.push(false);
                self.bits = Some(bits);
            }
            Some(bits) => bits.push(valid),
        }
        self.len += 1;
        self.nulls += u32::from(!valid);
    }

    /// Puts it into the array of the column's own node.
    pub fn finish(self, array: &mut Node) {
        array.null_count = self.nulls;
        if let (Some(bits), Some(validity)) = (self.bits, array.buffers.first_mut()) {
            *validity = bits.into_bytes();
        }
    }
}
