//! q5: the auctions with the most bids of the last 10 seconds, every 2 seconds.

use std::collections::VecDeque;

use super::bids::{Bid, Checksum, for_each_bid};

const SLIDE_MS: u64 = 2_000;
const PANES_PER_WINDOW: u64 = 5;
/// A bid is on an auction at most 100 below the newest and 10 above it, and the newest never goes back: so no later bid is on
/// one further below this bid's.
const REACH_BACK: u64 = 110;

/// Counts by panes of 2 seconds, and adds up five panes for a window. The counts of a pane are a plain vector: its auctions are
/// close together.
pub(super) fn q5(events: u64) -> Checksum {
    let mut out = Checksum::default();
    let mut panes: VecDeque<Pane> = VecDeque::new();
    for_each_bid(events, |bid| match panes.back_mut() {
        Some(newest) if newest.number == bid.ts / SLIDE_MS => newest.count(bid),
        _ => {
            fire_until(bid.ts / SLIDE_MS, &mut panes, &mut out);
            panes.push_back(Pane::of(bid));
        }
    });
    fire_until(u64::MAX, &mut panes, &mut out);
    out
}

/// The bids of one slide.
struct Pane {
    number: u64,
    /// The auction that `counts` begins with.
    first: u64,
    counts: Vec<u64>,
}

impl Pane {
    fn of(bid: Bid) -> Self {
        let mut pane =
            Self { number: bid.ts / SLIDE_MS, first: bid.auction.saturating_sub(REACH_BACK), counts: Vec::new() };
        pane.count(bid);
        pane
    }

    #[inline]
    fn count(&mut self, bid: Bid) {
        let slot = (bid.auction - self.first) as usize;
        if slot >= self.counts.len() {
            self.counts.resize(slot + 256, 0);
        }
        self.counts[slot] += 1;
    }
}

/// Fires every window with rows that ends at the start of pane `next` or before, and forgets the panes that it was the last for.
fn fire_until(next: u64, panes: &mut VecDeque<Pane>, out: &mut Checksum) {
    let Some(newest) = panes.back().map(|pane| pane.number) else { return };
    for end in newest + 1..=next.min(newest + PANES_PER_WINDOW) {
        panes.retain(|pane| pane.number + PANES_PER_WINDOW >= end);
        fire(end, panes, out);
    }
}

/// The rows of the window of these panes that ends at the start of pane `end`.
fn fire(end: u64, panes: &VecDeque<Pane>, out: &mut Checksum) {
    let Some(first) = panes.iter().map(|pane| pane.first).min() else { return };
    let mut totals: Vec<u64> = Vec::new();
    for pane in panes {
        let shift = (pane.first - first) as usize;
        totals.resize(totals.len().max(shift + pane.counts.len()), 0);
        for (total, count) in totals[shift..].iter_mut().zip(&pane.counts) {
            *total += count;
        }
    }
    let most = totals.iter().copied().max().unwrap_or_default();
    let window = [(end - PANES_PER_WINDOW) * SLIDE_MS, end * SLIDE_MS];
    for (auction, num) in (first..).zip(totals).filter(|(_, num)| *num == most) {
        out.add([window[0], window[1], auction, num]);
    }
}
