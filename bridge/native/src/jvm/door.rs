//! From the JVM and back: bytes, texts and failures. It knows no task.

use std::any::Any;

use jni::errors::{Error, ErrorPolicy};
use jni::objects::{JByteArray, JIntArray, JObjectArray, JString};
use jni::strings::{JNIStr, JNIString};
use jni::{Env, EnvUnowned, jni_str};
use weir_embed::EmbedError;

use crate::handles::Handles;
use crate::{panics, stack};

/// Why a call failed.
pub(super) enum Failure {
    /// The JVM said no.
    Jvm(Error),
    /// We did.
    Told(String),
    /// We did, and would again.
    Repeats(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Jvm(error)
    }
}

impl From<EmbedError> for Failure {
    fn from(error: EmbedError) -> Self {
        match error.repeats_itself() {
            true => Self::Repeats(error.whole()),
            false => Self::Told(error.whole()),
        }
    }
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Told(reason)
    }
}

/// Runs a call with enough stack; what fails is thrown, and nothing unwinds into the JVM.
pub(super) fn call<'local, T: Default + 'local>(
    env: EnvUnowned<'local>,
    run: impl FnOnce(&mut Env<'local>) -> Result<T, Failure>,
) -> T {
    call_on_any_stack(env, |env| {
        stack::check()?;
        run(env)
    })
}

/// The same of what runs no guest.
pub(super) fn call_on_any_stack<'local, T: Default + 'local>(
    mut env: EnvUnowned<'local>,
    run: impl FnOnce(&mut Env<'local>) -> Result<T, Failure>,
) -> T {
    env.with_env(run).resolve::<Throw>()
}

/// Lets something go that the JVM holds by its number.
pub(super) fn let_go<T>(env: EnvUnowned<'_>, handles: &Handles<T>, number: i64) {
    call(env, |_| {
        handles.drop(number);
        Ok(())
    });
}

/// Failures are thrown as `WeirException`, those that would repeat themselves as `RepeatingException` or a class of it.
struct Throw;

impl<T: Default> ErrorPolicy<T, Failure> for Throw {
    type Captures<'env: 'method, 'method> = ();

    fn on_error<'env: 'method, 'method>(
        env: &mut Env<'env>,
        (): &mut Self::Captures<'env, 'method>,
        failure: Failure,
    ) -> Result<T, Error> {
        match failure {
            Failure::Told(reason) => throw(env, &[EXCEPTION], reason),
            Failure::Repeats(reason) => throw(env, &[REPEATING_ON_FLINK, REPEATING], reason),
            Failure::Jvm(error) => throw(env, &[EXCEPTION], format!("the JVM refused a call of Weir: {error}")),
        }
        Ok(T::default())
    }

    fn on_panic<'env: 'method, 'method>(
        env: &mut Env<'env>,
        (): &mut Self::Captures<'env, 'method>,
        panic: Box<dyn Any + Send>,
    ) -> Result<T, Error> {
        // A mistake of Weir's, which the same rows would find again.
        throw(env, &[REPEATING_ON_FLINK, REPEATING], panics::reason(&*panic));
        Ok(T::default())
    }
}

const EXCEPTION: &JNIStr = jni_str!("io/weir/bridge/WeirException");
const REPEATING: &JNIStr = jni_str!("io/weir/bridge/RepeatingException");
/// The same where Flink is: it marks such failures in a way of its own.
const REPEATING_ON_FLINK: &JNIStr = jni_str!("io/weir/flink/NonRecoverableException");

/// Throws an exception of the first of these classes that the class loader of the calling class finds.
fn throw(env: &mut Env<'_>, classes: &[&JNIStr], message: String) {
    let message = JNIString::new(message);
    for name in classes.iter().chain([&jni_str!("java/lang/RuntimeException")]) {
        if env.exception_check() {
            return;
        }
        // `throw_new` gives an error also when it has thrown what it should: then the exception is there.
        if let Ok(class) = env.find_class(name) {
            let _ = env.throw_new(&class, &message);
        }
    }
}

/// The bytes of an array.
pub(super) fn bytes(env: &Env<'_>, array: &JByteArray<'_>) -> Result<Vec<u8>, Failure> {
    Ok(env.convert_byte_array(array)?)
}

/// The bytes of several.
pub(super) fn many_bytes<'local>(
    env: &mut Env<'local>,
    arrays: &JObjectArray<'local, JByteArray<'local>>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let count = arrays.len(env)?;
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        let array = arrays.get_element(env, index)?;
        all.push(env.convert_byte_array(&array)?);
        env.delete_local_ref(array);
    }
    Ok(all)
}

/// A text.
pub(super) fn text(env: &Env<'_>, string: &JString<'_>) -> Result<String, Failure> {
    Ok(string.try_to_string(env)?)
}

/// `KEY=VALUE` texts.
pub(super) fn overrides<'local>(
    env: &mut Env<'local>,
    texts: &JObjectArray<'local, JString<'local>>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    for index in 0..texts.len(env)? {
        let string = texts.get_element(env, index)?;
        let text = text(env, &string)?;
        let (key, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is no KEY=VALUE"))?;
        all.push((key.trim().to_owned(), value.to_owned()));
    }
    Ok(all)
}

/// An array of bytes for the JVM.
pub(super) fn array<'local>(env: &mut Env<'local>, bytes: &[u8]) -> Result<JByteArray<'local>, Failure> {
    Ok(env.byte_array_from_slice(bytes)?)
}

/// An array of numbers for the JVM.
pub(super) fn ints<'local>(env: &mut Env<'local>, ints: &[i32]) -> Result<JIntArray<'local>, Failure> {
    let array = env.new_int_array(ints.len())?;
    array.set_region(env, 0, ints)?;
    Ok(array)
}
