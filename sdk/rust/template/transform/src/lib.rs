//! Keeps the bids that are high enough, and adds their price with tax.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// The operator is its configuration: `config = { price-min = 100 }` in the pipeline file.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HighBids {
    price_min: i64,
}

/// The columns that it reads, by name. More columns may come; they cost nothing.
#[derive(Row)]
pub struct Bid {
    price: i64,
}

/// The columns that it emits: all of the input, and one more.
#[derive(Row)]
#[row(keep_all)]
pub struct Taxed {
    price_with_tax: i64,
}

impl Transform for HighBids {
    type Input<'a> = Bid;
    type Output<'a> = Taxed;

    fn process(&self, bid: Bid, out: &mut Emitter<Taxed>) -> Result<(), RowError> {
        if bid.price < 0 {
            // `on-error` in the pipeline file says what happens to this row.
            return Err(RowError::new(format!("the price is {}", bid.price)));
        }
        if bid.price >= self.price_min {
            out.emit(Taxed { price_with_tax: bid.price + bid.price / 5 });
        }
        Ok(())
    }
}

export!(HighBids);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    /// The columns of the result that the test looks at.
    #[derive(Row, Debug, PartialEq)]
    struct Seen {
        price: i64,
        price_with_tax: i64,
    }

    #[test]
    fn high_bids_are_passed_on_with_tax() {
        let bids = [99, 100, 250].map(|price| Bid { price });
        let results = testing::transform(HighBids { price_min: 100 }, &bids).unwrap();
        let expected = [(100, 120), (250, 300)].map(|(price, price_with_tax)| Seen { price, price_with_tax });
        assert_eq!(results.main::<Seen>(), expected);
    }
}
