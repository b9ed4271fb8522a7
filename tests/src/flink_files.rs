//! Flink, and the jar of `bridge/java/flink` that runs pipelines on it: Maven fetches the one and builds the other.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::maven::{build_folders, is_made_of, lock, made_of, native_library, run, runs};
use crate::running::root;

/// The newest Flink, which `bridge/java/flink` is compiled for, and the oldest that it runs on.
pub const VERSIONS: [&str; 2] = ["2.3.0", "2.0.0"];
/// Bounds what the tests take, and compiles little: jobs here run for seconds.
const JVM: [&str; 4] =
    ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.util=ALL-UNNAMED"];

/// What Maven has made.
#[derive(Clone)]
pub struct FlinkFiles {
    /// Weir's jar, without the native library.
    pub jar: PathBuf,
    /// The folder of Flink's jars.
    pub libs: PathBuf,
    /// The native library.
    pub library: PathBuf,
    /// The classes of the Java tests.
    pub test_classes: PathBuf,
}

impl FlinkFiles {
    /// Makes them for a version of Flink.
    ///
    /// # Errors
    /// If Maven fails, or the native library is not there.
    pub fn make(version: &str) -> io::Result<Self> {
        let library = native_library()?;
        let folder = build_folders()?.0.join("flink").join(version);
        let _lock = lock(&folder)?;
        let (build, libs) = (folder.join("build"), folder.join("libs"));
        let mut maven = Command::new("mvn");
        let pom = root().join("bridge/java/flink/pom.xml");
        maven.args(["-q", "-B", "-f"]).arg(&pom);
        maven.arg(format!("-Dflink.version={version}")).arg(format!("-Dweir.build={}", build.display())).arg("package");
        let pom = fs::read_to_string(pom)?;
        if !is_made_of(&libs, &pom) {
            maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", libs.display()));
        }
        run(&mut maven)?;
        made_of(&libs, &pom)?;
        Ok(Self { jar: build.join("weir-flink.jar"), test_classes: build.join("test-classes"), libs, library })
    }

    /// `java`, which has Flink, the jar, the native library, and the classes of the tests.
    #[must_use]
    pub fn java(&self, options: &[&str]) -> Command {
        let [jar, tests, libs] = [&self.jar, &self.test_classes, &self.libs].map(|path| path.display());
        let mut java = Command::new("java");
        java.args(JVM).args(options).arg(format!("-Dweir.library={}", self.library.display()));
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off").arg("-cp").arg(format!("{jar}:{tests}:{libs}/*"));
        java
    }

    /// A program that is needed and not there.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        ["java", "mvn"].into_iter().find(|program| !runs(program, "-version"))
    }
}
