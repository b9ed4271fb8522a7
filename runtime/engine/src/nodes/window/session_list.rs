//! The sessions of one key. Pure: it says what a row does to them, and knows neither rows nor accumulators.

use weir_core::window::Window;

/// A session that holds rows. It is open until its lateness is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) window: Window,
    /// Its accumulators.
    pub(super) group: u32,
    /// Whether its result has been emitted, and it is over: it fires again only if it gets another row.
    pub(super) emitted: bool,
}

/// Apart from each other, the latest one last: most rows belong to it or begin the next.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionList {
    last: Option<Session>,
    earlier: Vec<Session>,
    /// When this key's timer is set to, if it is.
    pub(super) timer: Option<i64>,
}

/// What a row that is common does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// It belongs to the latest session, whose window becomes this.
    Last(Window, u32),
    /// It begins a session after all others.
    New(Window),
    /// It is out of order: see [`SessionList::join`].
    OutOfOrder,
}

impl SessionList {
    /// What a row with a window of its own, `[time, time + gap)`, would do; nothing is changed.
    #[inline]
    pub(super) fn touch(&self, row: Window) -> Touch {
        let Some(last) = &self.last else { return Touch::New(row) };
        if row.start > last.window.end {
            return Touch::New(row);
        }
        let touches_last = row.end >= last.window.start;
        let touches_earlier = self.earlier.last().is_some_and(|e| row.start <= e.window.end);
        if touches_last && !touches_earlier {
            Touch::Last(cover(last.window, row), last.group)
        } else {
            Touch::OutOfOrder
        }
    }

    /// Changes the window of the latest session.
    #[inline]
    pub(super) fn set_last(&mut self, window: Window, emitted: bool) {
        if let Some(last) = &mut self.last {
            (last.window, last.emitted) = (window, emitted);
        }
    }

    /// Adds a session after all others.
    pub(super) fn push(&mut self, session: Session) {
        self.earlier.extend(self.last.replace(session));
    }

    /// Adds a row by its own window; it and the sessions that it touches become one, in the group of the first. Returns that and the
    /// group; the groups that it takes in go to `absorbs`, after the group that they go into. `new`: a group, if it touches none.
    /// `None`: the session would be over at the watermark, and nothing is changed.
    pub(super) fn join(
        &mut self,
        row: Window,
        watermark: i64,
        new: impl FnOnce() -> u32,
        absorbs: &mut Vec<(u32, u32)>,
    ) -> Option<(Window, u32)> {
        let first = self.earlier.partition_point(|s| s.window.end < row.start);
        let touches = |session: Option<&Session>| session.is_some_and(|s| s.window.start <= row.end);
        // Most rows belong to one session.
        if touches(self.earlier.get(first)) && !touches(self.earlier.get(first + 1).or(self.last.as_ref())) {
            let only = &mut self.earlier[first];
            let window = cover(only.window, row);
            return (window.max_time() > watermark).then(|| {
                (only.window, only.emitted) = (window, false);
                (window, only.group)
            });
        }
        self.earlier.extend(self.last.take());
        let end = first + self.earlier[first..].partition_point(|s| s.window.start <= row.end);
        let touched = self.earlier.get(first..end).unwrap_or_default();
        let window = touched.iter().fold(row, |all, s| cover(all, s.window));
        let joined = if window.max_time() > watermark {
            let group = touched.first().map_or_else(new, |s| s.group);
            absorbs.extend(touched.iter().skip(1).map(|s| (group, s.group)));
            self.earlier.splice(first..end, [Session { window, group, emitted: false }]);
            Some((window, group))
        } else {
            None
        };
        self.last = self.earlier.pop();
        joined
    }

    /// Adds a session that touches none.
    pub(super) fn insert(&mut self, session: Session) {
        match &self.last {
            Some(last) if last.window.start > session.window.start => self.replace(&[], session),
            _ => self.push(session),
        }
    }

    /// Undoes the last [`SessionList::push`].
    pub(super) fn pop(&mut self) {
        self.last = self.earlier.pop();
    }

    /// The sessions that a row's window touches or overlaps, earliest first.
    pub(super) fn touching(&self, row: Window) -> Vec<Session> {
        self.iter().filter(|s| s.window.start <= row.end && row.start <= s.window.end).collect()
    }

    /// Puts a session in the place of those that it was merged from.
    pub(super) fn replace(&mut self, merged: &[Session], session: Session) {
        let mut all: Vec<Session> = self.iter().filter(|s| !merged.contains(s)).collect();
        all.push(session);
        self.set(all);
    }

    /// All sessions, earliest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = Session> {
        self.earlier.iter().copied().chain(self.last)
    }

    /// All sessions, earliest first, to change.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.earlier.iter_mut().chain(&mut self.last)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Puts these sessions in the place of all.
    pub(super) fn set(&mut self, mut all: Vec<Session>) {
        all.sort_unstable_by_key(|s| s.window.start);
        self.last = all.pop();
        self.earlier = all;
    }
}

/// The least window that holds both.
pub(super) fn cover(a: Window, b: Window) -> Window {
    Window { start: a.start.min(b.start), end: a.end.max(b.end) }
}
