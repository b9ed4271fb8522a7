//! Jars that tests need: Maven fetches them once into a folder of the build.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether a program is there: it runs with an argument that only makes it say its version.
#[must_use]
pub fn runs(program: &str, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Fetches an artifact, `GROUP:NAME:VERSION`, with what it depends on unless it is in the groups of `provided`. Gives the folder
/// of the jars.
///
/// # Errors
/// If Maven fails.
pub fn fetch(folder: &Path, artifact: &str, provided: &[&str]) -> io::Result<PathBuf> {
    let libs = folder.join("libs");
    let _lock = lock(folder)?;
    let [group, name, version] = artifact.split(':').collect::<Vec<_>>()[..] else {
        return Err(io::Error::other(format!("{artifact:?} is not GROUP:NAME:VERSION")));
    };
    let exclusion =
        |group: &&str| format!("<exclusion><groupId>{group}</groupId><artifactId>*</artifactId></exclusion>");
    let exclusions: String = provided.iter().map(exclusion).collect();
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>weir</groupId><artifactId>jars</artifactId>\
         <version>1</version><dependencies><dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>\
         <version>{version}</version><exclusions>{exclusions}</exclusions></dependency></dependencies></project>"
    );
    if is_made_of(&libs, &pom) {
        return Ok(libs);
    }
    fs::write(folder.join("pom.xml"), &pom)?;
    let mut maven = Command::new("mvn");
    maven.current_dir(folder).args(["-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs"]);
    run(&mut maven)?;
    made_of(&libs, &pom)?;
    Ok(libs)
}

/// Whether a folder was made of this; if it was made of something else, it is removed.
#[must_use]
pub fn is_made_of(folder: &Path, recipe: &str) -> bool {
    let is_made = fs::read_to_string(recipe_of(folder)).is_ok_and(|made_of| made_of == recipe);
    if !is_made {
        let _ = fs::remove_dir_all(folder);
    }
    is_made
}

/// A folder is made, of this.
///
/// # Errors
/// If that cannot be written down.
pub fn made_of(folder: &Path, recipe: &str) -> io::Result<()> {
    fs::write(recipe_of(folder), recipe)
}

fn recipe_of(folder: &Path) -> PathBuf {
    folder.with_extension("made-of")
}

/// Makes a folder, and waits until it is this process's: test binaries run side by side, and one of them fetches.
///
/// # Errors
/// If the folder cannot be made.
pub fn lock(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    Ok(lock)
}

/// Runs a program to its end.
///
/// # Errors
/// If it fails, with what it said.
pub fn run(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?}: {said}")))
}

/// The build folder that the running test or program is in, and that of its profile: `FOLDER/PROFILE/deps/TEST` or
/// `FOLDER/PROFILE/PROGRAM`.
///
/// # Errors
/// If it is in no such folder.
pub fn build_folders() -> io::Result<(PathBuf, PathBuf)> {
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    let folders = profile.and_then(|profile| Some((profile.parent()?.to_path_buf(), profile.to_path_buf())));
    folders.ok_or_else(|| io::Error::other("the test is in no build folder"))
}

/// The native library that was built with the running test or program.
///
/// # Errors
/// If it was not.
pub fn native_library() -> io::Result<PathBuf> {
    let library = build_folders()?.1.join("libweir_native.so");
    if library.exists() {
        return Ok(library);
    }
    Err(io::Error::other(format!("{} is missing: build it with `cargo build --workspace --lib`", library.display())))
}
