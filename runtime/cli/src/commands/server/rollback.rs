//! `weir rollback`: returns an operator of a job to the version and configuration before, which are shown first.

use weir_server::model::{ReturnsTo, RollbackWay, SwapPhase, SwapStatus};

use super::swap::{changes, target, told, versions, wait};
use crate::client::{ServerArgs, part};
use crate::json::Told;
use crate::{json, terminal};

/// Options of `weir rollback`.
#[derive(clap::Args)]
#[command(
    after_help = "While a swap is on trial the old version is put back at once; afterwards it comes back by another swap, or, if the job
does not run, by a start from its last checkpoint. It asks before it changes the configuration or the limits, too, and before it
starts a job.

Examples:
  weir rollback orders/count
  weir rollback orders/count --dry-run        what would it return to?
  weir rollback orders/count --yes"
)]
pub(crate) struct Args {
    /// JOB/OPERATOR
    #[arg(value_parser = target)]
    target: (String, String),
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Only tell what it would return to
    #[arg(long, conflicts_with = "detach")]
    dry_run: bool,
    /// Do not wait until it is decided
    #[arg(long)]
    detach: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Rolls back, and waits until that is decided; an error if the older version does not come back.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let (job, operator) = &args.target;
    let client = args.server.client()?;
    let path = format!("/v1/jobs/{}/operators/{}/rollback", part(job), part(operator));
    let plan: ReturnsTo = client.get(&path)?;
    if args.dry_run {
        return if args.json { json::print(&plan) } else { terminal::print_result(&planned(job, &plan)) };
    }
    if !args.json || !args.yes {
        terminal::print(&planned(job, &plan));
    }
    if plan.changes_more_than_version() && !args.yes {
        let what = match plan.by {
            RollbackWay::Start => format!("the job {job} does not run, and would be started"),
            _ => format!("this changes more than the version of {operator}"),
        };
        if !terminal::confirm(&format!("return to revision {}?", plan.revision), &what)? {
            terminal::print("nothing has changed\n");
            return Ok(());
        }
    }
    let asked: SwapStatus = client.post(&format!("{path}?revision={}", plan.revision), &())?;
    // Either the swap that was open is undone already, or one back to the older version begins.
    let is_undone = asked.phase == SwapPhase::RolledBack;
    let status = if args.detach { asked } else { wait(&client, job, asked)? };
    if args.json {
        json::print(&status)?;
    }
    let why = status.reason.as_deref().unwrap_or_default();
    match status.phase {
        SwapPhase::RolledBack if !is_undone => {
            let why = format!("the swap of {job} back to {} was rolled back: {why}", changes(&status.operators));
            return Err(Told::new(why).into());
        }
        _ if args.json => {}
        SwapPhase::RolledBack => {
            let now = status.returns_to.as_ref().map_or_else(String::new, |to| format!("; {}", runs(to)));
            terminal::print(&format!("the swap {} is rolled back: {why}{now}\n", versions(&status)));
        }
        SwapPhase::Done => {
            let now = status.returns_to.as_ref().map_or_else(String::new, |to| format!("{}\n", runs(to)));
            terminal::print(&(told(job, &versions(&status), &status) + &now));
        }
        _ => terminal::print(&told(job, &versions(&status), &status)),
    }
    Ok(())
}

/// `count runs count@1 with config { tag = "0" }, as in revision 1`
fn runs(to: &ReturnsTo) -> String {
    let with = if to.to.config == "{}" { String::new() } else { format!(" with config {}", to.to.config) };
    format!("{} runs {}{with}, as in revision {}", to.operator, to.to.component, to.revision)
}

/// What a rollback returns to: what it changes, a line each, and how.
fn planned(job: &str, plan: &ReturnsTo) -> String {
    let ReturnsTo { operator, revision, from, to, by } = plan;
    let mut text = format!("{} returns to revision {revision}:\n", terminal::bold(&format!("{job}/{operator}")));
    let values = [
        ("component", &from.component, &to.component),
        ("config", &from.config, &to.config),
        ("limits", &from.limits, &to.limits),
    ];
    for (what, from, to) in values.into_iter().filter(|(_, from, to)| from != to) {
        text += &format!(
            "{}\n{}\n",
            terminal::red(&format!("- {what} = {from}")),
            terminal::green(&format!("+ {what} = {to}"))
        );
    }
    text += match by {
        RollbackWay::EndOfTrial => "the swap that is on trial ends\n",
        RollbackWay::Swap => "by a swap, while the job runs\n",
        RollbackWay::Start => "the job does not run: it is started from its last checkpoint\n",
    };
    text
}
