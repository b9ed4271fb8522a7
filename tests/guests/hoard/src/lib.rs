//! Keeps as much as a row says: state, entries of a map, or timers, some of which never end. For tests of limits.

use weir_sdk::Timestamp;
use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Map, MapLayout, Row, RowError, Timer, export};

/// What it keeps.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hoard {
    keeps: Keeps,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Keeps {
    /// A text of so many bytes.
    State,
    /// An entry of so many bytes.
    Entries,
    /// So many timers.
    Timers,
    /// A timer that registers itself again when it fires, if the value is 1.
    Again,
}

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
    #[row(event_time)]
    time: Timestamp,
}

/// A text.
#[derive(Row)]
pub struct Text {
    text: String,
}

/// What an entry is found by.
#[derive(Row, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    at: i64,
}

const ENTRIES: Map<Entry, Text> = Map::new("entries");

/// A row that was taken.
#[derive(Row)]
#[row(keep(key))]
pub struct Taken {
    taken: i64,
}

impl Keyed for Hoard {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = Text;
    type Output<'a> = Taken;

    fn maps() -> Vec<MapLayout> {
        vec![ENTRIES.layout()]
    }

    fn process(
        &self,
        Value { value, time }: Value,
        of: &mut KeyContext<'_, (), Text>,
        out: &mut Emitter<Taken>,
    ) -> Result<(), RowError> {
        let text = || Text { text: "x".repeat(value as usize) };
        match self.keeps {
            Keeps::State => *of.state = Some(text()),
            Keeps::Entries => of.maps.insert(&ENTRIES, Entry { at: time.0 }, text())?,
            Keeps::Timers => (0..value).for_each(|i| of.timers.register(Timestamp(time.0 + 1_000_000 + i))),
            Keeps::Again if value == 1 => of.timers.register(Timestamp(time.0 + 1)),
            Keeps::Again => {}
        }
        out.emit(Taken { taken: value });
        Ok(())
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), Text>,
        _: &mut Emitter<Taken>,
    ) -> Result<(), RowError> {
        if matches!(self.keeps, Keeps::Again) {
            of.timers.register(timer.time);
        }
        Ok(())
    }
}

export!(Hoard);
