//! An operator that fails in every way that a row can make it: for tests of what happens to such rows.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct Poison;

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// The row as it is.
#[derive(Row)]
#[row(keep_all)]
pub struct Kept {
    doubled: i64,
}

impl Transform for Poison {
    type Input<'a> = Value;
    type Output<'a> = Kept;

    #[expect(clippy::panic, reason = "trapping is what it is for")]
    fn process(&self, Value { value }: Value, out: &mut Emitter<Kept>) -> Result<(), RowError> {
        match value {
            7 => return Err(RowError::new("seven is refused")),
            13 => panic!("thirteen"),
            17 => loop {
                std::hint::black_box(value);
            },
            i64::MAX => loop {
                std::hint::black_box(vec![1_u8; 1 << 20]).leak();
            },
            _ => out.emit(Kept { doubled: 2 * value }),
        }
        Ok(())
    }
}

export!(Poison);
