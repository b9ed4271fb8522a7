//! Nexmark q2: the bids on every 123rd auction. One column goes in, the numbers of the rows that stay come out.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// Which auctions: those that this divides.
const EVERY: i64 = 123;

/// No config.
#[derive(serde::Deserialize)]
pub struct Predicate;

/// What it reads.
#[derive(Row)]
pub struct Bid {
    auction: i64,
}

/// What stays of a bid.
#[derive(Row)]
#[row(keep(auction, price))]
pub struct Kept;

impl Transform for Predicate {
    type Input<'a> = Bid;
    type Output<'a> = Kept;

    fn process(&self, bid: Bid, out: &mut Emitter<Kept>) -> Result<(), RowError> {
        if bid.auction % EVERY == 0 {
            out.emit(Kept);
        }
        Ok(())
    }
}

export!(Predicate);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    #[derive(Row, Debug, PartialEq)]
    struct Priced {
        auction: i64,
        price: i64,
    }

    #[test]
    fn multiples_of_123_stay() {
        let bids: Vec<_> =
            [122, 123, 124, 246, 0].into_iter().zip(1..).map(|(auction, price)| Priced { auction, price }).collect();
        let results = testing::transform(Predicate, &bids).unwrap();
        let expected = [(123, 2), (246, 4), (0, 5)].map(|(auction, price)| Priced { auction, price });
        assert_eq!(results.main::<Priced>(), expected);
    }
}
