//! Every query as one hand-written, single-threaded loop: what the same rows cost without an engine.
//!
//! A loop knows what an engine cannot: that ids are dense, that time never goes back, that nothing fails. It keeps no column,
//! no batch and no snapshot. So its speed is the floor, not a competitor; that it gives the same checksum is the proof that
//! both did the same work.

mod bids;
mod hot_items;
mod rows;
mod sessions;
mod winning_bids;

pub(crate) use bids::{Checksum, for_each_bid};

use crate::query::Query;

/// The rows and the checksum of a query over the first `events` events.
pub(crate) fn run(query: Query, events: u64) -> Checksum {
    match query {
        Query::Q0 => rows::q0(events),
        Query::Q1 => rows::q1(events),
        Query::Q2 => rows::q2(events),
        Query::Q5 => hot_items::q5(events),
        Query::Q7 => winning_bids::q7(events),
        Query::Q11 => sessions::q11(events),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_gives_the_reference() {
        let reference = [
            (Query::Q0, 184_000, 0xd713_2d7d_1c83_89cc),
            (Query::Q1, 184_000, 0x8d52_7826_060e_ca33),
            (Query::Q2, 1_527, 0xdae2_3487_42ef_2bb9),
            (Query::Q5, 14, 0x3add_76ed_cdc3_0a9f),
            (Query::Q7, 2, 0xede0_bc7e_2dbc_8045),
            (Query::Q11, 3_915, 0xa682_cfa0_69fc_2ba9),
        ];
        for (query, rows, sum) in reference {
            assert_eq!(run(query, 200_000), Checksum { rows, sum }, "{}", query.name());
        }
    }

    #[test]
    fn a_stream_without_a_bid_gives_no_row() {
        for query in Query::ALL {
            for (events, has_rows) in [(0, false), (4, false), (5, !matches!(query, Query::Q2))] {
                assert_eq!(run(query, events).rows > 0, has_rows, "{} of {events}", query.name());
            }
        }
    }
}
