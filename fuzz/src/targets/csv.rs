//! The CSV reader. The first byte of an input chooses columns and options, the second where it is cut; the rest is the file.

use crate::records::Text;

/// Options and columns: every type that CSV can hold, with a header and without one.
const READINGS: [(&str, &str); 9] = [
    ("", "{ a = \"int64\", b = \"utf8\" }"),
    ("header = false", "{ a = \"int64\", b = \"utf8\", c = \"float64\" }"),
    ("header = false\ndelimiter = \";\"", "{ t = \"timestamp(ms, UTC)\", d = \"date32\", b = \"bool\" }"),
    ("header = false", "{ d = \"decimal128(9, 3)\", h = \"binary\", u = \"uint64\", i = \"int8\" }"),
    ("header = false\ndelimiter = \"\\t\"", "{ t = \"timestamp(ns, Europe/Berlin)\", f = \"float32\" }"),
    ("header = false\nquote = \"\"", "{ a = \"utf8\", b = \"int64\" }"),
    ("comment = \"#\"\nnull-values = [\"\", \"-\", \"NA\"]", "{ a = \"int64\", b = \"utf8\" }"),
    (
        "header = false\nquote = \"'\"\ncomment = \"#\"\nnull-values = [\"\", \"NA\"]",
        "{ t = \"timestamp(s)\", h = \"binary\" }",
    ),
    ("header = false", "{ s = \"timestamp(s)\", u = \"timestamp(us, +01:00)\", x = \"utf8\" }"),
];

pub(super) fn run(bytes: &[u8]) {
    let [reading, cuts, bytes @ ..] = bytes else { return };
    let (options, schema) = READINGS[usize::from(*reading) % READINGS.len()];
    Text { format: "csv", options, schema, cuts: *cuts, bytes }.check();
}
