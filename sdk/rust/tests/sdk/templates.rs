//! The operators that `weir new` starts its users with: they compile here as they are, and their tests run.

#[path = "../../template/aggregate/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own where it is used")]
mod aggregate;
#[path = "../../template/keyed/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own where it is used")]
mod keyed;
#[path = "../../template/transform/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own where it is used")]
mod transform;

#[test]
fn the_manifest_has_the_two_placeholders() {
    let manifest = include_str!("../../template/Cargo.toml.tmpl");
    let filled = manifest.replace("{{name}}", "mine").replace("{{sdk}}", "{ path = \"../weir/sdk/rust\" }");
    assert!(!filled.contains("{{"), "{filled}");
    assert!(filled.contains("name = \"mine\"") && filled.contains("weir-sdk = { path = "), "{filled}");
}
