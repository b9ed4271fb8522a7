//! Sets of lines, as ranges: a million of them in a row is one.

/// The line behind every line: what ends there is a part to its end.
pub(crate) const END: u64 = i64::MAX.cast_unsigned();

/// Lines of a part, from 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines(Vec<(u64, u64)>);

impl Lines {
    /// Adds a range, its last line included.
    pub(crate) fn add(&mut self, first: u64, last: u64) {
        let from = self.0.partition_point(|(_, before)| before.saturating_add(1) < first);
        let to = self.0.partition_point(|(after, _)| *after <= last.saturating_add(1));
        let met = self.0.get(from..to).unwrap_or_default();
        let first = met.first().map_or(first, |(met, _)| first.min(*met));
        let last = met.last().map_or(last, |(_, met)| last.max(*met));
        self.0.splice(from..to.max(from), [(first, last)]);
    }

    /// Whether a line is in it.
    pub(crate) fn contains(&self, line: u64) -> bool {
        let at = self.0.partition_point(|(first, _)| *first <= line);
        at.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| line <= *last)
    }

    /// The last that is in it; 0 if none is.
    pub(crate) fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, last)| *last)
    }

    /// Whether every line is.
    pub(crate) fn is_all(&self) -> bool {
        self.0 == [(1, END)]
    }

    /// Its ranges, in order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_the_lines_that_were_added() {
        let added = [(5, 6), (1, 1), (9, 9), (7, 7), (2, 3), (3, 5), (20, 30), (22, 25), (10, 19)];
        let mut lines = Lines::default();
        for (count, (first, last)) in added.into_iter().enumerate() {
            lines.add(first, last);
            for line in 0..40 {
                let expected = added.iter().take(count + 1).any(|(first, last)| (first..=last).contains(&&line));
                assert_eq!(lines.contains(line), expected, "{line} of {lines:?}");
            }
        }
        assert_eq!(lines.ranges().collect::<Vec<_>>(), [(1, 7), (9, 30)]);
        lines.add(8, END);
        assert!(lines.is_all(), "{lines:?}");
        lines.add(4, 4);
        assert!(lines.is_all() && lines.contains(END), "{lines:?}");
    }
}
