//! The model of windows with triggers: it takes rows one by one, keeps all of them, and looks at every window each time.

use weir_core::window::{
    Changes, Evict, Evictor, Firing, ResultTime, TimeOf, Window, WindowAssigner, WindowClock, WindowRules,
};

use crate::given::Row;

/// A result: what it does, its key, bounds, rows and sum, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) kind: u8,
    pub(crate) key: Option<i64>,
    pub(crate) bounds: Option<(i64, i64)>,
    pub(crate) rows: i64,
    pub(crate) sum: Option<i64>,
    pub(crate) timing: &'static str,
    pub(crate) index: i64,
    pub(crate) final_index: Option<i64>,
    pub(crate) last: bool,
    pub(crate) time: i64,
}

pub(crate) struct TriggerModel {
    pub(crate) window: WindowAssigner,
    pub(crate) rules: WindowRules,
    pub(crate) lateness: i64,
    pub(crate) keyed: bool,
    pub(crate) watermark: i64,
    pub(crate) open: Vec<Open>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) late: Vec<Row>,
    pub(crate) bad: Vec<Row>,
}

#[derive(Clone)]
pub(crate) struct Open {
    key: Option<i64>,
    window: Window,
    rows: Vec<Row>,
    new: u64,
    born_late: bool,
    ended: bool,
    closed: bool,
    fire_at: Option<i64>,
    /// Rows since the last firing that came in time.
    on_time: Vec<i64>,
    fired: i64,
    finals: i64,
    given: Option<Shown>,
}

impl TriggerModel {
    fn closes_at(&self, window: &Window) -> i64 {
        self.window.max_time(window).saturating_add(self.lateness)
    }

    pub(crate) fn row(&mut self, row: &Row) {
        let key = if self.keyed { row.key } else { None };
        if self.rules.clock == WindowClock::Stream {
            self.watermark = self.watermark.max(row.time - if self.window.merges() { 2 } else { 1 });
        }
        let mut windows = self.window.assign(row.time);
        if self.window == WindowAssigner::RowSession {
            match row.value {
                Some(gap) if gap >= 0 => windows = vec![WindowAssigner::session_of(row.time, gap)],
                _ => {
                    self.bad.push(row.clone());
                    return self.timers();
                }
            }
        }
        let mut taken = false;
        let nothing_assigned = windows.is_empty();
        for window in windows {
            let Some(place) = self.place(key, window) else { continue };
            taken = true;
            let on_time = row.time > self.watermark;
            let open = &mut self.open[place];
            open.rows.push(row.clone());
            open.new += 1;
            open.on_time.extend(on_time.then_some(row.time));
            match if open.ended && self.rules.trigger.at_end {
                self.rules.trigger.late
            } else {
                self.rules.trigger.early
            } {
                Some(Firing::Rows(rows)) if open.new >= rows => self.fire(place, None),
                Some(Firing::Every { us, of: TimeOf::Event, .. }) if open.fire_at.is_none() => {
                    let at = row.time.max(self.watermark);
                    open.fire_at = Some(at - at.rem_euclid(us) + us);
                }
                Some(Firing::Delay { us, of: TimeOf::Event }) if open.fire_at.is_none() => {
                    open.fire_at = Some(row.time.max(self.watermark) + us - 1);
                }
                _ => {}
            }
        }
        if !taken && (!nothing_assigned || row.time.saturating_add(self.lateness) <= self.watermark) {
            self.late.push(row.clone());
        }
        self.timers();
    }

    /// The place of a row's window, with those that become one with it; `None`: it is late.
    fn place(&mut self, key: Option<i64>, own: Window) -> Option<usize> {
        let joins = |open: &Open| open.key == key && (self.window.joins(&open.window, &own) || open.window == own);
        let joined: Vec<usize> = (0..self.open.len()).filter(|place| joins(&self.open[*place])).collect();
        let cover = joined.iter().fold(own, |cover, place| cover.cover(&self.open[*place].window));
        if self.closes_at(&cover) <= self.watermark || joined.iter().any(|place| self.open[*place].closed) {
            return None;
        }
        let born_late = self.window.max_time(&cover) <= self.watermark;
        let mut merged = Open {
            key,
            window: cover,
            rows: Vec::new(),
            new: 0,
            born_late,
            ended: born_late,
            closed: false,
            fire_at: None,
            on_time: Vec::new(),
            fired: 0,
            finals: 0,
            given: None,
        };
        if let [only] = joined.as_slice()
            && self.open[*only].window == cover
        {
            return Some(*only);
        }
        for place in joined.into_iter().rev() {
            let mut part = self.open.remove(place);
            if let Some(given) = part.given.take() {
                self.shown.push(Shown { kind: 3, ..given });
            }
            merged.rows.append(&mut part.rows);
            merged.on_time.append(&mut part.on_time);
            merged.new += part.new;
            merged.fire_at = merged.fire_at.into_iter().chain(part.fire_at).min();
            merged.fired = merged.fired.max(part.fired);
            merged.finals = merged.finals.max(part.finals);
        }
        let trigger = &self.rules.trigger;
        let firing = if merged.ended && trigger.at_end { trigger.late } else { trigger.early };
        merged.fire_at = merged.fire_at.filter(|_| matches!(firing, Some(Firing::Every { .. } | Firing::Delay { .. })));
        self.open.push(merged);
        Some(self.open.len() - 1)
    }

