//! The operators that `weir new` starts its users with: they compile here as they are, and their tests run.

#[path = "../../template/aggregate/src/lib.rs"]
mod aggregate;
#[path = "../../template/keyed/src/lib.rs"]
mod keyed;
#[path = "../../template/transform/src/lib.rs"]
mod transform;

#[test]
fn the_manifest_has_the_two_placeholders() {
    let manifest = include_str!("../../template/Cargo.toml.tmpl");
    let filled = manifest.replace("{{name}}", "mine").replace("{{sdk}}", "{ path = \"../weir/sdk/rust\" }");
    assert!(!filled.contains("{{"), "{filled}");
    assert!(filled.contains("name = \"mine\"") && filled.contains("weir-sdk = { path = "), "{filled}");
}
