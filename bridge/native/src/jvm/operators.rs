//! The native methods for an operator over rows of a Java program. Each only passes on.

use jni::objects::{JByteArray, JClass, JString};
use jni::sys::jlong;
use jni::{EnvUnowned, NativeMethod, native_method};
use weir_embed::RowOperator;

use super::door::{array, bytes, call, let_go, text};
use crate::handles::Handles;

/// What options, columns and outputs are, is in `weir_embed::row_operator`; rows are in `weir_embed::rows`.
pub(super) const METHODS: &[NativeMethod] = &[
    native_method! { static raw fn open_operator(component: jbyte[], options: JString, columns: JString) -> jlong },
    native_method! { static raw fn outputs(operator: jlong) -> JString },
    native_method! { static raw fn process(operator: jlong, rows: jbyte[]) -> jbyte[] },
    native_method! { static raw fn close_operator(operator: jlong) },
];

static OPERATORS: Handles<RowOperator> = Handles::new("operator");

fn open_operator<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    component: JByteArray<'local>,
    options: JString<'local>,
    columns: JString<'local>,
) -> jlong {
    call(env, |env| {
        let (options, columns) = (text(env, &options)?, text(env, &columns)?);
        Ok(OPERATORS.keep(RowOperator::open(&bytes(env, &component)?, &options, &columns)?))
    })
}

fn outputs<'local>(env: EnvUnowned<'local>, _: JClass<'local>, operator: jlong) -> JString<'local> {
    call(env, |env| Ok(JString::new(env, OPERATORS.with(operator, |operator| operator.outputs())??)?))
}

fn process<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    operator: jlong,
    rows: JByteArray<'local>,
) -> JByteArray<'local> {
    call(env, |env| {
        let rows = bytes(env, &rows)?;
        array(env, &OPERATORS.with(operator, |operator| operator.process(&rows))??)
    })
}

fn close_operator<'local>(env: EnvUnowned<'local>, _: JClass<'local>, operator: jlong) {
    let_go(env, &OPERATORS, operator);
}
