//! q7: every bid with the highest price of its 10 seconds.

use super::bids::{Bid, Checksum, for_each_bid};

const WINDOW_MS: u64 = 10_000;

/// Keeps the best bids of one window: time never goes back, so there is only one at a time.
pub(super) fn q7(events: u64) -> Checksum {
    let mut out = Checksum::default();
    let mut best: Vec<Bid> = Vec::new();
    let (mut end, mut highest) = (0, 0);
    for_each_bid(events, |bid| {
        if bid.ts >= end {
            emit(end, &mut best, &mut out);
            (end, highest) = ((bid.ts / WINDOW_MS + 1) * WINDOW_MS, 0);
        }
        if bid.price >= highest {
            if bid.price > highest {
                best.clear();
            }
            highest = bid.price;
            best.push(bid);
        }
    });
    emit(end, &mut best, &mut out);
    out
}

fn emit(end: u64, best: &mut Vec<Bid>, out: &mut Checksum) {
    for bid in best.drain(..) {
        out.add([end, bid.auction, bid.bidder, bid.price, bid.ts]);
    }
}
