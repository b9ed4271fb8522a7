//! The level of who bids, by what they have bid so far and how often: the second version. It counts in a column of its state that
//! the first one did not have: bids that came before it are not in the count.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, export};

/// Config: from which sum on a bidder is of gold, and from how many bids on of platinum.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Level {
    gold_from: i64,
    #[serde(default = "ten")]
    platinum_from: u64,
}

fn ten() -> u64 {
    10
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
    bids: Option<u64>,
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
        let bids = bidder.bids.unwrap_or_default() + 1;
        bidder.bids = Some(bids);
        let level = match bidder.sum >= self.gold_from {
            true if bids >= self.platinum_from => "platinum",
            true => "gold",
            false => "silver",
        };
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
    fn platinum_is_for_those_of_gold_who_bid_often() {
        let level: Level = configured(r#"{"gold-from": 100, "platinum-from": 3}"#).unwrap();
        let mut levels = KeyedHarness::new(level, &["bidder"]).unwrap();
        let bids =
            [(1, 60), (2, 1), (1, 40), (2, 1), (1, 1), (2, 1)].map(|(bidder, price)| Generated { bidder, price });
        let results = levels.process(&bids).unwrap();
        let levels: Vec<_> = results.main::<Leveled>().into_iter().map(|row| row.level).collect();
        assert_eq!(levels, ["silver", "silver", "gold", "silver", "platinum", "silver"]);
    }
}
