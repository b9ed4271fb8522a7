//! Nexmark q7: the bids of a window with its highest price, as an aggregate. Its only column is the list `bids`.

use weir_sdk::TimestampMillis;
use weir_sdk::aggregate::{Aggregate, Row, RowError, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct HighestBid;

/// What it reads, and an item of its result.
#[derive(Row, Clone, Debug, PartialEq)]
pub struct Bid {
    auction: i64,
    bidder: i64,
    price: i64,
    ts: TimestampMillis,
}

/// The bids with the highest price so far: all have the same.
#[derive(Row, Clone, Default, Debug, PartialEq)]
pub struct Highest {
    bids: Vec<Bid>,
}

impl Aggregate for HighestBid {
    type Input<'a> = Bid;
    type Accumulator = Highest;
    type Output = Highest;

    fn accumulate(&self, highest: &mut Highest, bid: Bid) -> Result<(), RowError> {
        match highest.bids.first() {
            Some(best) if bid.price < best.price => {}
            Some(best) if bid.price == best.price => highest.bids.push(bid),
            _ => highest.bids = vec![bid],
        }
        Ok(())
    }

    fn merge(&self, highest: &mut Highest, other: Highest) {
        let price = |h: &Highest| h.bids.first().map(|bid| bid.price);
        match price(&other).cmp(&price(highest)) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => highest.bids.extend(other.bids),
            std::cmp::Ordering::Greater => *highest = other,
        }
    }

    fn finish(&self, highest: &Highest) -> Highest {
        highest.clone()
    }
}

export!(HighestBid);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    #[test]
    fn every_tie_is_kept_however_the_bids_come() {
        let bid = |auction, price| Bid { auction, bidder: 1, price, ts: TimestampMillis(auction) };
        let bids = [bid(1, 5), bid(2, 7), bid(3, 6), bid(4, 7), bid(5, 1)];
        let expected = Highest { bids: vec![bid(2, 7), bid(4, 7)] };
        for cut in 0..=bids.len() {
            let (left, right) = bids.split_at(cut);
            let result = testing::aggregate(HighestBid, &[left, right]).unwrap();
            assert_eq!(result.main::<Highest>(), std::slice::from_ref(&expected), "cut at {cut}");
        }
    }
}
