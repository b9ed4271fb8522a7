//! `weir dlq`: the rows that a job's steps could not process.

use weir_server::model::{Letter, LetterChoice, LettersTaken, StepLetters};

use crate::client::{Client, ServerArgs, part};
use crate::{figures, json, terminal};

/// Letters that are asked for at once.
const PAGE: usize = 1000;
/// Letters of an error that a line shows.
const ERROR_CHARS_MAX: usize = 60;

/// Options of `weir dlq`.
#[derive(clap::Args)]
#[command(
    after_help = "A step with on-error = \"dead-letter\" sets the rows aside that it cannot process. Where the pipeline has no other use for
them, the server keeps them.

Examples:
  weir dlq orders list
  weir dlq orders show --step parse --limit 10
  weir dlq orders replay --step parse            after `weir swap orders/parse parse@2`
  weir dlq orders drop parse:4-2-0:17 parse:4-2-0:18"
)]
pub(crate) struct Args {
    /// The job
    job: String,
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Show how many wait, by step, since when, and the most frequent errors
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print those that wait, one line of JSON each
    Show {
        /// Only of this step
        #[arg(long, value_name = "STEP")]
        step: Option<String>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Print a failure as JSON too
        #[arg(long)]
        json: bool,
    },
    /// Process them again in their step, each once
    Replay(Change),
    /// Remove them
    Drop(Change),
}

/// What is to become of which letters.
#[derive(clap::Args)]
struct Change {
    #[command(flatten)]
    choice: Choice,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Which letters.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Choice {
    /// Their ids, as `show` prints them
    #[arg(value_name = "ID")]
    letters: Vec<String>,
    /// All of a step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// All of the job
    #[arg(long)]
    all: bool,
}

impl Args {
    pub(crate) fn json(&self) -> bool {
        match &self.action {
            Action::List { json } | Action::Show { json, .. } => *json,
            Action::Replay(change) | Action::Drop(change) => change.json,
        }
    }
}

/// Shows them, or says what is to become of them.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let (client, path) = (args.server.client()?, format!("/v1/jobs/{}/dead-letters", part(&args.job)));
    match &args.action {
        Action::List { json } => list(&client.get::<Vec<StepLetters>>(&path)?, *json),
        Action::Show { step, limit, .. } => show(&client, &path, step.as_deref(), *limit),
        Action::Replay(change) => {
            let taken = client.post(&format!("{path}/replay"), &change.choice.request())?;
            told(&taken, "are being replayed", change.json)
        }
        Action::Drop(change) => {
            let taken = client.post(&format!("{path}/drop"), &change.choice.request())?;
            told(&taken, "are dropped", change.json)
        }
    }
}

impl Choice {
    fn request(&self) -> LetterChoice {
        LetterChoice { step: self.step.clone(), letters: self.letters.clone(), all: self.all }
    }
}

fn list(steps: &[StepLetters], json: bool) -> anyhow::Result<()> {
    if json {
        return json::print(&steps);
    }
    let row = |of: &StepLetters| {
        let errors = of.errors.iter().map(|count| format!("{} x {}", count.letters, shortened(&count.error)));
        let errors = errors.collect::<Vec<_>>().join("\n");
        vec![of.step.clone(), figures::count(of.letters), figures::event_time(of.since_us), errors]
    };
    let header = ["step", "letters", "since", "most frequent errors"];
    terminal::print_result(&figures::table(&header, steps.iter().map(row).collect(), header.len()))
}

fn show(client: &Client, path: &str, step: Option<&str>, limit: usize) -> anyhow::Result<()> {
    let step = step.map_or_else(String::new, |step| format!("&step={}", part(step)));
    let (mut left, mut after) = (limit, String::new());
    while left > 0 {
        let letters: Vec<Letter> = client.get(&format!("{path}/letters?limit={}{step}{after}", left.min(PAGE)))?;
        let Some(last) = letters.last() else { break };
        after = format!("&after={}", part(&last.id));
        left = left.saturating_sub(letters.len());
        for letter in &letters {
            if !terminal::print_json(&serde_json::to_string(letter)?)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn told(taken: &LettersTaken, what: &str, json: bool) -> anyhow::Result<()> {
    if json {
        return json::print(taken);
    }
    terminal::print(&format!("{} dead letters {what}\n", figures::count(taken.letters)));
    terminal::print_notes(&taken.notes);
    Ok(())
}

/// An error in a line.
fn shortened(error: &str) -> String {
    let line: String = error.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ERROR_CHARS_MAX + 1).collect();
    match line.char_indices().nth(ERROR_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
