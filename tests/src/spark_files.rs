//! Spark for Python, its connector to Kafka, and the jar of `bridge/java/spark` that runs pipelines on it: pip fetches the one, Maven
//! the others.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::maven::{build_folders, fetch, is_made_of, lock, made_of, run, runs};
use crate::running::root;

/// The newest Spark whose connector to Kafka is published.
const VERSION: &str = "4.2.0";
/// What is installed beside Spark: what the wheel needs, and what builds and tests it.
const PACKAGES: [&str; 5] =
    ["pyarrow==26.0.1", "pandas==2.3.3", "protobuf==7.36.2", "pytest==9.2.0", "hatchling==1.33.0"];
/// What Spark has itself of what the connector depends on.
const PROVIDED: [&str; 6] =
    ["org.apache.hadoop", "org.scala-lang", "org.scala-lang.modules", "org.slf4j", "org.lz4", "org.xerial.snappy"];

/// The folder of Python packages.
///
/// # Errors
/// If pip fails.
pub fn packages() -> io::Result<PathBuf> {
    let folder = folder()?;
    let packages = folder.join("packages");
    let _lock = lock(&folder)?;
    let recipe = format!("pyspark=={VERSION} {}", PACKAGES.join(" "));
    if !is_made_of(&packages, &recipe) {
        run(pip(&folder).args(["install", "--upgrade", "--target"]).arg(&packages).args(recipe.split(' ')))?;
        made_of(&packages, &recipe)?;
    }
    Ok(packages)
}

/// The jars of the connector to Kafka.
///
/// # Errors
/// If Maven fails.
pub fn kafka_connector() -> io::Result<Vec<PathBuf>> {
    let artifact = format!("org.apache.spark:spark-sql-kafka-0-10_2.13:{VERSION}");
    let libs = fetch(&folder()?.join("kafka"), &artifact, &PROVIDED)?;
    libs.read_dir()?.map(|entry| Ok(entry?.path())).collect()
}

/// Weir's jar, without the native library.
///
/// # Errors
/// If Maven fails.
pub fn jar() -> io::Result<PathBuf> {
    let build = folder()?.join("build");
    let _lock = lock(&build)?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(root().join("bridge/java/spark/pom.xml"));
    run(maven.arg(format!("-Dweir.build={}", build.display())).arg("package"))?;
    Ok(build.join("weir-spark.jar"))
}

/// pip, in a folder.
#[must_use]
pub fn pip(folder: &Path) -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]).current_dir(folder);
    pip
}

/// A program that is needed and not there.
#[must_use]
pub fn missing() -> Option<&'static str> {
    first_missing(&[("python3", "--version"), ("java", "-version")])
}

/// The same for pipelines, whose jar is built.
#[must_use]
pub fn missing_for_pipelines() -> Option<&'static str> {
    missing().or_else(|| first_missing(&[("mvn", "-version")]))
}

fn first_missing(programs: &[(&'static str, &str)]) -> Option<&'static str> {
    programs.iter().find(|(program, argument)| !runs(program, argument)).map(|(program, _)| *program)
}

fn folder() -> io::Result<PathBuf> {
    Ok(build_folders()?.0.join("spark").join(VERSION))
}
