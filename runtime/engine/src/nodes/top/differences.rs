//! What changes for those who read the rows of a key.

use weir_core::batch::RowKind;

use super::Placed;
use super::order::RowsInOrder;

/// Adds what changes between two lists of rows in order. With ranks a row takes the place of the one at its rank; without, rows go and come.
pub(super) fn add_differences(
    before: &[Placed],
    after: &[Placed],
    has_rank: bool,
    rows: RowsInOrder<'_>,
    changed: &mut Vec<(RowKind, Placed)>,
) {
    let is_same =
        |(a, a_rank): &Placed, (b, b_rank): &Placed| (!has_rank || a_rank == b_rank) && rows.compare(a, b).is_eq();
    let by_rank = has_rank && before.iter().zip(after).all(|((_, a), (_, b))| a == b);
    if by_rank {
        for place in 0..before.len().max(after.len()) {
            match (before.get(place), after.get(place)) {
                (Some(was), Some(is)) if is_same(was, is) => {}
                (Some(was), Some(is)) => {
                    changed.push((RowKind::UpdateBefore, *was));
                    changed.push((RowKind::UpdateAfter, *is));
                }
                (Some(was), None) => changed.push((RowKind::Delete, *was)),
                (None, Some(is)) => changed.push((RowKind::Insert, *is)),
                (None, None) => {}
            }
        }
        return;
    }
    // Both are in order, so one pass finds what is in one of them only; equal rows count as often as they are there.
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut added = Vec::new();
    while let Some(was) = old.peek() {
        match new.peek() {
            Some(is) if is_same(was, is) => {
                old.next();
                new.next();
            }
            Some(is) if rows.compare(&is.0, &was.0).is_lt() => added.extend(new.next()),
            _ => changed.extend(old.next().map(|was| (RowKind::Delete, *was))),
        }
    }
    changed.extend(added.into_iter().chain(new).map(|row| (RowKind::Insert, *row)));
}
