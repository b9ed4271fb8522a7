//! Counts the stock of every item, and emits an item that has been short for too long.

use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, Timer, Timestamp, export};

/// `config = { least = 3, patience-minutes = 60 }` in the pipeline file.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stock {
    least: i64,
    patience_minutes: i64,
}

/// What it reads: a delivery, or, with a negative quantity, a sale.
#[derive(Row)]
pub struct Scan {
    quantity: i64,
    #[row(event_time)]
    at: Timestamp,
}

/// The state of one item, kept between batches and over restarts.
#[derive(Row, Default)]
pub struct Item {
    quantity: i64,
    /// Scans that the watermark has not passed yet.
    pending: Vec<Change>,
    /// When it will have been short for too long, if it is short now.
    due: Option<Timestamp>,
}

#[derive(Row)]
pub struct Change {
    at: Timestamp,
    quantity: i64,
}

/// What it emits: the key, and the time at which the item had been short for too long.
#[derive(Row)]
#[row(keep(ean))]
pub struct Short {
    due: Timestamp,
    left: i64,
}

impl Keyed for Stock {
    type Key<'a> = ();
    type Input<'a> = Scan;
    type State = Item;
    type Output<'a> = Short;

    fn process(&self, scan: Scan, of: &mut KeyContext<'_, (), Item>, _: &mut Emitter<Short>) -> Result<(), RowError> {
        let item = of.state.get_or_insert_default();
        item.pending.push(Change { at: scan.at, quantity: scan.quantity });
        of.timers.register(scan.at);
        Ok(())
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), Item>,
        out: &mut Emitter<Short>,
    ) -> Result<(), RowError> {
        let Some(item) = of.state.as_mut() else { return Ok(()) };
        // By now every scan up to this time has come. Those that are later may have come too.
        let (past, later): (Vec<_>, Vec<_>) = item.pending.drain(..).partition(|change| change.at <= timer.time);
        item.pending = later;
        item.quantity += past.iter().map(|change| change.quantity).sum::<i64>();
        if item.quantity >= self.least {
            item.due = None;
        } else if item.due == Some(timer.time) {
            out.emit(Short { due: timer.time, left: item.quantity });
        } else if item.due.is_none() {
            let due = Timestamp(timer.time.0 + self.patience_minutes * 60_000_000);
            item.due = Some(due);
            of.timers.register(due);
        }
        Ok(())
    }
}

export!(Stock);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::KeyedHarness;

    #[derive(Row, Clone)]
    struct Given {
        ean: String,
        quantity: i64,
        #[row(event_time)]
        at: Timestamp,
    }

    #[derive(Row, Debug, PartialEq)]
    struct Seen {
        ean: String,
        left: i64,
    }

    #[test]
    fn an_item_without_a_delivery_is_short() {
        let minutes = |minutes: i64| Timestamp(minutes * 60_000_000);
        let given = |ean: &str, quantity, at| Given { ean: ean.to_owned(), quantity, at: minutes(at) };
        let mut stock = KeyedHarness::new(Stock { least: 3, patience_minutes: 10 }, &["ean"]).unwrap();
        stock.process(&[given("a", 2, 0), given("b", 2, 0), given("b", 5, 1)]).unwrap();
        let results = stock.advance_to(minutes(10)).unwrap();
        assert_eq!(results.main::<Seen>(), [Seen { ean: "a".to_owned(), left: 2 }]);
    }
}
