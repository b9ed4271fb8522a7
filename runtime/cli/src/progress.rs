//! The line that moves while a job runs; on a terminal only.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use weir_core::graph::NodeKind;
use weir_core::time::Clock;
use weir_core::visible::visible_line;
use weir_engine::Progress;

use crate::pipeline_file::PipelineFile;
use crate::{figures, terminal};

/// Parts of the bar: finer than any terminal is wide.
const WHOLE: u64 = 10_000;
/// How much the last moments count in the rate: most of it is the last two seconds.
const RATE_SMOOTHING_US: f64 = 1_000_000.0;

/// Shows [`Progress`].
pub(crate) struct Bar {
    bar: ProgressBar,
    clock: Arc<dyn Clock>,
    seen: Cell<Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    at_us: i64,
    rows: u64,
    rows_per_s: f64,
}

impl Bar {
    /// A bar for a pipeline; hidden if its rows go to the same terminal.
    pub(crate) fn new(file: &PipelineFile, clock: Arc<dyn Clock>) -> Self {
        let to_stdout = file.graph.nodes.iter().any(|node| {
            matches!(&node.kind, NodeKind::Sink(sink) if ["stdout", "console"].contains(&sink.connector.value.as_str()))
        });
        let target = if to_stdout && std::io::stdout().is_terminal() {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        let seen = Cell::new(Seen { at_us: clock.now_us(), rows: 0, rows_per_s: 0.0 });
        bar.set_style(ProgressStyle::default_spinner());
        Self { bar, clock, seen }
    }

    /// Shows the state of things.
    pub(crate) fn show(&self, progress: &Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let now_us = self.clock.now_us();
        let rows_per_s = self.rows_per_s(progress.rows_in, now_us);
        let mut message = format!("{} rows  {} rows/s", figures::count(progress.rows_in), figures::short(rows_per_s));
        if let Some(watermark_us) = progress.watermark_us {
            let lag = figures::duration(now_us.saturating_sub(watermark_us));
            message += &format!("  watermark {}  lag {lag}", figures::event_time(watermark_us));
        }
        for (n, what) in [(progress.rows_late, "late"), (progress.rows_failed, "failed")] {
            if n > 0 {
                message += &format!("  {} {what}", figures::count(n));
            }
        }
        match (progress.fraction, self.bar.length()) {
            (Some(fraction), length) => {
                if length.is_none() {
                    self.bar.set_length(WHOLE);
                    if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan} {percent:>3}%  {msg}") {
                        self.bar.set_style(style.progress_chars("━╸ "));
                    }
                }
                self.bar.set_position((fraction.clamp(0.0, 1.0) * WHOLE as f64) as u64);
            }
            (None, _) => self.bar.tick(),
        }
        self.bar.set_message(message);
    }

    /// Prints a line that stays, above the bar.
    pub(crate) fn print_above(&self, line: &str) {
        self.bar.suspend(|| terminal::print(&format!("{}\n", visible_line(line))));
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Smoothed over about two seconds, so that it can be read.
    fn rows_per_s(&self, rows: u64, now_us: i64) -> f64 {
        let seen = self.seen.get();
        let passed_us = now_us.saturating_sub(seen.at_us) as f64;
        if passed_us <= 0.0 {
            return seen.rows_per_s;
        }
        let now = rows.saturating_sub(seen.rows) as f64 / passed_us * 1e6;
        let weight = if seen.rows == 0 { 1.0 } else { 1.0 - (-passed_us / RATE_SMOOTHING_US).exp() };
        let rows_per_s = seen.rows_per_s + (now - seen.rows_per_s) * weight;
        self.seen.set(Seen { at_us: now_us, rows, rows_per_s });
        rows_per_s
    }
}
