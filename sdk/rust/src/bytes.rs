//! Strings and binaries: borrowed from the column when read as `&str` and `&[u8]`, copied out of it as `String` and `Vec<u8>`.

use crate::column::{ColumnRef, Validity, range};
use crate::value::{ReadValue, Value, has_format, leaf};
use crate::wire::{Field, Node};

/// A column of strings or binaries that is being made.
#[derive(Clone, Debug)]
pub struct BytesBuilder {
    offsets: Vec<[u8; 4]>,
    bytes: Vec<u8>,
}

/// What a short string takes; a guess that saves the first few growths.
const BYTES_PER_VALUE: usize = 8;

impl BytesBuilder {
    fn new(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push([0; 4]);
        Self { offsets, bytes: Vec::with_capacity(rows * BYTES_PER_VALUE) }
    }

    #[inline]
    fn push(&mut self, value: &[u8]) {
        copy(&mut self.bytes, value);
        self.offsets.push((self.bytes.len() as u32).to_le_bytes());
    }

    fn finish(self) -> Node {
        let length = self.offsets.len().saturating_sub(1) as u32;
        Node { length, null_count: 0, buffers: vec![Vec::new(), self.offsets.into_flattened(), self.bytes] }
    }
}

/// What is shorter is copied in pieces of a known size, which are single instructions; a copy of any size is a call out of the
/// guest.
const SHORT_BYTES: usize = 32;

#[inline]
fn copy(to: &mut Vec<u8>, value: &[u8]) {
    if value.len() >= SHORT_BYTES {
        return to.extend_from_slice(value);
    }
    let (eights, rest) = value.as_chunks::<8>();
    eights.iter().for_each(|eight| to.extend_from_slice(eight));
    let (fours, rest) = rest.as_chunks::<4>();
    fours.iter().for_each(|four| to.extend_from_slice(four));
    let (twos, rest) = rest.as_chunks::<2>();
    twos.iter().for_each(|two| to.extend_from_slice(two));
    to.extend(rest.first());
}

/// A column of binaries.
#[derive(Clone, Copy, Debug, Default)]
pub struct BinaryReader<'a> {
    offsets: &'a [[u8; 4]],
    bytes: &'a [u8],
    validity: Validity<'a>,
}

/// A column of strings.
#[derive(Clone, Copy, Debug, Default)]
pub struct StrReader<'a> {
    offsets: &'a [[u8; 4]],
    text: &'a str,
    validity: Validity<'a>,
}

fn open_binary(column: ColumnRef<'_>) -> Result<BinaryReader<'_>, String> {
    Ok(BinaryReader { offsets: column.offsets()?, bytes: column.buffer(2)?, validity: column.validity()? })
}

fn open_str(column: ColumnRef<'_>) -> Result<StrReader<'_>, String> {
    let BinaryReader { offsets, bytes, validity } = open_binary(column)?;
    // Once for the whole column: much less than once per value, and then a value is a slice.
    let text = std::str::from_utf8(bytes).map_err(|e| format!("column {:?} is not UTF-8: {e}", column.name()))?;
    Ok(StrReader { offsets, text, validity })
}

macro_rules! bytes_value {
    ($type:ty, $read:ty, $format:literal, $reader:ident, $open:ident, $data:ident, $raw:ident => $from:expr) => {
        impl Value for $type {
            type Builder = BytesBuilder;

            fn fields(name: &str, fields: &mut Vec<Field>) {
                fields.push(leaf(name, $format));
            }

            fn builder(rows: usize) -> BytesBuilder {
                BytesBuilder::new(rows)
            }

            #[inline]
            fn write(&self, builder: &mut BytesBuilder) {
                builder.push(self.as_ref());
            }

            fn write_null(builder: &mut BytesBuilder) {
                builder.push(&[]);
            }

            fn finish(builder: BytesBuilder, arrays: &mut Vec<Node>) {
                arrays.push(builder.finish());
            }
        }

        impl<'a> ReadValue<'a> for $read {
            type Reader = $reader<'a>;

            fn accepts(column: &[Field]) -> bool {
                has_format(column, $format)
            }

            fn open(column: ColumnRef<'a>) -> Result<Self::Reader, String> {
                $open(column)
            }

            #[inline]
            fn read(reader: &Self::Reader, row: usize) -> Self {
                let $raw = reader.$data.get(range(reader.offsets, row)).unwrap_or_default();
                $from
            }

            fn validity(reader: &Self::Reader) -> Validity<'a> {
                reader.validity
            }
        }
    };
}

bytes_value!(&str, &'a str, "u", StrReader, open_str, text, raw => raw);
bytes_value!(String, String, "u", StrReader, open_str, text, raw => raw.to_owned());
bytes_value!(&[u8], &'a [u8], "z", BinaryReader, open_binary, bytes, raw => raw);
bytes_value!(Vec<u8>, Vec<u8>, "z", BinaryReader, open_binary, bytes, raw => raw.to_vec());
