//! The targets by name. Each is a function of bytes that ends soon, takes bounded memory, and panics if something does not hold. Its
//! seeds are in `corpus/NAME`, and so are inputs that it once failed for.

mod arrow;
mod bundle;
mod compressed;
mod csv;
mod describe;
mod element;
mod encoded;
mod http;
mod inference;
mod json;
mod lift;
mod load;
mod manifest;
mod packed;
mod parquet;
mod part;
mod pipeline;
mod rows;

use crate::Target;

/// All of them.
pub(crate) const TARGETS: [(&str, Target); 18] = [
    ("arrow", arrow::run),
    ("bundle", bundle::run),
    ("compressed", compressed::run),
    ("csv", csv::run),
    ("describe", describe::run),
    ("element", element::run),
    ("encoded", encoded::run),
    ("http", http::run),
    ("inference", inference::run),
    ("json", json::run),
    ("lift", lift::run),
    ("load", load::run),
    ("manifest", manifest::run),
    ("packed", packed::run),
    ("parquet", parquet::run),
    ("part", part::run),
    ("pipeline", pipeline::run),
    ("rows", rows::run),
];
