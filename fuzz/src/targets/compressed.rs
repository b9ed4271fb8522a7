//! Compressed text. The second byte of an input says where it is cut. If the first one is even, the rest is the file, which may be compressed; if not,
//! the rest is text that is compressed, in members, and must then be read as if it were not.

use std::io::Write;

use crate::records::{Text, open, read};
use crate::scratch;

/// Bytes of a file at most: text may be a thousand times as long.
const BYTES_MAX: usize = 2 << 10;
const SCHEMA: &str = "{ value = \"binary\" }";

pub(super) fn run(bytes: &[u8]) {
    let [how, cuts, bytes @ ..] = bytes else { return };
    if how % 2 == 0 {
        let bytes = &bytes[..bytes.len().min(BYTES_MAX)];
        return Text { format: "raw", options: "", schema: SCHEMA, cuts: *cuts, bytes }.check();
    }
    let file = |name: &str, bytes: &[u8]| {
        scratch::write(name, bytes);
        let source = open(&format!("path = {name:?}\nformat = \"raw\"\nschema = {SCHEMA}\n"));
        source.map(|source| read(&*source, 1000).expect("whole files can be read").table(&*source))
    };
    // What looks like something else than text is refused, or read as that.
    let plain = [b"text\n", bytes].concat();
    let members = plain.chunks(1 + usize::from(*cuts));
    let compressed: Vec<u8> = if how % 4 == 1 {
        members.flat_map(gzip).chain(vec![0; usize::from(*cuts % 8)]).collect()
    } else {
        members.flat_map(|member| zstd::encode_all(member, 1).expect("memory can be compressed")).collect()
    };
    let plain = file("plain.raw", &plain).expect("lines can be read");
    let compressed = file("compressed.raw", &compressed).expect("compressed lines can be read");
    assert_eq!(plain, compressed, "compressed text is read as something else");
}

fn gzip(member: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(member).and_then(|()| encoder.finish());
    written.expect("memory can be compressed")
}