    pub(crate) fn watermark(&mut self, watermark: i64) {
        self.watermark = self.watermark.max(watermark);
        self.timers();
    }

    /// Does all that is due, the earliest first.
    fn timers(&mut self) {
        loop {
            let trigger = self.rules.trigger.clone();
            let due = |open: &Open| {
                let end = (trigger.at_end && !open.ended).then(|| self.window.max_time(&open.window));
                [end, open.fire_at, Some(self.closes_at(&open.window))].into_iter().flatten().min().unwrap()
            };
            let next = (0..self.open.len()).map(|place| (due(&self.open[place]), place)).min();
            let Some((at, place)) = next.filter(|(at, _)| *at <= self.watermark) else { return };
            if self.open[place].fire_at.is_some_and(|fire_at| fire_at <= at) && !self.open[place].closed {
                let firing = if self.open[place].ended && trigger.at_end { trigger.late } else { trigger.early };
                let always = matches!(firing, Some(Firing::Every { unchanged: true, .. }));
                let end = self.window.max_time(&self.open[place].window);
                let next = match firing {
                    Some(Firing::Every { us, unchanged: true, .. }) if self.watermark < i64::MAX => Some(at + us),
                    _ => None,
                };
                self.open[place].fire_at = next.filter(|next| *next <= end);
                if always || self.open[place].new > 0 {
                    self.fire(place, None);
                }
            }
            if trigger.at_end && !self.open[place].ended && self.window.max_time(&self.open[place].window) <= at {
                (self.open[place].ended, self.open[place].fire_at) = (true, None);
                if !self.open[place].closed {
                    self.fire(place, Some("on-time"));
                }
            }
            if self.closes_at(&self.open[place].window) <= at {
                if trigger.at_close && self.open[place].new > 0 && !self.open[place].closed {
                    let is_first = self.open[place].finals == 0 && !self.open[place].ended;
                    self.fire(place, Some(if is_first { "on-time" } else { "late" }));
                }
                self.open.remove(place);
            }
        }
    }

    fn fire(&mut self, place: usize, timing: Option<&'static str>) {
        let (trigger, reached) = (&self.rules.trigger, self.watermark);
        let end = self.window.max_time(&self.open[place].window);
        let is_last = trigger.once || self.closes_at(&self.open[place].window) <= reached;
        let open = &mut self.open[place];
        let timing = timing.unwrap_or(match (trigger.at_end, open.ended, end <= reached) {
            (true, true, _) => "late",
            (true, false, _) | (false, _, false) => "early",
            (false, _, true) if open.finals == 0 && !open.born_late => "on-time",
            (false, _, true) => "late",
        });
        let evictor = self.rules.evictor.clone();
        evictor.iter().filter(|evictor| !evictor.after).for_each(|evictor| evict(&mut open.rows, evictor));
        if open.rows.is_empty() && !(trigger.at_end_if_empty && timing == "on-time") {
            return;
        }
        let values: Vec<i64> = open.rows.iter().filter_map(|row| row.value).collect();
        let latest = open.rows.iter().map(|row| row.time).max();
        let time = match self.rules.result_time {
            ResultTime::End => end,
            ResultTime::Latest => latest.unwrap_or(end),
            ResultTime::Earliest => open.on_time.iter().min().copied().unwrap_or(end),
        };
        let is_early = timing == "early";
        let shown = Shown {
            kind: 0,
            key: open.key,
            bounds: self.window.is_bounded().then_some((open.window.start, open.window.end)),
            rows: open.rows.len() as i64,
            sum: (!values.is_empty()).then(|| values.iter().sum()),
            timing,
            index: open.fired,
            final_index: (!is_early).then_some(open.finals),
            last: is_last,
            time,
        };
        let after = if open.given.is_some() { 2 } else { 0 };
        match (self.rules.changes, open.given.take()) {
            (Changes::None, _) => self.shown.push(shown.clone()),
            (Changes::Upsert, _) => self.shown.push(Shown { kind: after, ..shown.clone() }),
            (Changes::Retract, before) => {
                self.shown.extend(before.map(|before| Shown { kind: 1, ..before }));
                self.shown.push(Shown { kind: after, ..shown.clone() });
            }
        }
        open.given = Some(shown).filter(|_| self.rules.changes != Changes::None);
        evictor.iter().filter(|evictor| evictor.after).for_each(|evictor| evict(&mut open.rows, evictor));
        if self.rules.discarding || trigger.once {
            open.rows.clear();
        }
        open.fired += 1;
        open.finals += i64::from(!is_early);
        open.new = 0;
        open.on_time.clear();
        if trigger.once {
            (open.closed, open.fire_at) = (true, None);
        }
    }
}

fn evict(rows: &mut Vec<Row>, evictor: &Evictor) {
    match evictor.evict {
        Evict::Rows(max) => drop(rows.drain(..rows.len().saturating_sub(max as usize))),
        Evict::Time(keep) => {
            let newest = rows.iter().map(|row| row.time).max().unwrap_or_default();
            rows.retain(|row| newest - row.time < keep);
        }
        Evict::Delta(threshold) => {
            let Some(last) = rows.last().and_then(|row| row.value) else { return };
            rows.retain(|row| row.value.is_none_or(|value| last - value < threshold));
        }
    }
}
