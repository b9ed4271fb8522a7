//! The JSON reader. The first byte of an input chooses columns, the second where it is cut; the rest is the file.

use crate::records::Text;

/// Columns: every type, nested ones too.
const SCHEMAS: [&str; 6] = [
    "{ a = \"int64\", b = \"utf8\" }",
    "{ b = \"bool\", f = \"float64\", g = \"float32\", i = \"int8\", u = \"uint64\" }",
    "{ t = \"timestamp(ms, UTC)\", n = \"timestamp(ns, Europe/Berlin)\", s = \"timestamp(s)\", d = \"date32\" }",
    "{ d = \"decimal128(38, 10)\", e = \"decimal128(3, 3)\", h = \"binary\" }",
    "{ l = \"list<int64>\", s = \"struct<x: utf8, y: list<timestamp>>\" }",
    "{ m = \"list<list<struct<a: decimal128(5, 2), b: binary>>>\" }",
];

pub(super) fn run(bytes: &[u8]) {
    let [schema, cuts, bytes @ ..] = bytes else { return };
    let schema = SCHEMAS[usize::from(*schema) % SCHEMAS.len()];
    Text { format: "json", options: "", schema, cuts: *cuts, bytes }.check();
}
