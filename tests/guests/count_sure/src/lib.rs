//! As `count_wide`, in a state of the same columns of which none may be null: for tests of what such a column is given.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, export};

/// Config: what it says of itself.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    tag: String,
}

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// What is known of a key.
#[derive(Row, Default)]
pub struct SoFar {
    count: u64,
    last: i64,
}

/// The row as it is, its number, and who numbered it.
#[derive(Row)]
#[row(keep_all)]
pub struct Counted {
    number: u64,
    tag: String,
}

impl Keyed for Count {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = SoFar;
    type Output<'a> = Counted;

    fn process(
        &self,
        Value { value }: Value,
        of: &mut KeyContext<'_, (), SoFar>,
        out: &mut Emitter<Counted>,
    ) -> Result<(), RowError> {
        let so_far = of.state.get_or_insert_default();
        *so_far = SoFar { count: so_far.count + 1, last: value };
        out.emit(Counted { number: so_far.count, tag: self.tag.clone() });
        Ok(())
    }
}

export!(Count);
