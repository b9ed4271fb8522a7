//! `soak [--minutes N]`: runs a server under a steady load and fails if it needs more and more of anything.

use std::process::ExitCode;

use anyhow::Context;
use weir_tests::program::exit_code;
use weir_tests::soak::Soak;

const USAGE: &str = "usage: soak [--minutes N]";

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> anyhow::Result<()> {
    let mut minutes: u32 = 60;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().context(USAGE)?;
        match argument.as_str() {
            "--minutes" => minutes = value.parse().context(USAGE)?,
            _ => anyhow::bail!(USAGE),
        }
    }
    let weir = std::env::current_exe()?.with_file_name("weir");
    Soak { weir, minutes }.run(|line| println!("{line}"))
}
