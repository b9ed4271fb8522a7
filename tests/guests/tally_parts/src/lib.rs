//! As `tally`, with what it counts in the entries of a map: parts of a tenth of a second, which are put together when the wall clock
//! says so, and summed up when the tenth is over. What comes out does not depend on the wall clock.

use weir_sdk::Timestamp;
use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Map, MapLayout, Prefetch, Row, RowError, TimeDomain, Timer, export};

/// A tenth of a second.
const TENTH_US: i64 = 100_000;
/// How long after a row parts are put together.
const COMPACT_AFTER_US: i64 = 3_000;
/// More than a key has at any time.
const ENTRIES_MAX: usize = 1_000;

/// No config.
#[derive(serde::Deserialize)]
pub struct TallyParts;

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
    #[row(event_time)]
    time: Timestamp,
}

/// What an entry is found by.
#[derive(Row, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    last_us: i64,
    /// `None`: what was put together.
    of: Option<String>,
}

/// What an entry holds.
#[derive(Row, Clone)]
pub struct Counted {
    rows: i64,
    sum: i64,
}

const PARTS: Map<Part, Counted> = Map::new("parts");

/// When parts are put together next.
#[derive(Row)]
pub struct Compaction {
    at: Timestamp,
}

/// What a tenth had.
#[derive(Row)]
#[row(keep(key))]
pub struct Told {
    last: Timestamp,
    rows: i64,
    sum: i64,
}

fn part(row: &Value) -> Part {
    let last_us = row.time.0 - row.time.0.rem_euclid(TENTH_US) + TENTH_US - 1;
    Part { last_us, of: Some(row.value.rem_euclid(3).to_string()) }
}

fn add(of: &mut KeyContext<'_, (), Compaction>, part: Part, more: &Counted) -> Result<(), RowError> {
    let Counted { rows, sum } = of.maps.get(&PARTS, &part)?.cloned().unwrap_or(Counted { rows: 0, sum: 0 });
    of.maps.insert(&PARTS, part, Counted { rows: rows + more.rows, sum: sum + more.sum })
}

impl Keyed for TallyParts {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = Compaction;
    type Output<'a> = Told;

    #[expect(clippy::panic, reason = "trapping is what it is for")]
    fn process(
        &self,
        row: Value,
        of: &mut KeyContext<'_, (), Compaction>,
        _: &mut Emitter<Told>,
    ) -> Result<(), RowError> {
        let part = part(&row);
        of.timers.register(Timestamp(part.last_us));
        add(of, part, &Counted { rows: 1, sum: row.value })?;
        let pending = of.state.as_ref().map(|compaction| compaction.at);
        match pending {
            Some(at) if row.value % 5 == 0 => {
                of.timers.delete_processing_time(at);
                *of.state = None;
            }
            None => {
                let at = Timestamp(of.processing_time.0 + COMPACT_AFTER_US);
                of.timers.register_processing_time(at);
                *of.state = Some(Compaction { at });
            }
            Some(_) => {}
        }
        match row.value {
            7 => Err(RowError::new("seven is refused")),
            13 => panic!("thirteen"),
            _ => Ok(()),
        }
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), Compaction>,
        out: &mut Emitter<Told>,
    ) -> Result<(), RowError> {
        if timer.domain == TimeDomain::ProcessingTime {
            if of.state.take().is_none_or(|compaction| compaction.at != timer.time) {
                return Err(RowError::new("a timer that was deleted, or was never set"));
            }
            for (part, counted) in of.maps.scan(&PARTS, .., ENTRIES_MAX)? {
                if part.of.is_some() {
                    of.maps.remove(&PARTS, &part)?;
                    add(of, Part { of: None, ..part }, &counted)?;
                }
            }
            return Ok(());
        }
        let from = |last_us: i64| Part { last_us, of: None };
        let parts = of.maps.scan(&PARTS, from(timer.time.0)..from(timer.time.0 + 1), ENTRIES_MAX)?;
        let (mut rows, mut sum) = (0, 0);
        for (part, counted) in parts {
            rows += counted.rows;
            sum += counted.sum;
            of.maps.remove(&PARTS, &part)?;
        }
        out.emit(Told { last: timer.time, rows, sum });
        Ok(())
    }

    fn maps() -> Vec<MapLayout> {
        vec![PARTS.layout()]
    }

    fn prefetch<'a>(&self, row: &Value, (): &(), entries: &mut Prefetch<'_>) {
        entries.entry(&PARTS, part(row));
    }
}

export!(TallyParts);
