//! Numbers the rows of a key and says which version did it: for tests of swaps, in which numbers continue and versions change. Its state
//! is of the first version; it reads that of the second, too.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, OldStates, Row, RowError, export};

/// Config: what it says of itself, when it fails, which value it counts twice, and from which count on it never has read a state of
/// the second version.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    tag: String,
    #[serde(default)]
    fails: Fails,
    twice: Option<i64>,
    endless: Option<u64>,
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
    count: u32,
}

/// The second version's.
#[derive(Row)]
pub struct Newer {
    rows: u64,
}

/// The row as it is, its number, and who numbered it.
#[derive(Row)]
#[row(keep_all)]
pub struct Counted {
    number: u64,
    tag: String,
}

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

    fn process(
        &self,
        Value { value }: Value,
        of: &mut KeyContext<'_, (), SoFar>,
        out: &mut Emitter<Counted>,
    ) -> Result<(), RowError> {
        let so_far = of.state.get_or_insert_default();
        so_far.count += if self.twice == Some(value) { 2 } else { 1 };
        // After the state has changed: nothing of it may count.
        self.fails.at(value);
        out.emit(Counted { number: u64::from(so_far.count), tag: self.tag.clone() });
        Ok(())
    }

    fn migrate(&self, _: u32, states: &OldStates<'_>) -> Result<Vec<Option<SoFar>>, String> {
        let older = |newer: Newer| {
            while self.endless.is_some_and(|from| newer.rows >= from) {
                std::hint::black_box(newer.rows);
            }
            Ok(SoFar { count: u32::try_from(newer.rows).map_err(|e| e.to_string())? })
        };
        states.read::<Newer>()?.into_iter().map(|state| state.map(older).transpose()).collect()
    }
}

export!(Count);
