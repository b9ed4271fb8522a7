//! Says how late a flight is: one more column, `delay_class`. A flight whose delay is not known has no class; it drops nothing.

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// Config: `late-after-minutes` (15, the usual definition of a late flight) and `very-late-after-minutes` (60).
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Classify {
    late_after_minutes: i64,
    very_late_after_minutes: i64,
}

impl Default for Classify {
    fn default() -> Self {
        Self { late_after_minutes: 15, very_late_after_minutes: 60 }
    }
}

/// What it reads.
#[derive(Row)]
pub struct Flight {
    dep_delay: Option<i64>,
}

/// What it emits: the flight as it is, and its class.
#[derive(Row)]
#[row(keep_all)]
pub struct Classified {
    delay_class: Option<&'static str>,
}

impl Transform for Classify {
    type Input<'a> = Flight;
    type Output<'a> = Classified;

    fn process(&self, flight: Flight, out: &mut Emitter<Classified>) -> Result<(), RowError> {
        out.emit(Classified { delay_class: flight.dep_delay.map(|minutes| self.class(minutes)) });
        Ok(())
    }
}

impl Classify {
    fn class(&self, minutes: i64) -> &'static str {
        if minutes > self.very_late_after_minutes {
            "very-late"
        } else if minutes > self.late_after_minutes {
            "late"
        } else if minutes < 0 {
            "early"
        } else {
            "on-time"
        }
    }
}

export!(Classify);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    /// A flight as it is passed on: the column that was read, and the one that was added.
    #[derive(Row, Debug, PartialEq)]
    struct Seen<'a> {
        dep_delay: Option<i64>,
        delay_class: Option<&'a str>,
    }

    #[test]
    fn limits_belong_to_the_better_class() {
        let delays = [None, Some(-1), Some(0), Some(10), Some(11), Some(60), Some(61)];
        let classes =
            [None, Some("early"), Some("on-time"), Some("on-time"), Some("late"), Some("late"), Some("very-late")];
        let classify = testing::configured::<Classify>(r#"{"late-after-minutes": 10}"#).unwrap();
        let results = testing::transform(classify, &delays.map(|dep_delay| Flight { dep_delay })).unwrap();
        let expected: Vec<_> =
            delays.into_iter().zip(classes).map(|(dep_delay, delay_class)| Seen { dep_delay, delay_class }).collect();
        assert_eq!(results.main::<Seen>(), expected);
    }

    #[test]
    fn a_key_that_is_not_known_is_named() {
        let refused = testing::configured::<Classify>(r#"{"late-after": 10}"#).err().unwrap();
        assert!(refused.to_string().contains("unknown field `late-after`"), "{refused}");
    }
}
