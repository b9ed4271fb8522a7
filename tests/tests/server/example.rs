//! The example of a hot swap, as its README tells it.

use weir_tests::running::root;

use crate::server::Home;

#[test]
fn the_hot_swap_of_the_examples() {
    let (home, folder) = (Home::new(), root().join("examples/hot-swap"));
    let server = home.serve();
    let path = |name: &str| folder.join(name).display().to_string();
    server.weir(&["push", &path("level_v1.wasm"), "--name", "level"]).well().saying(&["pushed level@1: "]);
    server.weir(&["deploy", &path("pipeline.toml")]).well();
    server.until("bids", "rows flow", |job| job["rows-in"].as_u64() > Some(1_000));
    server.weir(&["push", &path("level_v2.wasm"), "--name", "level"]).well().saying(&["pushed level@2: "]);
    server.weir(&["swap", "bids/level", "level@2", "--shadow", "1s"]).well();
    server.weir(&["swap", "bids/level", "level@2"]).well().saying(&["level -> level@2 is done"]);
    server.weir(&["rollback", "bids/level"]).well().saying(&["level -> level@1 is done"]);
    server.weir(&["stop", "bids"]).well().saying(&["bids is stopped"]);
}
