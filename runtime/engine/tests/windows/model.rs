//! The model: it takes rows one by one, and keeps all of them.

use std::collections::BTreeMap;

use weir_core::window::{Window, WindowAssigner};

use crate::given::{Case, Output, REFUSED, Row, Step, text_of};

pub(crate) struct Model<'a> {
    pub(crate) case: &'a Case,
    pub(crate) watermark: i64,
    pub(crate) windows: BTreeMap<(Option<i64>, Window), Vec<Row>>,
}

impl Model<'_> {
    pub(crate) fn is_closed(&self, window: Window) -> bool {
        window.max_time().saturating_add(self.case.lateness) <= self.watermark
    }

    pub(crate) fn row(&mut self, row: &Row, step: &mut Step) {
        let key = if self.case.keyed { row.key } else { None };
        let windows = match self.case.window {
            WindowAssigner::Session { gap } => {
                let mut window = Window { start: row.time, end: row.time + gap };
                let touches = |k: &Option<i64>, w: &Window| *k == key && w.start <= row.time + gap && row.time <= w.end;
                for (_, other) in self.windows.keys().filter(|(k, w)| touches(k, w)) {
                    window = Window { start: window.start.min(other.start), end: window.end.max(other.end) };
                }
                vec![window]
            }
            _ => self.case.window.assign(row.time),
        };
        let open: Vec<Window> = windows.into_iter().filter(|w| !self.is_closed(*w)).collect();
        if open.is_empty() {
            if row.time.saturating_add(self.case.lateness) <= self.watermark {
                step.late.push(row.clone());
            }
            return;
        }
        if self.case.component && row.value == Some(REFUSED) {
            step.dead.push(row.clone());
            return;
        }
        for window in open {
            let mut rows = Vec::new();
            if matches!(self.case.window, WindowAssigner::Session { .. }) {
                self.windows.retain(|(k, w), of_window| {
                    let merged = *k == key && window.start <= w.start && w.end <= window.end;
                    if merged {
                        rows.append(of_window);
                    }
                    !merged
                });
            }
            let of_window = self.windows.entry((key, window)).or_default();
            of_window.append(&mut rows);
            of_window.push(row.clone());
            if window.max_time() <= self.watermark {
                step.results.push(result(self.case, key, window, of_window));
            }
        }
    }

    pub(crate) fn watermark(&mut self, watermark: i64, step: &mut Step) {
        for ((key, window), rows) in &self.windows {
            if window.max_time() > self.watermark && window.max_time() <= watermark {
                step.results.push(result(self.case, *key, *window, rows));
            }
        }
        self.watermark = watermark;
        let closed: Vec<_> = self.windows.keys().filter(|(_, w)| self.is_closed(*w)).copied().collect();
        for key in closed {
            self.windows.remove(&key);
        }
    }
}

pub(crate) fn result(case: &Case, key: Option<i64>, window: Window, rows: &[Row]) -> Output {
    let values: Vec<i64> = rows.iter().filter_map(|r| r.value).collect();
    let timed = || rows.iter().filter_map(|r| Some((r.time, r.value?)));
    let texts = || rows.iter().filter_map(|r| Some((r.time, text_of(r.value?))));
    let sum: i64 = values.iter().sum();
    let some = |v: i64| (!values.is_empty()).then_some(v);
    let float = |v: f64| (!values.is_empty()).then_some(v.to_bits());
    let mut numbers = vec![
        Some(rows.len() as i64),
        Some(values.len() as i64),
        some(sum),
        values.iter().min().copied(),
        values.iter().max().copied(),
        timed().min().map(|(_, v)| v),
        timed().max().map(|(_, v)| v),
    ];
    if case.component {
        numbers.push(Some(values.iter().map(|v| v * v).sum()));
    }
    let least = values.iter().min().map(|v| (*v as f64 / 4.0).to_bits());
    Output {
        key,
        start: window.start,
        end: window.end,
        numbers,
        floats: vec![float(sum as f64 / 4.0), float(sum as f64 / values.len() as f64), least],
        texts: vec![texts().map(|(_, t)| t).max(), texts().min().map(|(_, t)| t)],
    }
}
