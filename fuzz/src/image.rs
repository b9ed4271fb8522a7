//! Answers of guests as they lie in memory, in the layouts of the canonical ABI. Most of an answer is as it should be, so that what
//! is not is looked at, and not only refused at once.

use std::ops::RangeInclusive;

use arrow::datatypes::{DataType, Field, Fields};
use libfuzzer_sys::arbitrary::Unstructured;
use weir_host::format::format_of;

/// Where the image lies in the memory of [`crate::guest`].
pub(crate) const BASE: u32 = 64 << 10;
/// Bytes of an image at most.
pub(crate) const BYTES_MAX: usize = 60 << 10;

/// Memory that is filled from a fuzzer's bytes.
pub(crate) struct Image<'u> {
    u: Unstructured<'u>,
    bytes: Vec<u8>,
}

/// Address and length of a list.
pub(crate) type List = [u32; 2];

impl<'u> Image<'u> {
    /// With nothing in it; its first word is for the address of the answer.
    pub(crate) fn new(bytes: &'u [u8]) -> Self {
        Self { u: Unstructured::new(bytes), bytes: vec![0; 16] }
    }

    /// The memory, with the address of the answer in its first word.
    pub(crate) fn finish(mut self, answer: &[u32]) -> Vec<u8> {
        let at = self.words(answer);
        let at = self.odd(at);
        self.bytes[..4].copy_from_slice(&at.to_le_bytes());
        // Of what does not fit a guest would be missing the end.
        self.bytes.truncate(BYTES_MAX);
        self.bytes
    }

    /// A number of a range.
    pub(crate) fn pick(&mut self, range: RangeInclusive<u32>) -> u32 {
        let least = *range.start();
        self.u.int_in_range(range).unwrap_or(least)
    }

    /// Once in some times something is not as it should be.
    fn is_odd(&mut self) -> bool {
        self.pick(0..=31) == 13
    }

    /// A word, or once in some times another.
    pub(crate) fn odd(&mut self, word: u32) -> u32 {
        if !self.is_odd() {
            return word;
        }
        match self.pick(0..=3) {
            0 => self.u.arbitrary().unwrap_or(u32::MAX),
            1 => word.wrapping_add(1),
            2 => word.wrapping_sub(1),
            _ => u32::MAX - self.pick(0..=16),
        }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let at = BASE + self.bytes.len() as u32;
        self.bytes.extend_from_slice(bytes);
        at
    }

    pub(crate) fn words(&mut self, words: &[u32]) -> u32 {
        self.put(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }

    fn list(&mut self, at: u32, len: usize) -> List {
        let (at, len) = (self.odd(at), self.odd(len as u32));
        [at, len]
    }

    /// A buffer of bytes, or a string.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> List {
        let at = self.put(bytes);
        self.list(at, bytes.len())
    }

    /// A list of `count` elements of some words each.
    pub(crate) fn elements(&mut self, words: &[u32], count: usize) -> List {
        let at = self.words(words);
        self.list(at, count)
    }

    /// Some bytes of the fuzzer's, as many as asked for; what is missing is 0.
    fn some(&mut self, len: usize) -> Vec<u8> {
        let take = len.min(self.u.len());
        let mut bytes = self.u.bytes(take).unwrap_or_default().to_vec();
        bytes.resize(len, 0);
        if self.is_odd() {
            let len = self.pick(0..=2 * len as u32 + 1);
            bytes.resize(len as usize, 7);
        }
        bytes
    }

    /// A name: mostly one letter, so that two are the same now and then.
    pub(crate) fn name(&mut self) -> List {
        if self.is_odd() {
            let len = self.pick(0..=300) as usize;
            let bytes = self.some(len);
            return self.bytes(&bytes);
        }
        let letter = b'a' + self.pick(0..=25) as u8;
        self.bytes(&[letter])
    }

