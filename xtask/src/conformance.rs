//! `cargo xtask conformance [--update] [LANGUAGE]...`: the conformance suite in every language whose tools are here, and what each costs.
//!
//! It measures, and so is no test: the same cases are run by `runtime/cli/tests/languages`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::command::{announce, output, root, run as run_command};
use crate::weir;

/// As `weir new --lang` takes them; their samples are in `sdk/NAME/samples`.
const LANGUAGES: [&str; 7] = ["rust", "c", "cpp", "zig", "go", "python", "javascript"];
const OPERATORS: [&str; 3] = ["types", "counter", "average"];
/// Where the table is kept, and what it stands between.
const PAGE: &str = "docs/guide/languages.md";
const MARKS: [&str; 2] = ["<!-- figures -->\n", "<!-- end of figures -->"];
/// In the source of the template's operator of every language, and what it is edited into.
const EDIT: [[&str; 2]; 2] = [["24 * 60", "25 * 60"], ["24*60", "25*60"]];
/// A case of the template's operator with rows that stay and rows that go, and none that is refused.
const SPEED: &str = "\
config = { late-after-minutes = 15 }
columns = { dep_delay = \"int64\" }
steps = [{ rows = [{ dep_delay = 20 }, { dep_delay = -3 }, {}, { dep_delay = 5 }] }]
[expect.outputs]
main = [{ late = true }, { late = false }, { late = false }]
";
const POLL: Duration = Duration::from_millis(50);

/// Runs the suite, prints the table, and writes it into the guide with `--update`.
///
/// # Errors
/// If a case fails, a language that was asked for has no tools here, or a step fails.
pub(crate) fn run(options: &[String]) -> anyhow::Result<()> {
    let (flags, named): (Vec<&String>, Vec<&String>) = options.iter().partition(|option| option.starts_with('-'));
    let is_update = match flags[..] {
        [] => false,
        [flag] if flag == "--update" => true,
        _ => bail!("conformance takes --update and languages, not {flags:?}"),
    };
    if let Some(unknown) = named.iter().find(|name| !LANGUAGES.contains(&name.as_str())) {
        bail!("there is no language {unknown:?}; there are {}", LANGUAGES.join(", "));
    }
    let weir = weir::build(&[])?;
    let mut table = String::from(HEADER);
    for language in LANGUAGES.iter().filter(|language| named.is_empty() || named.iter().any(|name| name == *language)) {
        match measure(&weir, language) {
            Ok(cells) => table += &format!("| {language} | {} |\n", cells.join(" | ")),
            // Named, it must be here.
            Err(error) if named.is_empty() && format!("{error:#}").contains("weir toolchain install") => {
                announce(&format!(
                    "skipped {language}: its tools are not here; run `weir toolchain install {language}`"
                ));
            }
            Err(error) => return Err(error.context(format!("in {language}"))),
        }
    }
    println!("\n{table}");
    if is_update { keep(&table) } else { Ok(()) }
}

const HEADER: &str = "\
| | size | build | build, edited | compile | compile, edited | first result | filter and map | types | counter | average | memory |
|---|---|---|---|---|---|---|---|---|---|---|---|
";

/// Builds, runs and times the template's operator and the three samples of a language.
fn measure(weir: &Path, language: &str) -> anyhow::Result<Vec<String>> {
    announce(&format!("{language}: the template's operator"));
    let folder = root().join("target/conformance").join(language);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    // Nothing that was compiled before may help.
    let cache = folder.join("cache");
    let weir = |arguments: &[&str]| {
        let mut command = Command::new(weir);
        command.args(arguments).current_dir(&folder).env("NO_COLOR", "1").env("CARGO_TERM_QUIET", "true");
        command.env("WEIR_CACHE_DIR", &cache);
        command
    };
    run_command(weir(&["new", "late", "--lang", language]).stdout(Stdio::null()))?;
    let first = Built::of(&mut weir(&["build", "late"]))?;
    edit(&folder.join("late"))?;
    let edited = Built::of(&mut weir(&["build", "late"]))?;
    let started = now();
    run_command(weir(&["run", "late/pipeline.toml"]).stdout(Stdio::null()).stderr(Stdio::null()))?;
    let first_result = started.elapsed();
    std::fs::write(folder.join("late/tests/speed.toml"), SPEED)?;
    let test = ["test", "late", "--component", "late/late.wasm", "--case", "speed", "--time"];
    let (told, memory) = with_memory(&mut weir(&test))?;
    let template = timed(&told)?;

    announce(&format!("{language}: the samples"));
    for operator in OPERATORS {
        let sample = root().join("sdk").join(language).join("samples").join(operator).display().to_string();
        run_command(weir(&["build", &sample, "-o", &format!("{operator}.wasm")]).stdout(Stdio::null()))?;
    }
    let told = output(&mut weir(&["conformance", ".", "--time"]))?;
    println!("{language}: {}", told.lines().last().unwrap_or_default());
    let mut cells = vec![
        first.size,
        seconds(first.took),
        seconds(edited.took),
        first.compiled,
        edited.compiled,
        format!("{} ms", first_result.as_millis()),
    ];
    cells.extend([template, timed(&told)?].concat());
    cells.push(memory);
    Ok(cells)
}

/// What `weir build` took and told.
struct Built {
    took: Duration,
    size: String,
    compiled: String,
}

impl Built {
    /// Of what it took the compiler of components is no part.
    fn of(build: &mut Command) -> anyhow::Result<Self> {
        let started = now();
        let told = build.output().context("cannot run weir")?;
        let took = started.elapsed();
        ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let line = |name: &str| told.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        let compiled = line("compiled").unwrap_or_default().split(',').next().unwrap_or_default().to_owned();
        Ok(Self { took, size: line("size").unwrap_or_default(), compiled })
    }
}

/// Changes a number in the operator's source.
fn edit(project: &Path) -> anyhow::Result<()> {
    let mut folders = vec![project.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let edited = EDIT.iter().fold(text.clone(), |text, [from, to]| text.replace(from, to));
            if edited != text {
                return Ok(std::fs::write(&path, edited)?);
            }
        }
    }
    bail!("the template's source has no {:?}", EDIT[0][0])
}

