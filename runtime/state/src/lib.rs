//! runtime/state
