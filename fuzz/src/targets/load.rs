//! Bytes that somebody calls a component: what is none is refused with its name and without being compiled for long; what is one says
//! what it would do, within its limits, or fails.

use weir_host::{InstanceError, LoadError};

use crate::guest::{self, HOST};

/// What errors call the bytes.
const NAME: &str = "fuzz.wasm";

pub(super) fn run(bytes: &[u8]) {
    let component = match HOST.load_bytes(bytes, NAME) {
        Ok(component) => component,
        Err(error) => return check(&error),
    };
    assert_eq!(component.size_bytes(), bytes.len() as u64);
    assert!(component.imports().iter().all(|import| import.starts_with("weir:operator/")), "{component:?}");
    let described = component.describe(&serde_json::json!({}), &[guest::input()], &guest::limits());
    if let Err(error) = described {
        assert!(!matches!(error, InstanceError::NoInput | InstanceError::Input { .. }), "{error}");
    }
}

fn check(error: &LoadError) {
    assert!(error.to_string().starts_with(NAME), "{error} does not say what is wrong");
    assert!(!matches!(error, LoadError::NotFound { .. } | LoadError::Read { .. }), "{error}");
}
