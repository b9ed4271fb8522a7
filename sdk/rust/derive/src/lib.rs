//! `#[derive(Row)]` and `#[derive(Outputs)]` for `weir-sdk`, which documents and re-exports them. Holds no logic of its own: what
//! it writes are implementations that call one method of `weir-sdk` a field.

mod outputs;
mod row;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// A struct whose fields are columns; see the trait `Row`.
#[proc_macro_derive(Row, attributes(row))]
pub fn row(input: TokenStream) -> TokenStream {
    row::derive(&parse_macro_input!(input as DeriveInput)).unwrap_or_else(|e| e.into_compile_error()).into()
}

/// An enum with one variant for each output of an operator; see the trait `Outputs`.
#[proc_macro_derive(Outputs, attributes(output))]
pub fn outputs(input: TokenStream) -> TokenStream {
    outputs::derive(&parse_macro_input!(input as DeriveInput)).unwrap_or_else(|e| e.into_compile_error()).into()
}
