//! Made-up cases: what must come out of them is computed here, row by row and with no thought of speed, by the rules of Flink's
//! window operator. The runner then replays them as if they had been given.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_core::window::{Window, WindowAssigner, merge_touching};

use super::{Report, run_case};

#[derive(Clone, Debug)]
enum Op {
    Element { key: u8, value: i64, ts: i64 },
    Watermark(i64),
    CheckpointRestore,
}

/// Every value that a window holds, by key and window.
struct Model {
    window: WindowAssigner,
    lateness: i64,
    watermark: i64,
    open: BTreeMap<(u8, Window), Vec<i64>>,
    results: Vec<Value>,
    late: Vec<Value>,
}

impl Model {
    fn is_closed(&self, window: Window) -> bool {
        window.max_time().saturating_add(self.lateness) <= self.watermark
    }

    fn fire(&mut self, op: usize, key: u8, window: Window) {
        let value: i64 = self.open[&(key, window)].iter().sum();
        let bounds = [window.start, window.end];
        self.results.push(json!({"by_op": op, "key": key, "window": bounds, "value": value, "ts": window.max_time()}));
    }

    fn element(&mut self, op: usize, key: u8, value: i64, ts: i64) {
        let assigned = self.window.assign(ts);
        let mut windows: Vec<Window> = assigned.iter().copied().filter(|w| !self.is_closed(*w)).collect();
        if matches!(self.window, WindowAssigner::Session { .. }) {
            let mine = |(k, w): &(u8, Window)| (*k == key).then_some(*w);
            let all: Vec<Window> = self.open.keys().filter_map(mine).chain(assigned.iter().copied()).collect();
            let merged = merge_touching(&all).into_iter().find(|m| m.from.contains(&assigned[0])).unwrap();
            windows = vec![merged.window];
            windows.retain(|w| !self.is_closed(*w));
            if !windows.is_empty() {
                let values = merged.from.iter().filter_map(|w| self.open.remove(&(key, *w))).flatten().collect();
                self.open.insert((key, merged.window), values);
            }
        }
        // In a gap between windows a row is late once its own time has passed; before, it is of no consequence.
        if windows.is_empty() && (!assigned.is_empty() || ts.saturating_add(self.lateness) <= self.watermark) {
            self.late.push(json!({"by_op": op, "key": key, "value": value, "ts": ts}));
        }
        for window in windows {
            self.open.entry((key, window)).or_default().push(value);
            if window.max_time() <= self.watermark {
                self.fire(op, key, window);
            }
        }
    }

    fn watermark(&mut self, op: usize, watermark: i64) {
        let before = self.watermark;
        self.watermark = before.max(watermark);
        let fires = |w: &Window| w.max_time() > before && w.max_time() <= watermark;
        let fired: Vec<(u8, Window)> = self.open.keys().filter(|(_, w)| fires(w)).copied().collect();
        fired.into_iter().for_each(|(key, window)| self.fire(op, key, window));
        let open = std::mem::take(&mut self.open);
        self.open = open.into_iter().filter(|((_, w), _)| !self.is_closed(*w)).collect();
    }
}

fn case(window: WindowAssigner, lateness: i64, ops: &[Op]) -> Value {
    let mut model =
        Model { window, lateness, watermark: i64::MIN, open: BTreeMap::new(), results: Vec::new(), late: Vec::new() };
    let mut steps = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        steps.push(match *op {
            Op::Element { key, value, ts } => {
                model.element(index, key, value, ts);
                json!({"element": {"key": key, "value": value, "ts": ts}})
            }
            Op::Watermark(watermark) => {
                model.watermark(index, watermark);
                json!({"watermark": watermark})
            }
            Op::CheckpointRestore => json!({"checkpoint_restore": true}),
        });
    }
    let window = match window {
        WindowAssigner::Tumbling { size, offset } => json!({"type": "tumbling", "size": size, "offset": offset}),
        WindowAssigner::Sliding { size, slide, offset } => {
            json!({"type": "sliding", "size": size, "slide": slide, "offset": offset})
        }
        WindowAssigner::Session { gap } => json!({"type": "session", "gap": gap}),
        other => unreachable!("{other:?} is not made up here"),
    };
    json!({"name": "made up", "kind": "window_aggregate", "aggregate": "sum", "window": window, "allowed_lateness": lateness,
        "late_output": true, "ops": steps, "expected": model.results, "expected_late": model.late})
}

fn window() -> impl Strategy<Value = WindowAssigner> {
    prop_oneof![
        (1i64..13, -12i64..13).prop_map(|(size, by)| WindowAssigner::Tumbling { size, offset: by % size }),
        (1i64..16, 1i64..8, -7i64..8).prop_map(|(size, slide, by)| WindowAssigner::Sliding {
            size,
            slide,
            offset: by % slide
        }),
        (1i64..9).prop_map(|gap| WindowAssigner::Session { gap }),
    ]
}

/// Rows around a time that advances, and watermarks somewhat behind it; times count from `base`.
fn ops(base: i64) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        14 => (0u8..4, -5i64..10, -25i64..26).prop_map(|(key, value, ts)| Op::Element { key, value, ts }),
        5 => (0i64..10).prop_map(Op::Watermark),
        1 => Just(Op::CheckpointRestore),
    ];
    prop::collection::vec((op, 0i64..5), 1..40).prop_map(move |ops| {
        let mut now = base;
        let shift = |(op, step)| {
            now += step;
            match op {
                Op::Element { key, value, ts } => Op::Element { key, value, ts: now + ts },
                Op::Watermark(behind) => Op::Watermark(now - behind),
                Op::CheckpointRestore => Op::CheckpointRestore,
            }
        };
        ops.into_iter().map(shift).collect()
    })
}

proptest! {
    #[test]
    fn operators_do_what_the_rules_say(
        window in window(),
        lateness in prop_oneof![Just(0), Just(3), Just(10), Just(i64::MAX)],
        ops in prop_oneof![3 => Just(0), 1 => Just(-1_000), 1 => Just(i64::MAX - 5_000), 1 => Just(i64::MIN + 5_000)]
            .prop_flat_map(ops),
    ) {
        let mut report = Report::default();
        report.add(run_case("made up", case(window, lateness, &ops)));
        prop_assert_eq!(report.passed(), 1, "{}", report);
    }
}
