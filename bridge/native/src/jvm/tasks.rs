//! The native methods for pipelines: bundles, plans, subtasks and committers. Each only passes on.

use std::path::Path;

use jni::objects::{JByteArray, JClass, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, EnvUnowned, NativeMethod, native_method};
use weir_embed::{Bundle, EmbedError, Opened, Plan, Run, SinkCommitter, Task, commit, guest_lines};

use super::door::{Failure, array, bytes, call, let_go, many_bytes, overrides, text};
use crate::handles::{COMMITTERS, RESTORED, TASKS};

/// What an answer is, is in `weir_embed::answer`; elements are in `weir_embed::element`.
pub(super) const METHODS: &[NativeMethod] = &[
    // Overrides are `KEY=VALUE`, as `--set`.
    native_method! { static raw fn bundle(pipeline: JString, overrides: JString[]) -> jbyte[] },
    native_method! { static raw fn with_overrides(bundle: jbyte[], overrides: JString[]) -> jbyte[] },
    // JSON: `weir_embed::Plan`.
    native_method! { static raw fn plan(bundle: jbyte[], job: JString) -> JString },
    native_method! {
        static raw fn open(
            bundle: jbyte[], job: JString, chain: jint, subtask: jint, restored: jlong, checkpoint: jlong, attempt: jint,
            durable: jboolean, drops_state: jboolean,
        ) -> jlong
    },
    native_method! { static raw fn poll(task: jlong, now_us: jlong) -> jbyte[] },
    native_method! { static raw fn element(task: jlong, sent: jbyte[]) -> jbyte[] },
    native_method! { static raw fn more(task: jlong) -> jbyte[] },
    native_method! { static raw fn time(task: jlong, now_us: jlong) -> jbyte[] },
    native_method! { static raw fn flush(task: jlong, comes: jboolean) -> jbyte[] },
    native_method! { static raw fn barrier(task: jlong, checkpoint: jlong) -> jbyte[] },
    native_method! { static raw fn completed(task: jlong, checkpoint: jlong) },
    native_method! { static raw fn drain(task: jlong) -> jbyte[] },
    native_method! { static raw fn snapshot(task: jlong) -> jbyte[] },
    // Null: nothing.
    native_method! { static raw fn prepared(task: jlong, sink: JString) -> jbyte[] },
    // Microseconds; `i64::MAX`: none.
    native_method! { static raw fn deadline(task: jlong) -> jlong },
    // JSON.
    native_method! { static raw fn figures(task: jlong) -> JString },
    // JSON: what operators have logged; null: nothing.
    native_method! { static raw fn lines() -> JString },
    native_method! { static raw fn close(task: jlong) },
    // 0: nothing to commit.
    native_method! {
        static raw fn open_committer(
            bundle: jbyte[], job: JString, sink: JString, checkpoint: jlong, attempt: jint, durable: jboolean,
        ) -> jlong
    },
    native_method! { static raw fn commit(committer: jlong, checkpoint: jlong, prepared: jbyte[][]) },
    native_method! { static raw fn close_committer(committer: jlong) },
];

type Bytes<'local> = JByteArray<'local>;
type Many<'local> = JObjectArray<'local, JByteArray<'local>>;
type Texts<'local> = JObjectArray<'local, JString<'local>>;

/// A number that cannot be negative.
fn count(what: &str, n: i64) -> Result<u64, String> {
    u64::try_from(n).map_err(|_| format!("{what} is {n}"))
}

fn run(job: u128, checkpoint: jlong, attempt: jint, durable: jboolean) -> Result<Run, String> {
    let (checkpoint, attempt) = (count("the checkpoint", checkpoint)?, count("the attempt", attempt.into())?);
    Ok(Run { job, checkpoint, attempt, durable })
}

/// The id of a job of Flink: 32 hexadecimal digits.
fn job(env: &Env<'_>, id: &JString<'_>) -> Result<u128, Failure> {
    let id = text(env, id)?;
    u128::from_str_radix(&id, 16).map_err(|_| format!("{id:?} is no id of a job").into())
}

fn place(what: &str, n: jint) -> Result<usize, String> {
    usize::try_from(n).map_err(|_| format!("{what} is {n}"))
}

/// A call of a task that gives an answer.
fn answer<'local>(
    env: EnvUnowned<'local>,
    task: jlong,
    ask: impl FnOnce(&mut Task) -> Result<Vec<u8>, EmbedError>,
) -> Bytes<'local> {
    call(env, |env| array(env, &TASKS.with(task, ask)??))
}

fn bundle<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    pipeline: JString<'local>,
    changes: Texts<'local>,
) -> Bytes<'local> {
    call(env, |env| {
        let (pipeline, changes) = (text(env, &pipeline)?, overrides(env, &changes)?);
        array(env, &Bundle::read(Path::new(&pipeline), &changes, None)?.encode()?)
    })
}

fn with_overrides<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    bundle: Bytes<'local>,
    changes: Texts<'local>,
) -> Bytes<'local> {
    call(env, |env| {
        let (bundle, changes) = (bytes(env, &bundle)?, overrides(env, &changes)?);
        array(env, &Bundle::decode(&bundle)?.with(&changes)?.encode()?)
    })
}

