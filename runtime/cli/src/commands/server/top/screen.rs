//! What `weir top` shows: the jobs, and the steps and subtasks of one of them. Rates are between two looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Cell, Row, Table, TableState};
use weir_server::model::{JobDetail, JobNode, JobState, JobSubtask, JobSummary};

use crate::commands::server::jobs::state;
use crate::figures;

/// A step whose busiest subtask works so much of its time can hold others up.
const BUSY: f64 = 0.5;
/// Who waits so much of its time for who comes after it is held up.
const HELD_UP: f64 = 0.1;

/// A column: its name, and how much room it needs.
type Column = (&'static str, u16);

const JOB_COLUMNS: [Column; 8] = [
    ("job", 16),
    ("state", 10),
    ("rows/s", 7),
    ("rows in", 13),
    ("failed", 9),
    ("lag", 14),
    ("revision", 8),
    ("checkpoint", 10),
];
const STEP_COLUMNS: [Column; 11] = [
    ("step", 16),
    ("", 10),
    ("in/s", 7),
    ("out/s", 7),
    ("busy", 5),
    ("held up", 7),
    ("failed", 9),
    ("late", 9),
    ("state", 10),
    ("subtasks", 8),
    ("runs", 18),
];

/// What is shown.
#[derive(Default)]
pub(super) struct Screen {
    jobs: Vec<JobSummary>,
    /// The job whose steps are shown, at the last two looks.
    detail: Option<JobDetail>,
    before: Option<JobDetail>,
    chosen: usize,
}

/// The share of its time that a subtask spends on something.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shares {
    busy: f64,
    backpressured: f64,
}

impl Screen {
    /// The job whose steps are to be shown, among those that there are now.
    pub(super) fn chosen_of(&self, jobs: &[JobSummary]) -> Option<String> {
        let name = self.jobs.get(self.chosen).map(|job| job.name.as_str());
        let same = jobs.iter().find(|job| Some(job.name.as_str()) == name);
        same.or_else(|| jobs.get(self.chosen.min(jobs.len().saturating_sub(1)))).map(|job| job.name.clone())
    }

    /// Takes a new look.
    pub(super) fn show(&mut self, jobs: Vec<JobSummary>, detail: Option<JobDetail>) {
        let name = detail.as_ref().map(|detail| detail.summary.name.as_str());
        self.chosen = jobs.iter().position(|job| Some(job.name.as_str()) == name).unwrap_or_default();
        self.jobs = jobs;
        self.before = std::mem::replace(&mut self.detail, detail);
        if self.before.as_ref().map(|before| &before.summary.name) != self.detail.as_ref().map(|now| &now.summary.name)
        {
            self.before = None;
        }
    }

    /// Chooses the job so many further down.
    pub(super) fn choose(&mut self, by: isize) {
        self.chosen = self.chosen.saturating_add_signed(by).min(self.jobs.len().saturating_sub(1));
    }

