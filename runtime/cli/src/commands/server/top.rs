//! `weir top`: the jobs of a server as they run, on a terminal. It asks every second, and changes nothing.

mod screen;

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context, ensure};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use weir_server::model::{JobDetail, JobSummary};

use self::screen::Screen;
use crate::client::{Client, ServerArgs, part};

/// How often it asks.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Options of `weir top`.
#[derive(clap::Args)]
#[command(
    after_help = "Up and down select a job, q quits. The bottleneck is marked: the step whose subtasks are busy while those before it wait.

Examples:
  weir top"
)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

/// Shows them until somebody has seen enough.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    ensure!(std::io::stdout().is_terminal(), "`weir top` needs a terminal; scripts read `weir ps --json` and /metrics");
    let client = args.server.client()?;
    let mut screen = Screen::default();
    ask(&client, &mut screen)?;
    let mut terminal = ratatui::init();
    let result = follow(&client, &mut screen, &mut terminal);
    ratatui::restore();
    result
}

fn follow(client: &Client, screen: &mut Screen, terminal: &mut ratatui::DefaultTerminal) -> anyhow::Result<()> {
    loop {
        terminal.draw(|frame| screen.draw(frame)).context("cannot draw on the terminal")?;
        if event::poll(ASK_EVERY)? {
            let Event::Key(key) = event::read()? else { continue };
            match key.code {
                _ if key.kind != KeyEventKind::Press => continue,
                KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
                KeyCode::Up | KeyCode::Char('k') => screen.choose(-1),
                KeyCode::Down | KeyCode::Char('j') => screen.choose(1),
                _ => continue,
            }
        }
        ask(client, screen)?;
    }
}

fn ask(client: &Client, screen: &mut Screen) -> anyhow::Result<()> {
    let jobs: Vec<JobSummary> = client.get("/v1/jobs")?;
    let chosen = screen.chosen_of(&jobs);
    let detail = chosen.map(|job| client.get::<JobDetail>(&format!("/v1/jobs/{}", part(&job)))).transpose()?;
    screen.show(jobs, detail);
    Ok(())
}
