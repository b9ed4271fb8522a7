//! The library that other engines load. The door for C is [`c`], that for the JVM `jvm`.
//!
//! After a task was opened, and after every answer that has more, `more` comes before anything else but `barrier`. A task is called by one
//! thread at a time.
//!
//! Every failure is an error message in C and an `io.weir.bridge.WeirException` in Java, with all causes; no panic and no trap of a guest leaves
//! the library, and a handle that is none is an error too. A thread that calls needs [`stack::NEEDED_BYTES`] of stack.

pub mod c;
mod handles;
mod jvm;
mod panics;
pub mod stack;