    /// Draws it.
    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let height = u16::try_from(self.jobs.len()).unwrap_or(u16::MAX).saturating_add(3).min(frame.area().height / 2);
        let [jobs, steps] = Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(frame.area());
        self.draw_jobs(frame, jobs);
        if let Some(detail) = &self.detail {
            self.draw_steps(frame, steps, detail);
        }
    }

    fn draw_jobs(&self, frame: &mut Frame<'_>, area: Rect) {
        let columns = fitting(&JOB_COLUMNS, area);
        let rows = self.jobs.iter().map(|job| {
            let cells = [
                Cell::new(job.name.clone()),
                Cell::new(state(job.state)).style(Style::new().fg(colour(job.state))),
                right(figures::short(job.rows_per_s)),
                right(figures::count(job.rows_in)),
                right(figures::count(job.rows_failed)),
                right(job.lag_us.map_or_else(String::new, figures::duration)),
                right(job.revision.to_string()),
                right(job.checkpoint.map_or_else(String::new, |number| number.to_string())),
            ];
            Row::new(cells.into_iter().take(columns.len()))
        });
        let table = Table::new(rows, columns.iter().map(|(_, width)| Constraint::Min(*width)))
            .header(header(columns, 2))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
            .block(Block::bordered().title(" weir "));
        let mut chosen = TableState::new().with_selected((!self.jobs.is_empty()).then_some(self.chosen));
        frame.render_stateful_widget(table, area, &mut chosen);
    }

    fn draw_steps(&self, frame: &mut Frame<'_>, area: Rect, detail: &JobDetail) {
        let shares: Vec<Shares> = detail.subtasks.iter().map(|subtask| self.shares(subtask)).collect();
        let bottleneck = bottleneck(detail, &shares);
        let columns = fitting(&STEP_COLUMNS, area);
        let rows = detail.nodes.iter().map(|node| {
            let Shares { busy, backpressured } = most(node, detail, &shares);
            let mark = if bottleneck == Some(node.name.as_str()) { "bottleneck" } else { "" };
            let cells = [
                Cell::new(node.name.clone()),
                Cell::new(mark).style(Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
                right(self.rate(node, detail, |node| node.rows_in)),
                right(self.rate(node, detail, |node| node.rows_out)),
                right(percent(busy)),
                right(percent(backpressured)),
                right(figures::count(node.rows_failed)),
                right(figures::count(node.rows_late)),
                right(figures::bytes(node.state_bytes)),
                right(node.parallelism.to_string()),
                Cell::new(node.component.clone().unwrap_or_else(|| node.kind.clone())),
            ];
            Row::new(cells.into_iter().take(columns.len()))
        });
        let swap = detail.summary.swap.as_ref().filter(|swap| swap.phase.is_open());
        let swap = swap.map_or("", |_| ", a swap is under way");
        let table = Table::new(rows, columns.iter().map(|(_, width)| Constraint::Min(*width)))
            .header(header(columns, 2))
            .block(Block::bordered().title(format!(" {}{swap} ", detail.summary.name)));
        frame.render_widget(table, area);
    }

    /// Rows a second of a step.
    fn rate(&self, node: &JobNode, detail: &JobDetail, rows: impl Fn(&JobNode) -> u64) -> String {
        let Some(before) = &self.before else { return String::new() };
        let Some(then) = before.nodes.iter().find(|then| then.name == node.name) else { return String::new() };
        let seconds = detail.at_us.saturating_sub(before.at_us).max(1) as f64 / 1e6;
        figures::short(rows(node).saturating_sub(rows(then)) as f64 / seconds)
    }

    /// What a subtask did since the last look, or since its start.
    fn shares(&self, subtask: &JobSubtask) -> Shares {
        let before = self.before.iter().flat_map(|before| &before.subtasks).find(|then| then.name == subtask.name);
        let since = |of: fn(&JobSubtask) -> u64| of(subtask).saturating_sub(before.map_or(0, of)) as f64;
        let (busy, backpressured) = (since(|s| s.busy_us), since(|s| s.backpressured_us));
        let all = busy + backpressured + since(|s| s.idle_us);
        if all > 0.0 { Shares { busy: busy / all, backpressured: backpressured / all } } else { Shares::default() }
    }
}

/// The most that any subtask of a step is busy, and held up.
fn most(node: &JobNode, detail: &JobDetail, shares: &[Shares]) -> Shares {
    let of = detail.subtasks.iter().zip(shares).filter(|(subtask, _)| subtask.nodes.contains(&node.name));
    of.fold(Shares::default(), |most, (_, shares)| Shares {
        busy: most.busy.max(shares.busy),
        backpressured: most.backpressured.max(shares.backpressured),
    })
}

/// The step that holds the others up: it is busy, who comes before it waits for it, and it waits for nobody.
fn bottleneck<'a>(detail: &'a JobDetail, shares: &[Shares]) -> Option<&'a str> {
    let is_held_up = detail.nodes.iter().any(|node| most(node, detail, shares).backpressured >= HELD_UP);
    let busy = |node: &&JobNode| {
        let Shares { busy, backpressured } = most(node, detail, shares);
        is_held_up && busy >= BUSY && backpressured < HELD_UP
    };
    let busiest = detail
        .nodes
        .iter()
        .filter(busy)
        .max_by(|a, b| most(a, detail, shares).busy.total_cmp(&most(b, detail, shares).busy));
    busiest.map(|node| node.name.as_str())
}

fn colour(state: JobState) -> Color {
    match state {
        JobState::Running | JobState::Finished => Color::Green,
        JobState::Failed | JobState::Quarantined => Color::Red,
        JobState::Stopped => Color::Gray,
        JobState::Starting | JobState::Restarting | JobState::Stopping => Color::Yellow,
    }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn right(text: String) -> Cell<'static> {
    Cell::new(Line::from(text).right_aligned())
}

