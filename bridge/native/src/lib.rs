//! The library that other engines load. The door for C is [`c`]; that for the JVM is the class `io.weir.flink.Native`, all of whose methods are
//! static:
//!
//! ```java
//! static native byte[] bundle(String pipeline, String[] overrides);       // KEY=VALUE each, as `--set`
//! static native byte[] withOverrides(byte[] bundle, String[] overrides);
//! static native String plan(byte[] bundle, String job);                   // JSON: weir_embed::Plan
//! static native long   open(byte[] bundle, String job, int chain, int subtask, byte[][] restored, long checkpoint, int attempt, boolean durable,
//!                             boolean dropsState);
//! static native byte[] poll(long task, long nowMicros);
//! static native byte[] element(long task, byte[] element);
//! static native byte[] more(long task);
//! static native byte[] time(long task, long nowMicros);
//! static native byte[] flush(long task, boolean comes);
//! static native byte[] barrier(long task, long checkpoint);
//! static native byte[] drain(long task);
//! static native byte[] snapshot(long task);
//! static native byte[] prepared(long task, String sink);                  // null: nothing
//! static native long   deadline(long task);                               // microseconds; Long.MAX_VALUE: none
//! static native String figures(long task);                                // JSON
//! static native String lines();                                           // JSON: what operators have logged; null: nothing
//! static native void   close(long task);
//! static native long   openCommitter(byte[] bundle, String job, String sink, long checkpoint, int attempt, boolean durable); // 0: nothing to commit
//! static native void   commit(long committer, byte[][] prepared); // what was prepared knows its checkpoints itself
//! static native void   closeCommitter(long committer);
//! static native long   openOperator(byte[] component, String options, String columns);   // JSON: weir_embed::RowOperator
//! static native String outputs(long operator);                            // JSON
//! static native byte[] process(long operator, byte[] rows);               // weir_embed::rows
//! static native void   closeOperator(long operator);
//! ```
//!
//! What is in answers is in `weir_embed::answer`, in elements in `weir_embed::element`. After `open`, and after every answer that has more,
//! `more` comes before anything else but `barrier`. A task is called by one thread at a time.
//!
//! Every failure is an `io.weir.flink.WeirException` with all causes in its message; no panic and no trap of a guest leaves the library,
//! and a handle that is none is an error too. A thread that calls needs [`stack::NEEDED_BYTES`] of stack.

pub mod c;
mod door;
mod handles;
mod jvm;
mod panics;
mod rows;
pub mod stack;
