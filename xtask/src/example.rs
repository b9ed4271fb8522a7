//! `cargo xtask example NAME`, and `cargo xtask demo`, which is one of them: from a bare clone to results.

mod hot_swap;
mod languages;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::command::{self, announce, binary, ensure_wasm_target, root};
use crate::{guests, native, weir};

/// What there is.
pub(crate) const NAMES: [&str; 11] = [
    "access-logs",
    "first-operator",
    "flights",
    "flights-joined",
    HOT_SWAP,
    KAFKA_ORDERS,
    LANGUAGES,
    "nexmark",
    ORDERS,
    "sensors",
    THREE_ENGINES,
];
/// The one that needs a server.
const HOT_SWAP: &str = "hot-swap";
/// The one whose operators are in many.
const LANGUAGES: &str = "languages";
/// The one that waits for more files.
const ORDERS: &str = "orders";
/// The one that needs a broker.
const KAFKA_ORDERS: &str = "kafka-orders";
/// The one that needs a broker, Flink and Spark.
const THREE_ENGINES: &str = "three-engines";
const THREE_ENGINES_PROGRAM: &str = "three_engines";
/// What a broker needs, and a command that works if it is there.
const BROKER: [[&str; 2]; 2] = [["Java, 17 or newer", "java -version"], ["Maven", "mvn -version"]];
/// What Spark needs beside that.
const SPARK: [[&str; 2]; 1] = [["Python, 3.10 or newer, with pip", "python3 -m pip --version"]];

/// Builds the command and the examples' operators, then runs an example: each pipeline file in its folder, or its program.
///
/// # Errors
/// If there is no such example, or a step fails.
pub(crate) fn run(name: &str) -> anyhow::Result<()> {
    ensure!(NAMES.contains(&name), "there is no example {name:?}; there are: {}", NAMES.join(", "));
    if name == THREE_ENGINES {
        return three_engines();
    }
    if name == KAFKA_ORDERS {
        ensure_there(&BROKER)?;
    }
    ensure_wasm_target()?;
    let weir = match name {
        KAFKA_ORDERS => weir::build(&["kafka_orders"])?,
        HOT_SWAP => weir::build(&[])?,
        _ => weir::build_small()?,
    };
    guests::build_example(&weir, name)?;
    if name == KAFKA_ORDERS {
        return command::run(&mut Command::new(binary("debug", "kafka_orders")));
    }
    if name == HOT_SWAP {
        return hot_swap::run(&weir);
    }
    if name == LANGUAGES {
        languages::build(&weir)?;
    }
    for pipeline in pipelines(name)? {
        announce(&format!("running {} (a few seconds)", pipeline.display()));
        let mut run = Command::new(&weir);
        run.arg("run").arg(&pipeline).current_dir(root());
        if name == ORDERS {
            run.args(["--set", "sources.files.follow=false"]);
        }
        command::run(&mut run)?;
    }
    Ok(())
}

/// The pipeline files of an example, relative to the project.
fn pipelines(name: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = Path::new("examples").join(name);
    let entries =
        std::fs::read_dir(root().join(&folder)).with_context(|| format!("cannot read {}", folder.display()))?;
    let files = entries.map(|entry| Ok(folder.join(entry?.file_name()))).collect::<std::io::Result<Vec<_>>>()?;
    let mut pipelines: Vec<_> =
        files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "toml")).collect();
    pipelines.sort();
    Ok(pipelines)
}

/// Builds what the tests build, not optimised: the optimised library for Flink and Spark takes 10 to 20 minutes.
fn three_engines() -> anyhow::Result<()> {
    ensure!(
        cfg!(target_os = "linux"),
        "this example needs Linux: Weir's library for Flink and Spark is there for no other system"
    );
    ensure_there(&[&BROKER[..], &SPARK].concat())?;
    ensure_wasm_target()?;
    let weir = weir::build(&[THREE_ENGINES_PROGRAM])?;
    native::build_unoptimised()?;
    // Its operator is theirs.
    guests::build_example(&weir, "flights")?;
    command::run(&mut Command::new(binary("debug", THREE_ENGINES_PROGRAM)))
}

/// Says before the long build what an example needs and is not there.
fn ensure_there(needs: &[[&str; 2]]) -> anyhow::Result<()> {
    for [need, command] in needs {
        let mut words = command.split(' ');
        let mut asked = Command::new(words.next().unwrap_or_default());
        let status = asked.args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            let needs: Vec<&str> = needs.iter().map(|[need, _]| *need).collect();
            bail!(
                "this example needs {}, and `{command}` fails: there is no {need}; install it with \
                 `apt install default-jre-headless maven python3-pip`, `brew install openjdk maven`, or what your system has for it",
                needs.join("; ")
            );
        }
    }
    Ok(())
}