/// The columns that an area has room for, the first ones first: half a number says something else than the number.
fn fitting(columns: &'static [Column], area: Rect) -> &'static [Column] {
    let inside = area.width.saturating_sub(2);
    let ends = columns.iter().scan(0, |end, (_, width)| {
        *end += width + 1;
        Some(*end)
    });
    let fit = ends.take_while(|end| *end <= inside + 1).count();
    &columns[..fit.max(1)]
}

/// A header; the columns from `right_from` on are numbers.
fn header(columns: &[Column], right_from: usize) -> Row<'static> {
    let cell = |(index, (text, _)): (usize, &Column)| {
        if index < right_from { Cell::new(*text) } else { right((*text).to_owned()) }
    };
    Row::new(columns.iter().enumerate().map(cell).collect::<Vec<_>>()).style(Style::new().add_modifier(Modifier::BOLD))
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;

    fn detail(seconds: u64) -> JobDetail {
        let us = seconds * 1_000_000;
        let node = |name: &str, kind: &str, component: Option<&str>| {
            serde_json::json!({
                "name": name, "kind": kind, "inputs": [], "parallelism": 1, "component": component,
                "rows-in": 1000 * seconds, "rows-out": 1000 * seconds, "rows-late": 0, "rows-failed": 3, "state-bytes": 2048,
                "bytes-in": 0, "bytes-out": 0, "guest-memory-bytes": 0, "guest-memory-limit-bytes": 0,
            })
        };
        let subtask = |name: &str, busy: u64, backpressured: u64| {
            serde_json::json!({
                "name": name, "nodes": [name], "busy-us": us * busy / 100, "backpressured-us": us * backpressured / 100,
                "idle-us": us * (100 - busy - backpressured) / 100,
            })
        };
        let job = serde_json::json!({
            "name": "orders", "state": "running", "revision": 2, "created-us": 0, "rows-in": 1000 * seconds, "rows-out": 0,
            "rows-per-s": 1000.0, "rows-failed": 3, "checkpoint": 7, "pipeline": "", "troubles": [], "revisions": [], "savepoints": [],
            "at-us": us,
            "nodes": [node("lines", "source", None), node("count", "keyed operator", Some("count@2")), node("out", "sink", None)],
            "subtasks": [subtask("lines", 20, 75), subtask("count", 90, 0), subtask("out", 5, 0)],
        });
        serde_json::from_value(job).unwrap()
    }

    #[test]
    fn the_step_that_holds_the_others_up_is_marked() {
        let mut screen = Screen::default();
        for seconds in [1, 3] {
            let detail = detail(seconds);
            screen.show(vec![detail.summary.clone()], Some(detail));
        }
        let mut terminal = Terminal::new(TestBackend::new(130, 16)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let text = terminal.backend().to_string();
        let line = |of: &str| text.lines().find(|line| line.contains(of)).unwrap_or_default().to_owned();
        assert!(line("count@2").contains("bottleneck") && line("count@2").contains("90%"), "{text}");
        let mut narrow = Terminal::new(TestBackend::new(60, 16)).unwrap();
        narrow.draw(|frame| screen.draw(frame)).unwrap();
        let narrow = narrow.backend().to_string();
        assert!(narrow.contains("90%") && !narrow.contains("count@2"), "columns go, never digits: {narrow}");
        assert!(line("lines").contains("75%") && !line("lines").contains("bottleneck"), "{text}");
        assert!(line("count@2").contains("1.00 k"), "2000 rows in two seconds: {text}");
        assert!(line("orders").contains("running"), "{text}");
    }

    #[test]
    fn the_chosen_job_stays_chosen() {
        let mut screen = Screen::default();
        let job = |name: &str| JobSummary { name: name.to_owned(), ..detail(1).summary };
        screen.show(vec![job("a"), job("b")], None);
        screen.choose(1);
        screen.choose(1);
        assert_eq!(screen.chosen_of(&[job("a"), job("aa"), job("b")]), Some("b".to_owned()));
        assert_eq!(screen.chosen_of(&[job("a")]), Some("a".to_owned()));
        assert_eq!(screen.chosen_of(&[]), None);
    }
}
