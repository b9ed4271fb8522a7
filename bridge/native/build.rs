//! How the library is linked.

fn main() {
    // Its threads run until the process ends, whatever becomes of the class loader that has loaded it.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
