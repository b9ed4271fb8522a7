//! Bundles of pipelines, as tasks of other engines open them. The first byte of an input says whether it is all of one, or what its head with a
//! right checksum guards. Nothing that a bundle names is opened.

use weir_embed::Bundle;

/// What a bundle begins with, before its checksum.
const HEAD: &[u8] = b"WEIRBNDL\x01\0\0\0";

pub(super) fn run(bytes: &[u8]) {
    let [kind, bytes @ ..] = bytes else { return };
    let bytes = match kind % 2 {
        0 => [HEAD, blake3::hash(bytes).as_bytes(), bytes].concat(),
        _ => bytes.to_vec(),
    };
    let Ok(bundle) = Bundle::decode(&bytes) else { return };
    let written = bundle.encode().expect("a bundle that was read can be written");
    assert_eq!(Bundle::decode(&written).expect("and read again"), bundle);
    // Its text may be no pipeline.
    if let Ok(digest) = bundle.digest() {
        assert_eq!(bundle.digest().ok(), Some(digest));
    }
}
