//! What an archive has for other engines: the jars for Flink and Spark, which the command looks for in `lib`, and the wheel for Spark beside
//! the archive.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::{copy, empty};
use crate::command::{announce, binary, output, root};
use crate::jar::{self, Engine};
use crate::native::LIBRARY;
use crate::{native, spark};

/// The jars and the wheel of a version.
pub(super) struct Engines {
    pub(super) jars: Vec<PathBuf>,
    pub(super) wheel: PathBuf,
}

impl Engines {
    /// Of the optimised library, which is built.
    ///
    /// # Errors
    /// If a step fails.
    pub(super) fn build() -> anyhow::Result<Self> {
        Self::of(&native::build()?)
    }

    /// Of the library that the tests use; `None`: this machine has no Maven or no pip, which is said.
    ///
    /// # Errors
    /// If a step fails.
    pub(super) fn of_tests() -> anyhow::Result<Option<Self>> {
        let runs = |program: &[&str]| {
            let mut command = Command::new(program[0]);
            let status = command.args(&program[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        for needed in [&["mvn", "-version"][..], &["python3", "-m", "pip", "--version"]] {
            if !runs(needed) {
                announce(&format!(
                    "the archive is without the jars for Flink and Spark and the wheel: `{}` does not run",
                    needed.join(" ")
                ));
                return Ok(None);
            }
        }
        native::build_unoptimised()?;
        let small = root().join("target/dist/test-library").join(LIBRARY);
        empty(small.parent().context("a file has a folder")?)?;
        // What is in it for debuggers is most of it, and takes as long to pack.
        let library = binary("debug", LIBRARY);
        let stripped = Command::new("strip").args(["--strip-debug", "-o"]).arg(&small).arg(&library).status();
        if !stripped.is_ok_and(|status| status.success()) {
            copy(&library, &small)?;
        }
        Self::of(&small).map(Some)
    }

    fn of(library: &Path) -> anyhow::Result<Self> {
        let folder = root().join("target/dist");
        let wheels = folder.join("spark");
        empty(&wheels)?;
        let jars = vec![
            jar::build(Engine::Flink, library, &folder.join("flink"))?,
            jar::build(Engine::Spark, library, &folder.join("spark-jar"))?,
        ];
        Ok(Self { jars, wheel: spark::wheel(library, &wheels)? })
    }

    /// Looks at all of them, and whether the command beside the jars takes them for its own.
    ///
    /// # Errors
    /// If something is missing.
    pub(super) fn check(&self, weir: &Path) -> anyhow::Result<()> {
        let classes = ["io/weir/flink/WeirJob.class", "io/weir/spark/WeirJob.class"];
        let of_jars = self.jars.iter().zip(classes).flat_map(|(jar, class)| [(jar, "libweir_native.so"), (jar, class)]);
        for (file, holds) in of_jars.chain([(&self.wheel, "weir/spark/libweir_native.so")]) {
            let listed = output(Command::new("python3").args(["-m", "zipfile", "-l"]).arg(file))?;
            ensure!(listed.contains(holds), "{} lacks {holds}", file.display());
        }
        let folder = root().join("target/dist/submitted");
        empty(&folder)?;
        let pipeline = "name = \"none\"\n[sources.rows]\nconnector = \"nexmark\"\ntable = \"bid\"\nevents = 1\n[sinks.out]\ninput = \"rows\"\nconnector = \"blackhole\"\n";
        super::write(&folder.join("pipeline.toml"), pipeline)?;
        let mut submit = Command::new(weir);
        submit.arg("submit").arg(folder.join("pipeline.toml")).env_remove("FLINK_HOME");
        let said = submit.output().context("the archive's weir does not run")?.stderr;
        let said = String::from_utf8_lossy(&said);
        ensure!(
            said.contains("a local run needs Flink's jars"),
            "the archive's weir does not take the archive's jar: {said}"
        );
        Ok(())
    }
}
