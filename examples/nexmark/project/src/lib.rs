//! Nexmark q0: every bid as it is. It names the columns of the result and reads none: the host carries them over.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct Project;

/// Every bid, as it is.
#[derive(Row)]
#[row(keep(auction, bidder, price, ts, extra))]
pub struct Bid;

impl Transform for Project {
    type Input<'a> = ();
    type Output<'a> = Bid;

    fn process(&self, (): (), out: &mut Emitter<Bid>) -> Result<(), RowError> {
        out.emit(Bid);
        Ok(())
    }
}

export!(Project);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::{TimestampMillis, testing};

    #[derive(Row)]
    struct Generated {
        extra: &'static str,
        ts: TimestampMillis,
        price: i64,
        bidder: i64,
        auction: i64,
        channel: u8,
    }

    #[derive(Row, Debug, PartialEq)]
    struct Projected<'a> {
        auction: i64,
        bidder: i64,
        price: i64,
        ts: TimestampMillis,
        extra: &'a str,
    }

    #[test]
    fn bid_is_passed_on_unchanged() {
        let bid = Generated { extra: "x", ts: TimestampMillis(7), price: 3, bidder: 2, auction: 1, channel: 0 };
        let results = testing::transform(Project, &[bid]).unwrap();
        let expected = Projected { auction: 1, bidder: 2, price: 3, ts: TimestampMillis(7), extra: "x" };
        assert_eq!(results.main::<Projected>(), [expected]);
        let names: Vec<_> =
            results.output("main").schema().iter().map(|c| c.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(names, ["auction", "bidder", "price", "ts", "extra"]);
    }
}
