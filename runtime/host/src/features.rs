//! What a component uses that operators cannot: proposals to WebAssembly and to the component model that this engine leaves off, and
//! resources. It names them; whether a component is valid the compiler says.

use wasmtime::wasmparser::{ComponentType, ComponentTypeSectionReader, Validator, WasmFeatures};

/// Proposals that are left off, with the names that people know them by. One that needs another comes after it.
const LEFT_OFF: [(WasmFeatures, &str); 15] = [
    (WasmFeatures::CM_ASYNC, "async functions, streams or futures of the component model"),
    (WasmFeatures::CM_ASYNC_STACKFUL, "async functions with stacks"),
    (WasmFeatures::CM_MORE_ASYNC_BUILTINS, "async functions"),
    (WasmFeatures::CM_THREADING, "threads of the component model"),
    (WasmFeatures::CM_ERROR_CONTEXT, "error contexts"),
    (WasmFeatures::CM_GC, "garbage collection in the component model"),
    (WasmFeatures::CM_FIXED_LENGTH_LISTS, "lists of a fixed length"),
    (WasmFeatures::CM_MAP, "maps of the component model"),
    (WasmFeatures::CM64, "64-bit memories in the component model"),
    (WasmFeatures::THREADS, "threads: shared memories or atomic instructions"),
    (WasmFeatures::GC, "garbage collection"),
    (WasmFeatures::EXCEPTIONS, "exception handling"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "exception handling of the older kind"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "pages of another size"),
];

/// What a component that cannot be compiled uses of [`LEFT_OFF`]; none, if it is not valid with all of them either.
pub(crate) fn left_off(bytes: &[u8]) -> Vec<&'static str> {
    let is_valid = |features| Validator::new_with_features(features).validate_all(bytes).is_ok();
    let all = WasmFeatures::all();
    if !is_valid(all) {
        return Vec::new();
    }
    LEFT_OFF.iter().filter(|(feature, _)| !is_valid(all.difference(*feature))).map(|(_, name)| *name).collect()
}

/// Whether a component defines a resource among these types.
pub(crate) fn defines_resource(types: ComponentTypeSectionReader<'_>) -> bool {
    types.into_iter().flatten().any(|of| matches!(of, ComponentType::Resource { .. }))
}