fn plan<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    bundle: Bytes<'local>,
    id: JString<'local>,
) -> JString<'local> {
    call(env, |env| {
        // A client has no job so far.
        let job = if id.is_null() { 0 } else { job(env, &id)? };
        let plan = Plan::new(&*Opened::open_for(&bytes(env, &bundle)?, job)?);
        let plan = serde_json::to_string(&plan).map_err(|error| error.to_string())?;
        Ok(JString::new(env, plan)?)
    })
}

#[expect(clippy::too_many_arguments, reason = "those of the Java method")]
fn open<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    bundle: Bytes<'local>,
    id: JString<'local>,
    chain: jint,
    subtask: jint,
    restored: jlong,
    checkpoint: jlong,
    attempt: jint,
    durable: jboolean,
    drops_state: jboolean,
) -> jlong {
    call(env, |env| {
        let mut restored = RESTORED.take(restored)?;
        let bundle = bytes(env, &bundle)?;
        let at = (place("the chain", chain)?, place("the subtask", subtask)?);
        let run = run(job(env, &id)?, checkpoint, attempt, durable)?;
        restored.drops_state = drops_state;
        Ok(TASKS.keep(Task::open(&bundle, at, restored, run)?))
    })
}

fn poll<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, now_us: jlong) -> Bytes<'local> {
    answer(env, task, |task| task.poll(now_us))
}

fn element<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, element: Bytes<'local>) -> Bytes<'local> {
    call(env, |env| {
        let element = bytes(env, &element)?;
        array(env, &TASKS.with(task, |task| task.element(element))??)
    })
}

fn more<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) -> Bytes<'local> {
    answer(env, task, Task::more)
}

fn time<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, now_us: jlong) -> Bytes<'local> {
    answer(env, task, |task| task.time(now_us))
}

fn flush<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, comes: jboolean) -> Bytes<'local> {
    answer(env, task, |task| task.flush(comes))
}

fn barrier<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, checkpoint: jlong) -> Bytes<'local> {
    call(env, |env| {
        let checkpoint = count("the checkpoint", checkpoint)?;
        array(env, &TASKS.with(task, |task| task.barrier(checkpoint))??)
    })
}

fn completed<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, checkpoint: jlong) {
    call(env, |_| {
        let checkpoint = count("the checkpoint", checkpoint)?;
        Ok(TASKS.with(task, |task| task.completed(checkpoint))?)
    });
}

fn drain<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) -> Bytes<'local> {
    answer(env, task, Task::drain)
}

fn snapshot<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) -> Bytes<'local> {
    answer(env, task, |task| task.snapshot())
}

fn prepared<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong, sink: JString<'local>) -> Bytes<'local> {
    call(env, |env| {
        let sink = text(env, &sink)?;
        match TASKS.with(task, |task| task.take_prepared(&sink))? {
            Some(prepared) => array(env, &commit::encode(&prepared)?),
            None => Ok(Bytes::null()),
        }
    })
}

fn deadline<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) -> jlong {
    call(env, |_| Ok::<_, Failure>(TASKS.with(task, |task| task.deadline())?.unwrap_or(jlong::MAX)))
}

fn figures<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) -> JString<'local> {
    call(env, |env| Ok(JString::new(env, TASKS.with(task, |task| task.figures())?)?))
}

/// The first call is made before any task is open: from then on the lines are the JVM's.
fn lines<'local>(env: EnvUnowned<'local>, _: JClass<'local>) -> JString<'local> {
    call(env, |env| {
        guest_lines::keep();
        let lines = guest_lines::take();
        if lines.is_empty() {
            return Ok(JString::null());
        }
        Ok(JString::new(env, serde_json::to_string(&lines).map_err(|error| error.to_string())?)?)
    })
}

fn close<'local>(env: EnvUnowned<'local>, _: JClass<'local>, task: jlong) {
    let_go(env, &TASKS, task);
}

#[expect(clippy::too_many_arguments, reason = "those of the Java method")]
fn open_committer<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    bundle: Bytes<'local>,
    id: JString<'local>,
    sink: JString<'local>,
    checkpoint: jlong,
    attempt: jint,
    durable: jboolean,
) -> jlong {
    call(env, |env| {
        let (bundle, sink) = (bytes(env, &bundle)?, text(env, &sink)?);
        let committer = SinkCommitter::open(&bundle, &sink, run(job(env, &id)?, checkpoint, attempt, durable)?)?;
        Ok(committer.map_or(0, |committer| COMMITTERS.keep(committer)))
    })
}

fn commit<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    committer: jlong,
    checkpoint: jlong,
    prepared: Many<'local>,
) {
    call(env, |env| {
        let (checkpoint, prepared) = (count("the checkpoint", checkpoint)?, many_bytes(env, &prepared)?);
        Ok(COMMITTERS.with(committer, |committer| committer.commit(checkpoint, &prepared))??)
    });
}

fn close_committer<'local>(env: EnvUnowned<'local>, _: JClass<'local>, committer: jlong) {
    let_go(env, &COMMITTERS, committer);
}
