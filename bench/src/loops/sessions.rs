//! q11: how many bids every bidder makes in a session; ten silent seconds end one.

use super::bids::{Bid, Checksum, FIRST_ID, for_each_bid};

const GAP_MS: u64 = 10_000;

/// One open session a bidder, in a plain vector: bidders are numbered from [`FIRST_ID`] on.
pub(super) fn q11(events: u64) -> Checksum {
    let mut out = Checksum::default();
    let mut open: Vec<Session> = Vec::new();
    for_each_bid(events, |bid| {
        let slot = (bid.bidder - FIRST_ID) as usize;
        if slot >= open.len() {
            open.resize(slot + 1024, Session::default());
        }
        open[slot].take(bid, &mut out);
    });
    for (bidder, session) in (FIRST_ID..).zip(&open) {
        session.emit(bidder, &mut out);
    }
    out
}

/// No bids: there is none.
#[derive(Clone, Copy, Default)]
struct Session {
    bids: u64,
    start: u64,
    last: u64,
}

impl Session {
    #[inline]
    fn take(&mut self, bid: Bid, out: &mut Checksum) {
        if self.bids > 0 && bid.ts <= self.last + GAP_MS {
            self.bids += 1;
            self.last = bid.ts;
            return;
        }
        self.emit(bid.bidder, out);
        *self = Self { bids: 1, start: bid.ts, last: bid.ts };
    }

    fn emit(&self, bidder: u64, out: &mut Checksum) {
        if self.bids > 0 {
            out.add([bidder, self.bids, self.start, self.last + GAP_MS]);
        }
    }
}
