//! Calls the price of a bid its value, moved by what the configuration says: brings generated rows to the operators of tests that
//! read a value, and can be swapped itself.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// Config: what is added to every price.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Value {
    #[serde(default)]
    add: i64,
}

/// What it reads.
#[derive(Row)]
pub struct Bid {
    price: i64,
}

/// The bid with its value.
#[derive(Row)]
#[row(keep_all)]
pub struct Valued {
    value: i64,
}

impl Transform for Value {
    type Input<'a> = Bid;
    type Output<'a> = Valued;

    fn process(&self, Bid { price }: Bid, out: &mut Emitter<Valued>) -> Result<(), RowError> {
        out.emit(Valued { value: price.wrapping_add(self.add) });
        Ok(())
    }
}

export!(Value);
