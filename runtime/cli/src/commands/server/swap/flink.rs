//! `weir swap --engine flink`: another version of an operator for a job on a Flink cluster. The pipeline file says what runs; what changes
//! is what `weir submit` would be told.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::json;

use super::Args;
use super::replacement::{Outcome, Replacement, UploadedJar};
use crate::commands::submit::working_folder::WorkingFolder;
use crate::commands::submit::{Engine, Submission, jar};
use crate::engine_job::EngineJob;
use crate::flink::cluster::SETTINGS;
use crate::flink::{Cluster, session_url, setting};
use crate::json::Told;
use crate::shared_args::{PipelineArgs, SecretsArgs, key_value};
use crate::{figures, json, terminal};

/// Options for a job on Flink.
#[derive(clap::Args)]
#[command(next_help_heading = "On Flink")]
pub(super) struct FlinkArgs {
    /// The engine that runs the job, if it is not a server of Weir
    #[arg(long, value_parser = engine_with_swaps, requires_all = ["session", "pipeline"],
          conflicts_with_all = ["unset", "shadow", "canary", "no_probation", "probation_batches", "probation_time", "detach"])]
    engine: Option<Engine>,
    /// The address of its REST API, as session:URL
    #[arg(long = "target", value_name = "TARGET", requires = "engine", value_parser = session_url)]
    session: Option<String>,
    /// The pipeline file that the job was submitted with
    #[arg(long, value_name = "FILE", requires = "engine")]
    pipeline: Option<PathBuf>,
    /// What `weir submit` was given as --set
    #[arg(long = "pipeline-set", value_name = "KEY=VALUE", requires = "engine", value_parser = key_value)]
    overrides: Vec<(String, String)>,
    /// What `weir submit` was given
    #[arg(long, value_name = "N", requires = "engine")]
    parallelism: Option<usize>,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// What `weir submit` was given: a key of Flink's configuration
    #[arg(short = 'D', value_name = "KEY=VALUE", requires = "engine", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Where the savepoint is written [default: Flink's execution.checkpointing.savepoint-dir]
    #[arg(long, value_name = "PATH", requires = "engine")]
    savepoint_dir: Option<String>,
    /// Weir's jar for Flink [default: weir-flink.jar beside this command or in ../lib]
    #[arg(long, value_name = "FILE", requires = "engine")]
    jar: Option<PathBuf>,
}

impl FlinkArgs {
    /// The address of the cluster; `None`: the job is on a server of Weir.
    pub(super) fn cluster(&self) -> anyhow::Result<Option<&str>> {
        ensure!(self.engine.is_some() || self.secrets.dir().is_none(), "--secrets-dir needs --engine flink");
        Ok(self.session.as_deref())
    }

    /// The command that submits the pipeline as it is.
    fn submit_command(&self, url: &str) -> String {
        let path = |path: &Path| path.display().to_string();
        let mut words = vec!["submit".to_owned(), path(self.pipeline.as_deref().unwrap_or(Path::new("")))];
        let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
        option("--target", format!("session:{url}"));
        self.overrides.iter().for_each(|(key, value)| option("--set", format!("{key}={value}")));
        self.parallelism.iter().for_each(|parallelism| option("--parallelism", parallelism.to_string()));
        self.secrets.dir().iter().for_each(|dir| option("--secrets-dir", path(dir)));
        self.settings.iter().for_each(|(key, value)| option("-D", format!("{key}={value}")));
        self.jar.iter().for_each(|jar| option("--jar", path(jar)));
        format!("weir {}", words.iter().map(|word| terminal::shell_word(word)).collect::<Vec<_>>().join(" "))
    }

    /// The pipeline with some more changes.
    fn read(&self, changes: &[(String, String)]) -> anyhow::Result<Submission> {
        let pipeline = PipelineArgs {
            pipeline: self.pipeline.clone().unwrap_or_default(),
            overrides: self.overrides.iter().chain(changes).cloned().collect(),
            parallelism: self.parallelism,
            ..PipelineArgs::default()
        };
        Submission::read(Engine::Flink, &pipeline, &self.secrets)
    }
}

/// An engine on which a job can be replaced from outside.
fn engine_with_swaps(text: &str) -> Result<Engine, String> {
    match text {
        "flink" => Ok(Engine::Flink),
        "spark" => Err(
            "on Spark a new version is a new start: `weir submit --engine spark` of the pipeline with it and the same \
                        --checkpoint-dir ends the old job and takes over its state (docs/guide/spark.md)"
                .to_owned(),
        ),
        _ => Err("write flink".to_owned()),
    }
}

