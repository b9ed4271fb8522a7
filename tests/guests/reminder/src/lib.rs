//! Sets a timer of the wall clock for every row, or deletes one, and emits a row when it fires; one at 13 is refused: for tests of such timers.

use weir_sdk::Timestamp;
use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, Timer, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct Reminder;

/// The time of a timer, microseconds; a negative one deletes the timer of its absolute value.
#[derive(Row)]
pub struct Value {
    value: i64,
}

/// A timer that fired, and the wall clock then, microseconds.
#[derive(Row)]
#[row(keep(key))]
pub struct Fired {
    at: i64,
    now: i64,
}

impl Keyed for Reminder {
    type Key<'a> = ();
    type Input<'a> = Value;
    type State = ();
    type Output<'a> = Fired;

    fn process(
        &self,
        Value { value }: Value,
        of: &mut KeyContext<'_, (), ()>,
        _: &mut Emitter<Fired>,
    ) -> Result<(), RowError> {
        match value {
            0.. => of.timers.register_processing_time(Timestamp(value)),
            _ => of.timers.delete_processing_time(Timestamp(-value)),
        }
        Ok(())
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), ()>,
        out: &mut Emitter<Fired>,
    ) -> Result<(), RowError> {
        if timer.time.0 == 13 {
            return Err(RowError::new("thirteen is refused"));
        }
        out.emit(Fired { at: timer.time.0, now: of.processing_time.0 });
        Ok(())
    }
}

export!(Reminder);
