//! The host of this process, and what is said of a component.

use anyhow::Context;
use arrow::datatypes::Schema;
use weir_core::column_type::type_name;
use weir_host::{Component, FunctionCounts, Host, HostConfig};

use crate::{figures, folders, waiting};

/// A host that keeps what it compiles.
pub(crate) fn host() -> anyhow::Result<Host> {
    let config = HostConfig { cache_dir: folders::cache_dir(), ..HostConfig::default() };
    Ok(Host::new(config).context("cannot host components")?.on_compile(waiting::compiling))
}

/// World, size, digest, imports and compile time, a line each.
pub(crate) fn described(component: &Component) -> String {
    let compiled = match (component.compile_time(), component.compiled_functions()) {
        (Some(time), Some(FunctionCounts { reused, compiled })) => {
            let time = figures::duration(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
            let all = figures::count((reused + compiled) as u64);
            format!("{time}, {} of {all} functions; the rest was cached", figures::count(compiled as u64))
        }
        _ => "cached".to_owned(),
    };
    let imports = component.imports();
    let imports = if imports.is_empty() { "nothing".to_owned() } else { imports.join(", ") };
    let takes_back = if component.retracts() { ", takes rows back" } else { "" };
    let world = format!("{}{takes_back}", component.world());
    [
        ("world", world),
        ("size", figures::bytes(component.size_bytes())),
        ("digest", component.digest()),
        ("imports", imports),
        ("compiled", compiled),
    ]
    .map(|(what, value)| format!("{what:<9} {value}\n"))
    .concat()
}

/// `origin:utf8, delay:float64?`, as `--input` takes them, nullable ones with a question mark.
pub(crate) fn columns_text(schema: &Schema) -> String {
    let column = |field: &arrow::datatypes::FieldRef| {
        format!("{}:{}{}", field.name(), type_name(field.data_type()), if field.is_nullable() { "?" } else { "" })
    };
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}
