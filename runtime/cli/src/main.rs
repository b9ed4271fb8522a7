//! runtime/cli
fn main() {}
