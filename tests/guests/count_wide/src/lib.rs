//! As `count_v1`, in a wider state of the same version, with a column more: for tests of how far a swap can go back.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, export};

/// Config: what it says of itself, and from which values on it is no longer as `count_v1`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    tag: String,
    /// Its states are larger than `count_v1` can hold.
    outgrows: Option<i64>,
    /// It traps.
    fails: Option<i64>,
}

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// What is known of a key.
#[derive(Row, Default)]
pub struct SoFar {
    /// The count, and [`OUTGROWN`].
    count: u64,
    last: Option<i64>,
}

/// The row as it is, its number, and who numbered it.
#[derive(Row)]
#[row(keep_all)]
pub struct Counted {
    number: u64,
    tag: String,
}

/// Beyond what a narrower count holds.
const OUTGROWN: u64 = 1 << 40;

impl Keyed for Count {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = SoFar;
    type Output<'a> = Counted;

    #[expect(clippy::panic, reason = "trapping is what it is for")]
    fn process(
        &self,
        Value { value }: Value,
        of: &mut KeyContext<'_, (), SoFar>,
        out: &mut Emitter<Counted>,
    ) -> Result<(), RowError> {
        let reaches = |from: Option<i64>| from.is_some_and(|from| value >= from);
        let so_far = of.state.get_or_insert_default();
        so_far.count += 1;
        so_far.last = Some(value);
        if reaches(self.outgrows) {
            so_far.count |= OUTGROWN;
        }
        if reaches(self.fails) {
            panic!("told to, at {value}");
        }
        out.emit(Counted { number: so_far.count % OUTGROWN, tag: self.tag.clone() });
        Ok(())
    }
}

export!(Count);
