//! The reader of Arrow IPC, files and streams. The first byte of an input chooses how many rows are read at once; the rest is the file.

use crate::groups::Groups;

pub(super) fn run(bytes: &[u8]) {
    let [cuts, bytes @ ..] = bytes else { return };
    Groups { format: "arrow", cuts: *cuts, bytes }.check();
}
