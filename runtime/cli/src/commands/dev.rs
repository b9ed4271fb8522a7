//! `weir dev`: an operator that is built, tested and replaced in its stream whenever a source changes. Each step is a process of its own: what
//! fails there leaves this one, and what runs, as they are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::changes::{self, Sources};
use crate::commands::test;
use crate::languages::{self, Language};
use crate::terminal;

/// From one look at the sources to the next.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Options of `weir dev`.
#[derive(clap::Args)]
#[command(
    after_help = "Builds the operator and runs its test cases, and does so again whenever a file of the project changes. If that goes well, the operator
is replaced where it runs: a `weir run --watch` that uses its component sees the new file, and with --job it is pushed to the server
and swapped there. What fails changes nothing.

Examples:
  weir run pipeline.toml --checkpoint-dir state --watch      in one terminal
  weir dev my-operator                                       in another
  weir dev my-operator --job orders/classify"
)]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Swap this operator of a server's job ($WEIR_SERVER, $WEIR_TOKEN)
    #[arg(long, value_name = "JOB/OPERATOR")]
    job: Option<String>,
    /// Build, test and swap once, and end
    #[arg(long)]
    once: bool,
}

/// Repeats it until it is interrupted.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let language = languages::of_project(&args.folder)?;
    loop {
        let before = changes::sources(&args.folder);
        let done = cycle(args, language);
        if args.once {
            return done;
        }
        if let Err(error) = done {
            terminal::print_error(&error);
        }
        terminal::print("waiting for a change\n");
        await_change(&args.folder, before);
    }
}

/// Waits until the sources are others than before, and an editor has written the last of them.
#[expect(clippy::disallowed_methods, reason = "the files are polled, and no other thread waits for this one")]
fn await_change(folder: &Path, before: Sources) {
    let mut last = before.clone();
    loop {
        std::thread::sleep(LOOK_EVERY);
        let now = changes::sources(folder);
        if now == last && now != before {
            return;
        }
        last = now;
    }
}

/// Builds into a file beside the component, which takes its place if the cases pass.
fn cycle(args: &Args, language: &dyn Language) -> anyhow::Result<()> {
    let (folder, name) = (args.folder.as_os_str(), language.name_of(&args.folder)?);
    let [built, component] = [".dev.wasm", ".wasm"].map(|suffix| args.folder.join(format!("{name}{suffix}")));
    weir(Command::new(program()?).arg("build").arg(folder).arg("--output").arg(&built))?;
    if test::has_cases(&args.folder) {
        weir(Command::new(program()?).arg("test").arg(folder).arg("--component").arg(&built))?;
    }
    replace(&built, &component)?;
    let Some(job) = &args.job else { return Ok(()) };
    let pushed = Command::new(program()?).arg("push").arg(&component).args(["--name", &name, "--json"]).output();
    let pushed = pushed.context("cannot run weir push")?;
    if !pushed.status.success() {
        let said = String::from_utf8_lossy(&pushed.stderr);
        bail!("{}", said.trim().trim_start_matches("error: "));
    }
    let told: serde_json::Value = serde_json::from_slice(&pushed.stdout).context("cannot read what weir push says")?;
    if told["is-new"] == false {
        return Ok(());
    }
    let version = told["operator"]["version"].as_str().unwrap_or_default();
    weir(Command::new(program()?).args(["swap", job, &format!("{name}@{version}")]).args(["--probation-time", "3s"]))
}

fn replace(built: &Path, component: &Path) -> anyhow::Result<()> {
    std::fs::rename(built, component).with_context(|| format!("cannot write {}", component.display()))
}

fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find this program")
}

/// Runs a command of this program, which says itself what is wrong.
fn weir(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().context("cannot run weir")?;
    let step = command.get_args().next().map(|step| step.to_string_lossy().into_owned()).unwrap_or_default();
    if status.success() { Ok(()) } else { bail!("weir {step} failed: what runs stays as it is") }
}
