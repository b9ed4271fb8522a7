//! Emits a reading when it is far from the last one of its sensor, and says so when a sensor has been silent.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Outputs, Row, RowError, Timer, Timestamp, export};

/// The operator is its configuration: `config = { degrees = 2.5, silence-seconds = 60 }` in the pipeline file, which also says
/// `key-by = ["sensor"]`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Jumps {
    degrees: f64,
    silence_seconds: i64,
}

/// The columns that it reads, by name, and the event time.
#[derive(Row)]
pub struct Reading {
    celsius: f64,
    #[row(event_time)]
    at: Timestamp,
}

/// What is kept per sensor, between batches and over restarts.
#[derive(Row)]
pub struct Last {
    celsius: f64,
    silent_at: Timestamp,
}

/// The main output: all columns of the input, and one more.
#[derive(Row)]
#[row(keep_all)]
pub struct Jump {
    degrees: f64,
}

/// The side output `silent`: only the sensor.
#[derive(Row)]
#[row(keep(sensor))]
pub struct Silence;

/// The outputs.
#[derive(Outputs)]
pub enum Output {
    Jump(Jump),
    Silent(Silence),
}

impl Keyed for Jumps {
    type Key<'a> = ();
    type Input<'a> = Reading;
    type State = Last;
    type Output<'a> = Output;

    fn process(
        &self,
        reading: Reading,
        of: &mut KeyContext<'_, (), Last>,
        out: &mut Emitter<Output>,
    ) -> Result<(), RowError> {
        let silent_at = Timestamp(reading.at.0 + self.silence_seconds * 1_000_000);
        if let Some(last) = of.state.replace(Last { celsius: reading.celsius, silent_at }) {
            of.timers.delete(last.silent_at);
            let degrees = reading.celsius - last.celsius;
            if last.silent_at < reading.at {
                // The timer is due, but timers fire after the batch: this row came first.
                out.emit(Output::Silent(Silence));
            } else if degrees.abs() >= self.degrees {
                out.emit(Output::Jump(Jump { degrees }));
            }
        }
        of.timers.register(silent_at);
        Ok(())
    }

    fn on_timer(&self, _: Timer, of: &mut KeyContext<'_, (), Last>, out: &mut Emitter<Output>) -> Result<(), RowError> {
        *of.state = None;
        out.emit(Output::Silent(Silence));
        Ok(())
    }
}

export!(Jumps);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::KeyedHarness;

    /// What comes in.
    #[derive(Row, Clone)]
    struct Given {
        sensor: u32,
        celsius: f64,
        #[row(event_time)]
        at: Timestamp,
    }

    /// The columns of the result that the test looks at.
    #[derive(Row, Debug, PartialEq)]
    struct Sensor {
        sensor: u32,
    }

    #[test]
    fn a_jump_and_then_silence() {
        let mut jumps = KeyedHarness::new(Jumps { degrees: 2.0, silence_seconds: 1 }, &["sensor"]).unwrap();
        let given = |sensor, celsius, seconds: i64| Given { sensor, celsius, at: Timestamp(seconds * 1_000_000) };
        let results =
            jumps.process(&[given(1, 20.0, 0), given(2, 30.0, 0), given(1, 25.0, 1), given(2, 31.0, 1)]).unwrap();
        assert_eq!(results.main::<Sensor>(), [Sensor { sensor: 1 }]);

        let results = jumps.advance_to(Timestamp(2_000_000)).unwrap();
        assert_eq!(results.output("silent").rows::<Sensor>(), [Sensor { sensor: 1 }, Sensor { sensor: 2 }]);
        assert_eq!(jumps.states(), 0);
    }
}
