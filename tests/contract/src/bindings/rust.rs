//! Rust, with `wit-bindgen`, which formats what it makes and so parses it. The SDK shows that it compiles.

use heck::{ToSnakeCase, ToUpperCamelCase};

use super::{SLASHES, generate, source};
use crate::names::{Kind, assert_spelled, without, worlds};

#[test]
fn contract_binds_in_rust() {
    for world in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let options = wit_bindgen_rust::Opts { format: true, generate_all: true, ..Default::default() };
        let files = generate(&mut options.build(), &world, folder.path());
        assert_spelled(&world.names, &without(&source(&files, ".rs"), &SLASHES), |name| {
            Some(match &name.kind {
                Kind::Type | Kind::Alias | Kind::EnumCase(_) | Kind::VariantCase(_) => name.name.to_upper_camel_case(),
                Kind::Field | Kind::Function | Kind::Parameter => name.name.to_snake_case(),
            })
        });
    }
}
