//! `cargo xtask COMMAND`: what one does with this project. Never part of what ships, and small, so that it compiles at once.
//!
//! | command | file |
//! |---|---|
//! | `demo`, `example NAME` | `example.rs`: builds what is needed and runs an example |
//! | `test` | `test.rs`: every test and check there is |
//! | `lint` | `lint.rs`: formatting, clippy, documentation, dependency arrows, style |
//! | `guests` | `guests.rs`: compiles the operators and puts them beside their examples |
//! | `vectors [DIR]` | `vectors.rs`: replays cases of other engines' test suites |
//! | `chaos [--kills N] [--seed S]` | `chaos.rs`: kills the command and compares its output |
//! | `soak [--minutes N]` | `soak.rs`: runs a server for a long time; nothing may grow |
//! | `fuzz [--seconds N] [TARGET]...` | `fuzz.rs`: runs the fuzz targets |
//! | `dist [--check]` | `dist.rs`: builds the archive that is published of a version |
//! | `flink` | `flink.rs`: builds the jar that runs pipelines on Flink |
//! | `native` | `native.rs`: builds the library that other engines load |
//! | `spark` | `spark.rs`: builds the wheel that runs operators on Spark |
//! | `conformance [--update] [LANGUAGE]...` | `conformance.rs`: runs the suite in every language, and measures |
//! | `bench [OPTION]...` | `bench.rs`: measures, prints a table, writes JSON |

mod bench;
mod chaos;
mod command;
mod conformance;
mod dist;
mod example;
mod flink;
mod fuzz;
mod guests;
mod jar;
mod lint;
mod native;
mod soak;
mod spark;
mod test;
mod vectors;
mod weir;

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;

use fuzz::Fuzzing;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo               build what is needed and run the flights example to a table of results
  example NAME       build what is needed and run an example: flights, kafka-orders, three-engines
  test               run every test and check
  lint               formatting, clippy, documentation, dependency arrows, style rules
  guests             compile the operators of operators/ and examples/ into components
  vectors [DIR]      replay the cases of a folder (default: tests/vectors)
  chaos [--kills N] [--seed S]
                     kill jobs at seeded instants; no row may be lost or doubled (default: 100 kills, seed 1)
  soak [--minutes N] run a server under a steady load; memory, descriptors, threads and disk may not grow
                     (default: 60 minutes)
  fuzz [--seconds N] [TARGET]...
                     run the fuzz targets, or some of them, so long each (default: 60)
  dist [--check]     build the archive of a version: command, jar for Flink, completions, man pages, licences, bill of materials,
                     and the wheel for Spark beside it; --check makes it of the build that the tests use, unpacks it, and installs the command
  flink              build weir-flink.jar, which `weir submit` runs pipelines on Flink with, beside the optimised command
  spark              build weir-spark.jar, which `weir submit` runs pipelines on Spark with, beside the optimised command, and the wheel that
                     runs operators there, in target/release/spark
  conformance [--update] [LANGUAGE]...
                     run the conformance suite in every language whose tools are here, and measure what each costs;
                     --update keeps the table in docs/guide/languages.md
  bench [OPTION]...  measure; `cargo xtask bench --help` lists the options";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(compiled) = fuzz::instrument::compile(&arguments) {
        return compiled;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<()> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => bail!("no command given\n{USAGE}"),
    };
    match (command, rest) {
        ("demo", []) => example::run("flights"),
        ("example", [name]) => example::run(name),
        ("example", []) => bail!("which example? There are: {}\n{USAGE}", example::NAMES.join(", ")),
        ("test", []) => test::run(),
        ("lint", []) => lint::run(),
        ("dist", []) => dist::run(),
        ("dist", [option]) if option == "--check" => dist::check(),
        ("guests", []) => guests::run(),
        ("flink", []) => flink::run(),
        ("spark", []) => spark::run(),
        ("vectors", [] | [_]) => vectors::run(rest.first().map(Path::new)),
        ("chaos", options) => chaos::run(options),
        ("soak", options) => soak::run(options),
        ("fuzz", options) => Fuzzing::parse(options)?.run(),
        ("conformance", options) => conformance::run(options),
        ("bench", options) => bench::run(options),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        ("demo" | "dist" | "example" | "test" | "lint" | "guests" | "flink" | "spark" | "vectors", _) => {
            bail!("{command} does not take: {}\n{USAGE}", rest.join(" "))
        }
        _ => bail!("there is no command {command:?}\n{USAGE}"),
    }
}
