//! Steps that wait for event time: rows come to them, and the watermark of their sources stands still. Says so, once, and what holds it
//! back. Counts nothing itself.

use weir_core::time::{WATERMARK_MIN, utc_text};

use crate::plan::job::Job;
use crate::runtime::figures::NodeCounts;
use crate::runtime::late::{SourceAbove, sources_above, waits_for_time};

/// How long a watermark may stand still, microseconds.
const STALLED_AFTER_US: i64 = 30_000_000;

/// The steps of a job that wait for event time.
pub(crate) struct StalledWatch(Vec<Waiting>);

struct Waiting {
    node: usize,
    sources: Vec<SourceAbove>,
    /// Since when the watermark is the same while rows come.
    since_us: i64,
    /// When that was looked at last, and how many rows had come by then.
    looked_us: i64,
    rows_in: u64,
    watermark: i64,
    told: bool,
}

impl StalledWatch {
    pub(crate) fn new(job: &Job) -> Self {
        let waiting = |node: usize| {
            let sources = sources_above(job, node);
            // Where one has no watermark before its end, nobody expects any result before. Where a later step makes it, splits may not be known.
            let expects = waits_for_time(job, node) && !sources.is_empty() && sources.iter().all(|s| s.is_watched);
            expects.then_some(Waiting {
                node,
                sources,
                since_us: i64::MIN,
                looked_us: 0,
                rows_in: 0,
                watermark: WATERMARK_MIN,
                told: false,
            })
        };
        Self((0..job.resolved.nodes.len()).filter_map(waiting).collect())
    }

    /// What is to be told at this time of the clock. `nodes`: the counts of all.
    pub(crate) fn look(&mut self, now_us: i64, nodes: &[NodeCounts]) -> Vec<String> {
        self.0.iter_mut().filter_map(|waiting| waiting.look(now_us, nodes)).collect()
    }
}

impl Waiting {
    fn look(&mut self, now_us: i64, nodes: &[NodeCounts]) -> Option<String> {
        let of = nodes.get(self.node)?;
        let slowest =
            self.sources.iter().filter_map(|source| Some((nodes.get(source.node)?.slowest.as_ref()?, source)));
        let ((watermark, split), source) = slowest.min_by_key(|((watermark, _), _)| *watermark)?;
        let watermark = *watermark;
        let looked_us = std::mem::replace(&mut self.looked_us, now_us);
        let rows = of.rows_in.saturating_sub(std::mem::replace(&mut self.rows_in, of.rows_in));
        if watermark != self.watermark || self.since_us == i64::MIN {
            (self.since_us, self.watermark, self.told) = (now_us, watermark, false);
            return None;
        }
        if rows == 0 {
            // Time in which no row comes is no time that a row waits.
            self.since_us = self.since_us.saturating_add(now_us.saturating_sub(looked_us));
            return None;
        }
        let stood_us = now_us.saturating_sub(self.since_us);
        if self.told || stood_us < STALLED_AFTER_US {
            return None;
        }
        self.told = true;
        let SourceAbove { set_by, idle_after_ms, .. } = source;
        let source = &nodes.get(source.node)?.name;
        let held = match watermark {
            WATERMARK_MIN => format!("{split} of {source} has had no row yet, so there is no watermark"),
            watermark => format!("{split} of {source} holds the watermark at {}", utc_text(watermark)),
        };
        let advice = match idle_after_ms {
            None => format!("if it has no rows, set idle-after in the watermark of [{set_by}]"),
            Some(_) => "its rows do not advance in event time".to_owned(),
        };
        Some(format!(
            "{}: its watermark has stood still for {} s while rows came: {held}; {advice}",
            of.name,
            stood_us / 1_000_000
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(rows_in: u64, watermark: i64) -> Vec<NodeCounts> {
        let counts = |name: &str, rows_in, slowest| NodeCounts {
            name: name.to_owned(),
            rows_in,
            slowest,
            ..NodeCounts::default()
        };
        vec![counts("orders", rows_in, Some((watermark, "orders/3".to_owned()))), counts("per-minute", rows_in, None)]
    }

    #[test]
    fn a_watermark_that_stands_still_while_rows_come_is_told_once() {
        let source = |idle_after_ms| SourceAbove {
            node: 0,
            set_by: "sources.orders".to_owned(),
            waits_us: Some(0),
            is_watched: true,
            idle_after_ms,
        };
        let watch = |idle_after_ms| {
            let sources = vec![source(idle_after_ms)];
            let waiting = Waiting {
                node: 1,
                sources,
                since_us: i64::MIN,
                looked_us: 0,
                rows_in: 0,
                watermark: WATERMARK_MIN,
                told: false,
            };
            StalledWatch(vec![waiting])
        };
        let seconds = |s: i64| s * 1_000_000;
        let mut stalled = watch(None);
        assert!(stalled.look(0, &nodes(5, 7)).is_empty());
        assert!(stalled.look(seconds(40), &nodes(5, 7)).is_empty(), "no row has come");
        assert!(stalled.look(seconds(55), &nodes(9, 7)).is_empty(), "rows come for 15 s");
        assert_eq!(
            stalled.look(seconds(71), &nodes(12, 7)),
            [
                "per-minute: its watermark has stood still for 31 s while rows came: orders/3 of orders holds the watermark at \
              1970-01-01T00:00:00.000007Z; if it has no rows, set idle-after in the watermark of [sources.orders]"
            ]
        );
        assert!(stalled.look(seconds(99), &nodes(20, 7)).is_empty());
        assert!(stalled.look(seconds(100), &nodes(20, 8)).is_empty());
        assert_eq!(stalled.look(seconds(140), &nodes(21, 8)).len(), 1, "it stands still again");
        let mut stalled = watch(Some(5_000));
        stalled.look(0, &nodes(0, WATERMARK_MIN));
        assert_eq!(
            stalled.look(seconds(30), &nodes(1, WATERMARK_MIN)),
            [
                "per-minute: its watermark has stood still for 30 s while rows came: orders/3 of orders has had no row yet, so there is no \
              watermark; its rows do not advance in event time"
            ]
        );
    }
}
