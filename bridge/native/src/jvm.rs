//! The door for the JVM: the native methods of the Java class `io.weir.bridge.Native`, which each class loader binds to this one copy of the
//! library. `METHODS` of each module says what they take and give; a Java class with others is refused when it is bound.

mod door;
mod operators;
mod states;
mod tasks;

use jni::EnvUnowned;
use jni::objects::JClass;

use door::call_on_any_stack;

/// Binds the native methods of a class. The JVM finds this function by its name.
#[unsafe(no_mangle)]
extern "system" fn Java_io_weir_bridge_NativeDoor_bind<'local>(
    env: EnvUnowned<'local>,
    _: JClass<'local>,
    natives: JClass<'local>,
) {
    call_on_any_stack(env, |env| {
        for methods in [tasks::METHODS, states::METHODS, operators::METHODS] {
            // SAFETY: all are static there, and each descriptor was made with its function.
            unsafe { env.register_native_methods(&natives, methods) }?;
        }
        Ok(())
    });
}