/// Swaps; an error if it is refused, or the old version runs again.
pub(super) fn execute(args: &Args, url: &str) -> anyhow::Result<()> {
    let (flink, (name, _)) = (&args.flink, &args.target);
    let is_piped = flink.pipeline.as_deref() == Some(Path::new("-"));
    ensure!(!is_piped, "the pipeline is read twice, which standard input cannot be: give it as a file");
    let old = flink.read(&[])?;
    let new = flink.read(&changes(args, &old)?)?;
    let (cluster, weir_jar) = (Cluster::new(url)?, jar::find(Engine::Flink, flink.jar.as_deref())?);
    cluster.version()?;
    let job = cluster.running_job(name)?;
    check_same(&job, &old, &flink.settings)?;
    ensure!(new.plan.digest != old.plan.digest, "{name} runs that already");
    let folder = WorkingFolder::new()?;
    let upload = |of: &Submission| {
        let jar = jar::with_bundle(&weir_jar, &of.bundle, folder.path())?;
        UploadedJar::new(&cluster, jar.path(), &format!("weir-{}.jar", of.plan.name))
    };
    let new_jar = upload(&new)?;
    let replacement = Replacement {
        cluster: &cluster,
        job: &job.id,
        settings: &flink.settings,
        folder: flink.savepoint_dir.as_deref(),
        commands: (format!("weir ps --engine flink --target session:{url}"), flink.submit_command(url)),
    };
    replacement.check(&new_jar).context("the job runs as before: the cluster refused the new version")?;
    let change = terminal::bold(&told(args));
    if args.dry_run {
        let fits = "would fit, but for its state, which only a start reads; nothing has changed";
        if args.json {
            return json::print(&json!({ "ok": true, "engine": "flink", "phase": "fits", "notes": [fits] }));
        }
        terminal::print(&format!("{change} {fits}\n"));
        return Ok(());
    }
    let outcome = replacement.run(&upload(&old)?, &new_jar)?;
    if args.json {
        json::print(&outcome.as_json(name))?;
    }
    match outcome {
        Outcome::Swapped { id, still_us, .. } => {
            if !args.json {
                let still = figures::duration(still_us);
                terminal::print(&format!("{change} is done: {name} runs as {id}; its tasks did not run for {still}\n"));
            }
            Ok(())
        }
        Outcome::WentBack { id, reason, .. } => {
            Err(Told::new(format!("the swap of {name} was rolled back, and the old version runs as {id}: {reason}"))
                .into())
        }
    }
}

/// What changes in the pipeline, as `weir submit --set` has it.
fn changes(args: &Args, old: &Submission) -> anyhow::Result<Vec<(String, String)>> {
    let ((_, operator), graph) = (&args.target, &old.file.graph);
    let mut changes = Vec::new();
    let first = args.version.iter().map(|file| (operator, file));
    for (operator, file) in first.chain(args.and.iter().map(|(operator, file)| (operator, file))) {
        ensure!(
            Path::new(file).is_file(),
            "{file} is no file: a cluster of Flink keeps no versions of operators, so name the file of the component"
        );
        // Relative to this folder, and not to that of the pipeline file.
        let file = std::path::absolute(file)?.display().to_string();
        changes.push((graph.path_of(operator, "component"), serde_json::Value::from(file).to_string()));
    }
    changes.extend(args.set.iter().map(|(key, value)| (graph.path_of(operator, key), value.clone())));
    ensure!(!changes.is_empty(), "no change given for {operator}: name the file of a component, or use --set");
    let all: Vec<_> =
        old.plan.components.iter().flat_map(|component| &component.operators).map(String::as_str).collect();
    for operator in std::iter::once(operator).chain(args.and.iter().map(|(operator, _)| operator)) {
        if !all.contains(&operator.as_str()) {
            bail!("the pipeline has no operator {operator:?}; its operators are {}", all.join(", "));
        }
    }
    Ok(changes)
}

/// `count -> count_v2.wasm (config.threshold=5)`
fn told(args: &Args) -> String {
    let (_, operator) = &args.target;
    let first = args.version.as_ref().map_or(operator.clone(), |file| format!("{operator} -> {file}"));
    let others = args.and.iter().map(|(operator, file)| format!(", {operator} -> {file}")).collect::<String>();
    format!("{first}{others}{}", args.settings())
}

/// Refuses to replace a job by what is not what it runs: to go back to that would change it.
fn check_same(job: &EngineJob, old: &Submission, settings: &[(String, String)]) -> anyhow::Result<()> {
    let parameter = |name: &str| job.parameters.get(name).map_or("", String::as_str);
    let missing: Vec<_> = parameter(SETTINGS)
        .split(',')
        .filter(|key| !key.is_empty() && settings.iter().all(|(given, _)| given != key))
        .map(|key| format!("-D {key}=..."))
        .collect();
    ensure!(missing.is_empty(), "{} was submitted with {}: give that again", job.name, missing.join(" "));
    if parameter("weir.digest") == old.plan.digest {
        return Ok(());
    }
    let mut differences = Vec::new();
    for component in &old.plan.components {
        for operator in &component.operators {
            let runs = parameter(&format!("weir.component.{operator}"));
            if runs.rsplit(' ').next() != Some(&component.digest) {
                differences.push(format!(
                    "{operator} runs {runs}, and the file names {} {}",
                    component.name, component.digest
                ));
            }
        }
    }
    if differences.is_empty() {
        differences.push("its text, its folder, or an option of `weir submit` differs".to_owned());
    }
    bail!(
        "{} does not run what {} says, so that could not run again if the new version fails: {}. Give the file and the options that it was \
         submitted with (--pipeline-set, --parallelism, --secrets-dir), or stop it with a savepoint and submit the pipeline from there",
        job.name,
        old.file.shown,
        differences.join("; ")
    )
}
