//! runtime/connectors
