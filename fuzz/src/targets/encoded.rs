//! Text in other encodings. The first byte of an input chooses the encoding and the format, the second where it is cut; the rest is the file.

use crate::records::Text;

const READINGS: [(&str, &str, &str); 6] = [
    ("raw", "encoding = \"utf-16\"", "{ value = \"binary\" }"),
    ("csv", "encoding = \"utf-16le\"\nheader = false", "{ a = \"int64\", b = \"utf8\" }"),
    ("json", "encoding = \"utf-16be\"", "{ a = \"int64\", b = \"utf8\" }"),
    ("raw", "encoding = \"windows-1252\"", "{ value = \"utf8\" }"),
    ("csv", "encoding = \"utf-16\"", "{ a = \"int64\", b = \"utf8\" }"),
    ("raw", "encoding = \"utf-16le\"", "{ value = \"binary\" }"),
];

pub(super) fn run(bytes: &[u8]) {
    let [reading, cuts, bytes @ ..] = bytes else { return };
    let (format, options, schema) = READINGS[usize::from(*reading) % READINGS.len()];
    Text { format, options, schema, cuts: *cuts, bytes }.check();
}
