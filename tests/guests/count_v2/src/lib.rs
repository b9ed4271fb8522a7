//! As `count_v1`, with a state of the second version, which has another column and another type; it reads that of the first.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, OldStates, Row, RowError, export};

/// Config: what it says of itself, when it fails, from which value on its states are larger than `count_v1` can hold, and from which
/// count on it refuses a state of the first version.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    tag: String,
    #[serde(default)]
    fails: Fails,
    outgrows: Option<i64>,
    refuses: Option<u32>,
}

/// Which rows it fails at.
#[derive(serde::Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Fails {
    /// At none.
    #[default]
    Never,
    /// It traps at each.
    Always,
    /// It traps at those whose value is a multiple of a hundred.
    Hundredth,
    /// It loops at those.
    Loops,
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
    rows: u64,
    last: Option<i64>,
}

/// The first version's.
#[derive(Row)]
pub struct Older {
    count: u32,
}

/// The row as it is, its number, and who numbered it.
#[derive(Row)]
#[row(keep_all)]
pub struct Counted {
    number: u64,
    tag: String,
}

/// Beyond what the first version's count holds.
const OUTGROWN: u64 = 1 << 40;

impl Fails {
    #[expect(clippy::panic, reason = "trapping is what it is for")]
    fn at(self, value: i64) {
        match self {
            Self::Always => panic!("told to"),
            Self::Hundredth if value % 100 == 0 => panic!("told to, at {value}"),
            Self::Loops if value % 100 == 0 => loop {
                std::hint::black_box(value);
            },
            _ => {}
        }
    }
}

impl Keyed for Count {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = SoFar;
    type Output<'a> = Counted;
    const VERSION: u32 = 2;

    fn process(
        &self,
        Value { value }: Value,
        of: &mut KeyContext<'_, (), SoFar>,
        out: &mut Emitter<Counted>,
    ) -> Result<(), RowError> {
        let so_far = of.state.get_or_insert_default();
        so_far.rows += 1;
        so_far.last = Some(value);
        if self.outgrows.is_some_and(|from| value >= from) {
            so_far.rows |= OUTGROWN;
        }
        // After the state has changed: nothing of it may count.
        self.fails.at(value);
        out.emit(Counted { number: so_far.rows % OUTGROWN, tag: self.tag.clone() });
        Ok(())
    }

    fn migrate(&self, _: u32, states: &OldStates<'_>) -> Result<Vec<Option<SoFar>>, String> {
        let newer = |older: Older| match self.refuses.is_some_and(|from| older.count >= from) {
            true => Err(format!("it has no use for a count of {}", older.count)),
            false => Ok(SoFar { rows: u64::from(older.count), last: None }),
        };
        states.read::<Older>()?.into_iter().map(|state| state.map(newer).transpose()).collect()
    }
}

export!(Count);
