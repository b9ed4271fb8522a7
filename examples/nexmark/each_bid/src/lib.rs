//! Nexmark q7: one row per bid of the list `bids`, with the end of its window.

use weir_sdk::TimestampMillis;
use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct EachBid;

/// What it reads.
#[derive(Row)]
pub struct Highest {
    bids: Vec<Bid>,
}

/// An item of the list.
#[derive(Row, Clone)]
pub struct Bid {
    auction: i64,
    bidder: i64,
    price: i64,
    ts: TimestampMillis,
}

/// One of the bids.
#[derive(Row)]
#[row(keep(window_end))]
pub struct WindowBid {
    auction: i64,
    bidder: i64,
    price: i64,
    ts: TimestampMillis,
}

impl Transform for EachBid {
    type Input<'a> = Highest;
    type Output<'a> = WindowBid;

    fn process(&self, highest: Highest, out: &mut Emitter<WindowBid>) -> Result<(), RowError> {
        let row = |Bid { auction, bidder, price, ts }| WindowBid { auction, bidder, price, ts };
        out.emit_all(highest.bids.into_iter().map(row));
        Ok(())
    }
}

export!(EachBid);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::{Timestamp, testing};

    #[derive(Row)]
    struct Window {
        window_end: Timestamp,
        bids: Vec<Bid>,
    }

    #[derive(Row, Debug, PartialEq)]
    struct Emitted {
        window_end: Timestamp,
        auction: i64,
    }

    #[test]
    fn a_row_per_bid_and_none_for_an_empty_list() {
        let bid = |auction| Bid { auction, bidder: 1, price: 2, ts: TimestampMillis(3) };
        let windows = [(10, vec![bid(1), bid(2)]), (20, vec![]), (30, vec![bid(3)])];
        let windows = windows.map(|(end, bids)| Window { window_end: Timestamp(end), bids });
        let results = testing::transform(EachBid, &windows).unwrap();
        let expected = [(10, 1), (10, 2), (30, 3)];
        assert_eq!(
            results.main::<Emitted>(),
            expected.map(|(end, auction)| Emitted { window_end: Timestamp(end), auction })
        );
        assert_eq!(
            results.output("main").schema(),
            [
                "window_end: timestamp(us, UTC)",
                "auction: int64",
                "bidder: int64",
                "price: int64",
                "ts: timestamp(ms, UTC)"
            ]
        );
    }
}
