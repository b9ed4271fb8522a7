//! Makes as many rows of one as its value says, with all its columns; of a negative value it never comes back. For tests of limits.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct Burst;

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// The row as it is.
#[derive(Row)]
#[row(keep_all)]
pub struct Kept {}

impl Transform for Burst {
    type Input<'a> = Value;
    type Output<'a> = Kept;

    fn process(&self, Value { value }: Value, out: &mut Emitter<Kept>) -> Result<(), RowError> {
        if value < 0 {
            loop {
                std::hint::black_box(value);
            }
        }
        (0..value).for_each(|_| out.emit(Kept {}));
        Ok(())
    }
}

export!(Burst);
