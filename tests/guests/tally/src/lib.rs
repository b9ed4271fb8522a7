//! Counts and sums the rows of a key in every tenth of a second, and fails on some after it has changed state and timers: for tests
//! of what happens to a call that fails half-way.

use weir_sdk::Timestamp;
use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, Timer, export};

/// A tenth of a second.
const TENTH_US: i64 = 100_000;

/// No config.
#[derive(serde::Deserialize)]
pub struct Tally;

/// What it reads.
#[derive(Row)]
pub struct Value {
    value: i64,
    #[row(event_time)]
    time: Timestamp,
}

/// The tenths of a key that are not over.
#[derive(Row, Default)]
pub struct Open {
    tenths: Vec<Tenth>,
}

/// One of them.
#[derive(Row)]
pub struct Tenth {
    last_us: i64,
    rows: i64,
    sum: i64,
}

/// What a tenth had.
#[derive(Row)]
#[row(keep(key))]
pub struct Told {
    last: Timestamp,
    rows: i64,
    sum: i64,
}

impl Keyed for Tally {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = Open;
    type Output<'a> = Told;

    #[expect(clippy::panic, reason = "trapping is what it is for")]
    fn process(
        &self,
        Value { value, time }: Value,
        of: &mut KeyContext<'_, (), Open>,
        _: &mut Emitter<Told>,
    ) -> Result<(), RowError> {
        let last_us = time.0 - time.0.rem_euclid(TENTH_US) + TENTH_US - 1;
        of.timers.register(Timestamp(last_us));
        let tenths = &mut of.state.get_or_insert_default().tenths;
        match tenths.iter_mut().find(|tenth| tenth.last_us == last_us) {
            Some(tenth) => {
                tenth.rows += 1;
                tenth.sum += value;
            }
            None => tenths.push(Tenth { last_us, rows: 1, sum: value }),
        }
        match value {
            7 => Err(RowError::new("seven is refused")),
            13 => panic!("thirteen"),
            _ => Ok(()),
        }
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), Open>,
        out: &mut Emitter<Told>,
    ) -> Result<(), RowError> {
        let mut tenths = of.state.take().unwrap_or_default().tenths;
        let over = tenths.iter().position(|tenth| tenth.last_us == timer.time.0);
        let Tenth { rows, sum, .. } = tenths.remove(over.ok_or_else(|| RowError::new("a timer without a tenth"))?);
        *of.state = (!tenths.is_empty()).then_some(Open { tenths });
        out.emit(Told { last: timer.time, rows, sum });
        Ok(())
    }
}

export!(Tally);
