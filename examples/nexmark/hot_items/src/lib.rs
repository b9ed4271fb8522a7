//! Nexmark q5: of the bids a auction that a window counted, the most, with every tie. Keyed by `window_start` and `window_end`.
//!
//! All counts of a window come with one event time, the window's last instant; when the watermark reaches it there are no more.

use weir_sdk::Timestamp;
use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError, Timer, export};

/// No config.
#[derive(serde::Deserialize)]
pub struct HotItems;

/// What it reads.
#[derive(Row, Clone)]
pub struct Count {
    auction: i64,
    num: i64,
    #[row(event_time)]
    time: Timestamp,
}

/// The most bids so far, and the auctions that have them.
#[derive(Row, Default)]
pub struct Hottest {
    num: i64,
    auctions: Vec<i64>,
}

/// One of them.
#[derive(Row)]
#[row(keep(window_start, window_end))]
pub struct Hot {
    auction: i64,
    num: i64,
}

impl Keyed for HotItems {
    type Key<'a> = ();
    type Input<'a> = Count;
    type State = Hottest;
    type Output<'a> = Hot;

    fn process(
        &self,
        count: Count,
        of: &mut KeyContext<'_, (), Hottest>,
        _: &mut Emitter<Hot>,
    ) -> Result<(), RowError> {
        if of.state.is_none() {
            of.timers.register(count.time);
        }
        // Most counts are below the greatest; looking at them must not mark the state as changed.
        if of.state.as_ref().is_some_and(|hottest| count.num < hottest.num) {
            return Ok(());
        }
        let hottest = of.state.get_or_insert_default();
        if count.num > hottest.num {
            hottest.num = count.num;
            hottest.auctions.clear();
        }
        hottest.auctions.push(count.auction);
        Ok(())
    }

    fn on_timer(&self, _: Timer, of: &mut KeyContext<'_, (), Hottest>, out: &mut Emitter<Hot>) -> Result<(), RowError> {
        let Hottest { num, auctions } = of.state.take().unwrap_or_default();
        out.emit_all(auctions.into_iter().map(|auction| Hot { auction, num }));
        Ok(())
    }
}

export!(HotItems);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing::KeyedHarness;

    #[derive(Row, Clone)]
    struct Counted {
        window_start: Timestamp,
        window_end: Timestamp,
        auction: i64,
        num: i64,
        #[row(event_time)]
        time: Timestamp,
    }

    #[derive(Row, Debug, PartialEq)]
    struct Result {
        window_end: Timestamp,
        auction: i64,
        num: i64,
    }

    fn counted(window_end: i64, auction: i64, num: i64) -> Counted {
        let (start, end) = (Timestamp(window_end - 10), Timestamp(window_end));
        Counted { window_start: start, window_end: end, auction, num, time: Timestamp(window_end - 1) }
    }

    #[test]
    fn every_tie_of_each_window_comes_when_it_is_complete() {
        let mut hot = KeyedHarness::new(HotItems, &["window_start", "window_end"]).unwrap();
        let first = hot.process(&[counted(10, 1, 3), counted(12, 1, 9), counted(10, 2, 5), counted(10, 3, 5)]).unwrap();
        assert!(first.main::<Result>().is_empty());
        hot.process(&[counted(10, 4, 4)]).unwrap();
        assert!(hot.advance_to(Timestamp(8)).unwrap().main::<Result>().is_empty());

        let result = |window_end, auction, num| Result { window_end: Timestamp(window_end), auction, num };
        assert_eq!(hot.advance_to(Timestamp(9)).unwrap().main::<Result>(), [result(10, 2, 5), result(10, 3, 5)]);
        assert_eq!(hot.advance_to(Timestamp(99)).unwrap().main::<Result>(), [result(12, 1, 9)]);
        assert_eq!((hot.states(), hot.timers().len()), (0, 0));
    }
}
