//! Dead letters on a server, by the command that was built: listed, shown, dropped, replayed through a version that can process them,
//! under kills, and after going back to a savepoint. Never builds anything: `cargo xtask test` has.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod kills;
mod letters;
mod limits;
mod replays;
mod server;
