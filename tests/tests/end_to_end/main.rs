//! The real command over real files: the examples, operators that keep state, operators that fail.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod as_of_tables;
mod changelogs;
mod chaos;
#[cfg(unix)]
mod checkpoint_folder;
#[cfg(unix)]
mod damage;
mod examples;
mod expressions;
#[cfg(unix)]
mod formats;
#[cfg(unix)]
mod golden_checkpoint;
mod harness;
mod inspect;
#[cfg(unix)]
mod kafka;
#[cfg(target_os = "linux")]
mod limits;
mod on_error;
#[cfg(unix)]
mod once;
#[cfg(unix)]
mod q11;
#[cfg(unix)]
mod recovery;
mod stateful;
#[cfg(unix)]
mod storage;
#[cfg(unix)]
mod suspend;
#[cfg(unix)]
mod tables;
mod text;
mod watch;

#[cfg(unix)]
use weir_tests::running;
