//! The native methods for state: what tasks keep of a checkpoint, by key group, and what they resume from. Each only passes on.

use jni::objects::{JByteArray, JClass, JIntArray};
use jni::sys::{jint, jlong};
use jni::{EnvUnowned, NativeMethod, native_method};
use weir_embed::Restored;

use super::door::{Failure, array, bytes, call, ints, let_go};
use crate::handles::{FROZEN, RESTORED, TASKS};

/// Key groups are written by another thread while the task is called.
pub(super) const METHODS: &[NativeMethod] = &[
    native_method! { static raw fn freeze(task: jlong) -> jlong },
    native_method! { static raw fn groups(frozen: jlong) -> jint[] },
    native_method! { static raw fn take_group(frozen: jlong, group: jint) -> jbyte[] },
    native_method! { static raw fn rest(frozen: jlong) -> jbyte[] },
    native_method! { static raw fn release(frozen: jlong) },
    native_method! { static raw fn restored() -> jlong },
    native_method! { static raw fn add_restored(restored: jlong, piece: jbyte[]) },
    native_method! { static raw fn drop_restored(restored: jlong) },
];

fn freeze<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) -> jlong {
    call(env, |_| Ok(FROZEN.keep(TASKS.with(task, |task| task.freeze())??)))
}

fn groups<'local>(env: EnvUnowned<'local>, _: JClass<'local>, frozen: jlong) -> JIntArray<'local> {
    call(env, |env| {
        let groups = FROZEN.with(frozen, |frozen| frozen.groups())??;
        let groups: Vec<jint> = groups.into_iter().map(u32::cast_signed).collect();
        ints(env, &groups)
    })
}

fn take_group<'local>(env: EnvUnowned<'local>, _: JClass<'local>, frozen: jlong, group: jint) -> JByteArray<'local> {
    call(env, |env| {
        let group = u32::try_from(group).map_err(|_| format!("the key group is {group}"))?;
        array(env, &FROZEN.with(frozen, |frozen| frozen.take_group(group))??)
    })
}

fn rest<'local>(env: EnvUnowned<'local>, _: JClass<'local>, frozen: jlong) -> JByteArray<'local> {
    call(env, |env| array(env, &FROZEN.with(frozen, |frozen| frozen.rest())??))
}

fn release<'local>(env: EnvUnowned<'local>, _: JClass<'local>, frozen: jlong) {
    let_go(env, &FROZEN, frozen);
}

fn restored<'local>(env: EnvUnowned<'local>, _: JClass<'local>) -> jlong {
    call(env, |_| Ok::<_, Failure>(RESTORED.keep(Restored::default())))
}

fn add_restored<'local>(env: EnvUnowned<'local>, _: JClass<'local>, restored: jlong, piece: JByteArray<'local>) {
    call(env, |env| {
        let piece = bytes(env, &piece)?;
        Ok(RESTORED.with(restored, |restored| restored.add(piece))??)
    });
}

fn drop_restored<'local>(env: EnvUnowned<'local>, _: JClass<'local>, restored: jlong) {
    let_go(env, &RESTORED, restored);
}
