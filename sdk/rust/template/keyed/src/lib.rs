//! Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Outputs, Row, RowError, Timer, Timestamp, export};

/// The operator is its configuration: `config = { minutes = 30, silence-minutes = 120 }` in the pipeline file, which also says
/// `key-by = ["carrier"]`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Jumps {
    minutes: i64,
    silence_minutes: i64,
}

/// The columns that it reads, by name, and the event time.
#[derive(Row)]
pub struct Flight {
    dep_delay: i64,
    #[row(event_time)]
    departed: Timestamp,
}

/// What is kept per carrier, between batches and over restarts.
#[derive(Row)]
pub struct Last {
    dep_delay: i64,
    silent_at: Timestamp,
}

/// The main output: all columns of the input, and one more.
#[derive(Row)]
#[row(keep_all)]
pub struct Jump {
    jump: i64,
}

/// The side output `silent`: only the carrier.
#[derive(Row)]
#[row(keep(carrier))]
pub struct Silence;

/// The outputs.
#[derive(Outputs)]
pub enum Output {
    Jump(Jump),
    Silent(Silence),
}

impl Keyed for Jumps {
    /// A struct with the key's columns, where the operator reads them.
    type Key<'a> = ();
    type Input<'a> = Flight;
    type State = Last;
    type Output<'a> = Output;

    fn process(
        &self,
        flight: Flight,
        of: &mut KeyContext<'_, (), Last>,
        out: &mut Emitter<Output>,
    ) -> Result<(), RowError> {
        let silent_at = Timestamp(flight.departed.0 + self.silence_minutes * 60_000_000);
        if let Some(last) = of.state.replace(Last { dep_delay: flight.dep_delay, silent_at }) {
            of.timers.delete(last.silent_at);
            let jump = flight.dep_delay - last.dep_delay;
            if last.silent_at < flight.departed {
                // The timer is due, but timers fire after the batch: this row came first.
                out.emit(Output::Silent(Silence));
            } else if jump.abs() >= self.minutes {
                out.emit(Output::Jump(Jump { jump }));
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
        carrier: String,
        dep_delay: i64,
        #[row(event_time)]
        departed: Timestamp,
    }

    /// The columns of the result that the test looks at.
    #[derive(Row, Debug, PartialEq)]
    struct Carrier {
        carrier: String,
    }

    #[test]
    fn a_jump_and_then_silence() {
        let minute = |minute: i64| Timestamp(minute * 60_000_000);
        let given =
            |carrier: &str, dep_delay, at| Given { carrier: carrier.to_owned(), dep_delay, departed: minute(at) };
        let carrier = |name: &str| Carrier { carrier: name.to_owned() };

        let mut jumps = KeyedHarness::new(Jumps { minutes: 30, silence_minutes: 60 }, &["carrier"]).unwrap();
        let flights = [given("UA", 0, 0), given("AA", 5, 0), given("UA", 40, 10), given("AA", 6, 10)];
        let results = jumps.process(&flights).unwrap();
        assert_eq!(results.main::<Carrier>(), [carrier("UA")]);

        let results = jumps.advance_to(minute(70)).unwrap();
        assert_eq!(results.output("silent").rows::<Carrier>(), [carrier("UA"), carrier("AA")]);
        assert_eq!(jumps.states(), 0);
    }
}
