//! The level of who bids, by what they have bid so far: the first version.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, export};

/// Config: from which sum on a bidder is of gold.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Level {
    gold_from: i64,
}

/// What it reads.
#[derive(Row)]
pub struct Bid {
    price: i64,
}

/// What is known of a bidder.
#[derive(Row, Default)]
pub struct Bidder {
    sum: i64,
}

/// The bid, and who bids.
#[derive(Row)]
#[row(keep_all)]
pub struct Leveled {
    sum: i64,
    level: String,
}

impl Keyed for Level {
    type Key<'a> = ();
    type Input<'a> = Bid;
    type State = Bidder;
    type Output<'a> = Leveled;

    fn process(
        &self,
        Bid { price }: Bid,
        of: &mut KeyContext<'_, (), Bidder>,
        out: &mut Emitter<Leveled>,
    ) -> Result<(), RowError> {
        let bidder = of.state.get_or_insert_default();
        bidder.sum = bidder.sum.saturating_add(price);
        let level = if bidder.sum >= self.gold_from { "gold" } else { "silver" };
        out.emit(Leveled { sum: bidder.sum, level: level.to_owned() });
        Ok(())
    }
}

export!(Level);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::{KeyedHarness, configured};

    #[derive(Row, Clone)]
    struct Generated {
        bidder: i64,
        price: i64,
    }

    #[test]
    fn gold_is_from_a_sum_on() {
        let level: Level = configured(r#"{"gold-from": 100}"#).unwrap();
        let mut levels = KeyedHarness::new(level, &["bidder"]).unwrap();
        let bids = [(1, 60), (2, 99), (1, 40)].map(|(bidder, price)| Generated { bidder, price });
        let results = levels.process(&bids).unwrap();
        let levels: Vec<_> = results.main::<Leveled>().into_iter().map(|row| (row.sum, row.level)).collect();
        assert_eq!(levels, [(60, "silver".to_owned()), (99, "silver".to_owned()), (100, "gold".to_owned())]);
    }
}