    /// The columns of `fields`, each with `rows` values.
    pub(crate) fn columns(&mut self, fields: &Fields, rows: usize) -> List {
        let mut nodes = Vec::new();
        for field in fields {
            self.column(field, rows, &mut nodes);
        }
        if self.is_odd() {
            nodes.truncate(nodes.len().saturating_sub(4));
        }
        let count = nodes.len() / 4;
        self.elements(&nodes, count)
    }

    fn column(&mut self, field: &Field, rows: usize, nodes: &mut Vec<u32>) {
        let (validity, nulls) = self.validity(rows, field.is_nullable());
        let mut buffers = validity.to_vec();
        let mut items = 0;
        match field.data_type() {
            DataType::Struct(_) => {}
            DataType::Utf8 | DataType::Binary | DataType::List(_) => {
                let (offsets, end) = self.offsets(rows);
                buffers.extend(self.bytes(&offsets));
                items = end;
                if !matches!(field.data_type(), DataType::List(_)) {
                    let text = self.some(end);
                    buffers.extend(self.bytes(&text));
                }
            }
            DataType::Boolean => {
                let bits = self.some(rows.div_ceil(8));
                buffers.extend(self.bytes(&bits));
            }
            other => {
                let width = other.primitive_width().unwrap_or(8);
                let values = self.some(rows * width);
                buffers.extend(self.bytes(&values));
            }
        }
        let count = buffers.len() / 2;
        let [at, count] = self.elements(&buffers, count);
        let (length, nulls) = (self.odd(rows as u32), self.odd(nulls));
        nodes.extend([length, nulls, at, count]);
        match field.data_type() {
            DataType::List(item) => self.column(item, items, nodes),
            DataType::Struct(fields) => fields.iter().for_each(|field| self.column(field, rows, nodes)),
            _ => {}
        }
    }

    fn validity(&mut self, rows: usize, nullable: bool) -> (List, u32) {
        if !nullable || self.pick(0..=1) == 0 {
            return (self.bytes(&[]), 0);
        }
        let bits = self.some(rows.div_ceil(8));
        let is_null = |row: &usize| bits.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 0);
        let nulls = (0..rows).filter(is_null).count() as u32;
        (self.bytes(&bits), nulls)
    }

    /// Offsets of `rows` values, and their end.
    fn offsets(&mut self, rows: usize) -> (Vec<u8>, usize) {
        let mut end = 0_u32;
        let mut offsets = self.odd(0).to_le_bytes().to_vec();
        for _ in 0..rows {
            end += self.pick(0..=5);
            offsets.extend(self.odd(end).to_le_bytes());
        }
        if self.is_odd() {
            offsets.truncate(offsets.len().saturating_sub(3));
        }
        (offsets, end as usize)
    }

    /// Numbers of four bytes, below `of`.
    pub(crate) fn indices(&mut self, of: u32, count: u32) -> Vec<u8> {
        (0..count)
            .flat_map(|_| {
                let index = self.pick(0..=of.saturating_sub(1));
                self.odd(index).to_le_bytes()
            })
            .collect()
    }

    /// A schema in pre-order, and what it is if it is as it should be.
    pub(crate) fn schema(&mut self, fields: &Fields) -> List {
        fn push(image: &mut Image<'_>, field: &Field, words: &mut Vec<u32>) {
            let children: &[_] = match field.data_type() {
                DataType::List(item) => std::slice::from_ref(item),
                DataType::Struct(fields) => fields,
                _ => &[],
            };
            words.extend(image.bytes(field.name().as_bytes()));
            let format = format_of(field.data_type()).unwrap_or_default();
            let format = if image.is_odd() { image.some(format.len() + 2) } else { format.as_bytes().to_vec() };
            words.extend(image.bytes(&format));
            let count = image.odd(children.len() as u32);
            words.extend([u32::from(field.is_nullable()), count]);
            children.iter().for_each(|child| push(image, child, words));
        }
        let mut words = Vec::new();
        fields.iter().for_each(|field| push(self, field, &mut words));
        let count = words.len() / 6;
        self.elements(&words, count)
    }
}
