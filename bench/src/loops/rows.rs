//! q0, q1 and q2: a bid in, at most one row out, nothing remembered.

use super::bids::{Checksum, extras, for_each_bid, touch};

/// Every bid.
pub(super) fn q0(events: u64) -> Checksum {
    priced(events, 1)
}

/// Every bid, its price in thousandths of another currency.
pub(super) fn q1(events: u64) -> Checksum {
    priced(events, 908)
}

#[inline(always)]
fn priced(events: u64, factor: u64) -> Checksum {
    let extras = extras();
    let mut out = Checksum::default();
    for_each_bid(events, |bid| {
        out.add([bid.auction, bid.bidder, bid.price * factor, bid.ts, touch(&extras[bid.extra])]);
    });
    out
}

/// The bids on every 123rd auction.
pub(super) fn q2(events: u64) -> Checksum {
    let mut out = Checksum::default();
    for_each_bid(events, |bid| {
        if bid.auction % 123 == 0 {
            out.add([bid.auction, bid.price]);
        }
    });
    out
}
