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

/// A value at which it recurses without end.
const RECURSES: i64 = i64::MIN + 1;

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
            RECURSES => return Err(RowError::new(depth(value).to_string())),
            i64::MAX => loop {
                std::hint::black_box(vec![1_u8; 1 << 20]).leak();
            },
            _ => out.emit(Kept { doubled: 2 * value }),
        }
        Ok(())
    }
}

/// Calls itself until the stack is full.
fn depth(value: i64) -> i64 {
    if value == 0 { 0 } else { std::hint::black_box(depth(std::hint::black_box(value) + 1)) + 1 }
}

export!(Poison);