/// `123 ns` of every line that has a time.
fn timed(told: &str) -> anyhow::Result<Vec<String>> {
    let of_line = |line: &str| line.split_once('(')?.1.strip_suffix(" a row)").map(str::to_owned);
    let times: Vec<String> = told.lines().filter_map(of_line).collect();
    ensure!(!times.is_empty(), "no case was timed: {told}");
    Ok(times)
}

/// Runs a command; what it printed, and the most memory that it had.
#[expect(clippy::disallowed_methods, reason = "there is nothing but a file to look at until it ends")]
fn with_memory(command: &mut Command) -> anyhow::Result<(String, String)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut memory = String::new();
    while child.try_wait()?.is_none() {
        let most = std::fs::read_to_string(&status).unwrap_or_default();
        let most =
            most.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        memory = most.map_or(memory, |kib| format!("{} MiB", kib / 1024));
        std::thread::sleep(POLL);
    }
    let told = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    ensure!(told.status.success(), "{text}");
    Ok((text, memory))
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// Writes the table into the guide.
fn keep(table: &str) -> anyhow::Result<()> {
    let page = root().join(PAGE);
    let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {PAGE}"))?;
    let parts = text.split_once(MARKS[0]).and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?.1)));
    let (before, after) = parts.with_context(|| format!("{PAGE} has no place for the figures"))?;
    std::fs::write(&page, format!("{before}{}\n{table}\n{}{after}", MARKS[0], MARKS[1]))?;
    announce(&format!("wrote {PAGE}"));
    Ok(())
}
