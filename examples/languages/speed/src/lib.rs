//! Says how fast a flight was, in whole miles per hour. A flight whose time in the air is not known has no speed; it drops nothing.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// It has no configuration.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {}

/// What it reads: miles, and minutes.
#[derive(Row)]
pub struct Flight {
    distance: i64,
    air_time: Option<i64>,
}

/// What it emits: the flight as it is, and its speed.
#[derive(Row)]
#[row(keep_all)]
pub struct Timed {
    mph: Option<i64>,
}

impl Transform for Speed {
    type Input<'a> = Flight;
    type Output<'a> = Timed;

    fn process(&self, flight: Flight, out: &mut Emitter<Timed>) -> Result<(), RowError> {
        out.emit(Timed { mph: flight.air_time.map(|minutes| mph(flight.distance, minutes)).transpose()? });
        Ok(())
    }
}

fn mph(miles: i64, minutes: i64) -> Result<i64, RowError> {
    match miles.checked_mul(60) {
        Some(hourly) if miles >= 0 && minutes > 0 => Ok(hourly / minutes),
        _ => Err(RowError::new(format!("it flew {miles} miles in {minutes} minutes"))),
    }
}

export!(Speed);
