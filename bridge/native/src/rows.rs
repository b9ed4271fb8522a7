//! The functions of `Native` for an operator over rows of a Java program. Each only passes on.

use jni::EnvUnowned;
use jni::objects::{JByteArray, JClass, JString};
use jni::sys::jlong;
use weir_embed::RowOperator;

use crate::door::{array, bytes, call, let_go, text};
use crate::handles::Handles;

static OPERATORS: Handles<RowOperator> = Handles::new("operator");

#[unsafe(no_mangle)]
extern "system" fn Java_io_weir_flink_Native_openOperator<'local>(
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

#[unsafe(no_mangle)]
extern "system" fn Java_io_weir_flink_Native_outputs<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    operator: jlong,
) -> JString<'local> {
    call(env, |env| Ok(JString::new(env, OPERATORS.with(operator, |operator| operator.outputs())??)?))
}

#[unsafe(no_mangle)]
extern "system" fn Java_io_weir_flink_Native_process<'local>(
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

#[unsafe(no_mangle)]
extern "system" fn Java_io_weir_flink_Native_closeOperator<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    operator: jlong,
) {
    let_go(env, &OPERATORS, operator);
}
