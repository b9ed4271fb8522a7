//! The native methods for an operator over rows of a Java program. Each only passes on.

use std::ops::Range;

use jni::objects::{JByteArray, JClass, JIntArray, JString};
use jni::sys::{jint, jlong};
use jni::{EnvUnowned, NativeMethod, native_method};
use weir_embed::{EmbedError, RowKeyGroups, RowOperator};

use super::door::{Failure, array, bytes, call, ints, let_go, text};
use crate::handles::{FROZEN, Handles, RESTORED};

/// What options, columns, descriptions and answers are, is in `weir_embed::row_operator`; rows are in `weir_embed::rows`.
pub(super) const METHODS: &[NativeMethod] = &[
    native_method! { static raw fn open_operator(component: jbyte[], options: JString, columns: JString) -> jlong },
    native_method! { static raw fn describe_operator(operator: jlong) -> JString },
    native_method! { static raw fn process(operator: jlong, rows: jbyte[]) -> jbyte[] },
    native_method! { static raw fn begin_operator(operator: jlong, restored: jlong, first_group: jint, last_group: jint) },
    native_method! { static raw fn advance(operator: jlong, watermark: jlong) -> jbyte[] },
    native_method! { static raw fn on_clock(operator: jlong) -> jbyte[] },
    // Microseconds; `i64::MAX`: none.
    native_method! { static raw fn clock_deadline(operator: jlong) -> jlong },
    native_method! { static raw fn freeze_operator(operator: jlong, first_group: jint, last_group: jint) -> jlong },
    native_method! { static raw fn close_operator(operator: jlong) },
    native_method! { static raw fn open_key_groups(count: jint, columns: JString) -> jlong },
    native_method! { static raw fn key_groups(opened: jlong, rows: jbyte[]) -> jint[] },
    native_method! { static raw fn close_key_groups(opened: jlong) },
];

static OPERATORS: Handles<RowOperator> = Handles::new("operator");
static KEY_GROUPS: Handles<RowKeyGroups> = Handles::new("key groups");

/// A call of an operator that gives rows.
fn answer<'local>(
    env: EnvUnowned<'local>,
    operator: jlong,
    ask: impl FnOnce(&mut RowOperator) -> Result<Vec<u8>, EmbedError>,
) -> JByteArray<'local> {
    call(env, |env| array(env, &OPERATORS.with(operator, ask)??))
}

/// The key groups from one to another, both included.
fn owned(first: jint, last: jint) -> Result<Range<u32>, String> {
    let group = |group: jint| u32::try_from(group).map_err(|_| format!("a key group is {group}"));
    Ok(group(first)?..group(last)?.saturating_add(1))
}

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

fn describe_operator<'local>(env: EnvUnowned<'local>, _: JClass<'local>, operator: jlong) -> JString<'local> {
    call(env, |env| Ok(JString::new(env, OPERATORS.with(operator, |operator| operator.describe())??)?))
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

fn begin_operator<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    operator: jlong,
    restored: jlong,
    first_group: jint,
    last_group: jint,
) {
    call(env, |_| {
        let (restored, owned) = (RESTORED.take(restored)?, owned(first_group, last_group)?);
        Ok(OPERATORS.with(operator, |operator| operator.begin(restored, &owned))??)
    });
}

fn advance<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    operator: jlong,
    watermark: jlong,
) -> JByteArray<'local> {
    answer(env, operator, |operator| operator.advance_to(watermark))
}

fn on_clock<'local>(env: EnvUnowned<'local>, _: JClass<'local>, operator: jlong) -> JByteArray<'local> {
    answer(env, operator, RowOperator::on_clock)
}

fn clock_deadline<'local>(env: EnvUnowned<'local>, _: JClass<'local>, operator: jlong) -> jlong {
    call(env, |_| Ok::<_, Failure>(OPERATORS.with(operator, |operator| operator.deadline())?.unwrap_or(jlong::MAX)))
}

fn freeze_operator<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    operator: jlong,
    first_group: jint,
    last_group: jint,
) -> jlong {
    call(env, |_| {
        let owned = owned(first_group, last_group)?;
        Ok(FROZEN.keep(OPERATORS.with(operator, |operator| operator.freeze(owned))??))
    })
}

fn close_operator<'local>(env: EnvUnowned<'local>, _: JClass<'local>, operator: jlong) {
    let_go(env, &OPERATORS, operator);
}

fn open_key_groups<'local>(env: EnvUnowned<'local>, _: JClass<'local>, count: jint, columns: JString<'local>) -> jlong {
    call(env, |env| {
        let count = u32::try_from(count).map_err(|_| format!("there are {count} key groups"))?;
        Ok(KEY_GROUPS.keep(RowKeyGroups::new(count, &text(env, &columns)?)?))
    })
}

fn key_groups<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    opened: jlong,
    rows: JByteArray<'local>,
) -> JIntArray<'local> {
    call(env, |env| {
        let rows = bytes(env, &rows)?;
        ints(env, &KEY_GROUPS.with(opened, |groups| groups.of(&rows))??)
    })
}

fn close_key_groups<'local>(env: EnvUnowned<'local>, _: JClass<'local>, opened: jlong) {
    let_go(env, &KEY_GROUPS, opened);
}
