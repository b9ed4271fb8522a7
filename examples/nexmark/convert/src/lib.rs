//! Nexmark q1: the price in another currency. A thousandth is the unit of the result, so the rate of 0.908 is exact.

use weir_sdk::transform::{ColumnTransform, Emitter, Row, RowError, export};

/// Thousandths of the new unit a unit of the old.
const RATE: i64 = 908;

/// No config.
#[derive(serde::Deserialize)]
pub struct Convert;

/// What it reads.
#[derive(Row)]
pub struct Bid {
    price: i64,
}

/// The bid with the new price in the place of the old.
#[derive(Row)]
#[row(keep(auction, bidder, price, ts, extra))]
pub struct Converted {
    price: i64,
}

impl ColumnTransform for Convert {
    type Input<'a> = Bid;
    type Output<'a> = Converted;

    fn process_columns(&self, bids: &BidColumns<'_>, _: usize, out: &mut Emitter<Converted>) -> Result<(), RowError> {
        out.emit_each(bids.price.iter().map(|price| Converted { price: price.wrapping_mul(RATE) }));
        Ok(())
    }
}

export!(Convert);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    #[derive(Row)]
    struct Generated {
        auction: i64,
        bidder: i64,
        price: i64,
        ts: i64,
        extra: &'static str,
    }

    #[test]
    fn only_the_price_changes_and_it_stays_in_its_place() {
        let bids = [1, 1000].map(|price| Generated { auction: 5, bidder: 6, price, ts: 7, extra: "" });
        let results = testing::transform(Convert, &bids).unwrap();
        assert_eq!(results.main::<Bid>().iter().map(|b| b.price).collect::<Vec<_>>(), [908, 908_000]);
        assert_eq!(
            results.output("main").schema(),
            ["auction: int64", "bidder: int64", "price: int64", "ts: int64", "extra: utf8"]
        );
    }
}
