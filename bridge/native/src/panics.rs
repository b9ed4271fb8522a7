//! The error message of a panic. Both interfaces, C and JNI, catch panics before they leave the library.

use std::any::Any;

/// The reason of a failure that was a panic.
pub(crate) fn reason(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    format!("Weir panicked, which is a mistake of Weir: {said}")
}
