//! Events into columns. Only the columns that are asked for are worked out; no row is ever made by itself.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Array, StringArray, StringBuilder, TimestampMillisecondArray};

use super::cursor::Run;
use super::generator::{
    Auction, BidEpoch, EVENTS_PER_EPOCH, EXTRA_BYTES, Person, auction, bid_price, channel_index, channels, extra_index,
    extras, person, rnd_run, ts_ms,
};

/// The columns of one table, being filled.
pub(super) trait TableColumns: Send {
    /// Makes room for this many rows.
    fn reserve(&mut self, rows: usize);
    /// Adds the rows of a run.
    fn append(&mut self, run: &Run);
    /// The columns of the projection, in its order; they are empty again afterwards.
    fn finish(&mut self) -> Vec<ArrayRef>;
}

/// The zone of all times.
pub(super) fn utc() -> Arc<str> {
    "UTC".into()
}

/// Bids in one epoch at most: more than there are, so that any run fits.
const RUN_MAX: usize = EVENTS_PER_EPOCH as usize;

/// The texts that bids have, made once for all readers.
static EXTRAS: LazyLock<StringArray> = LazyLock::new(|| extras().map(Some).into_iter().collect());
static CHANNELS: LazyLock<Channels> = LazyLock::new(|| {
    let (names, addresses): (Vec<String>, Vec<String>) = channels().into_iter().unzip();
    Channels { names: names.into(), addresses: addresses.into() }
});

struct Channels {
    names: StringArray,
    addresses: StringArray,
}

/// The columns of bids. The random numbers of a run are worked out first, then one column after the other from them.
pub(super) struct BidColumns {
    projection: Vec<usize>,
    wanted: [bool; 7],
    random: Box<[[u64; RUN_MAX]; 3]>,
    auction: Vec<i64>,
    bidder: Vec<i64>,
    price: Vec<i64>,
    ts: Vec<i64>,
    extra: StringBuilder,
    channel: StringBuilder,
    url: StringBuilder,
}

impl BidColumns {
    /// For these columns of the table, by index.
    pub(super) fn new(projection: &[usize]) -> Self {
        let wanted: [bool; 7] = std::array::from_fn(|column| projection.contains(&column));
        Self {
            projection: projection.to_vec(),
            wanted,
            random: Box::new([[0; RUN_MAX]; 3]),
            auction: Vec::new(),
            bidder: Vec::new(),
            price: Vec::new(),
            ts: Vec::new(),
            extra: StringBuilder::with_capacity(0, 0),
            channel: StringBuilder::new(),
            url: StringBuilder::new(),
        }
    }
}

impl TableColumns for BidColumns {
    fn reserve(&mut self, rows: usize) {
        let numbers = [&mut self.auction, &mut self.bidder, &mut self.price, &mut self.ts];
        for (values, _) in numbers.into_iter().zip(self.wanted).filter(|(_, wanted)| *wanted) {
            values.reserve_exact(rows);
        }
        if self.wanted[4] {
            self.extra = StringBuilder::with_capacity(rows, rows * EXTRA_BYTES);
        }
    }

    fn append(&mut self, run: &Run) {
        let [auction, bidder, price, ts, extra, channel, url] = self.wanted;
        let bids = BidEpoch::at(run.epoch);
        let [h0, h1, h2] = &mut *self.random;
        let (h0, h1, h2) = (&mut h0[..run.len], &mut h1[..run.len], &mut h2[..run.len]);
        if auction || bidder || extra {
            rnd_run(run.first_event, 0, h0);
        }
        if bidder || price {
            rnd_run(run.first_event, 1, h1);
        }
        if auction {
            self.auction.extend(h0.iter().map(|&h0| bids.auction(h0)));
        }
        if bidder {
            self.bidder.extend(h0.iter().zip(&*h1).map(|(&h0, &h1)| bids.bidder(h0, h1)));
        }
        if price {
            self.price.extend(h1.iter().map(|&h1| bid_price(h1)));
        }
        if ts {
            append_times(&mut self.ts, run);
        }
        if extra {
            let extras = &*EXTRAS;
            h0.iter().for_each(|&h0| self.extra.append_value(extras.value(extra_index(h0))));
        }
        if channel || url {
            rnd_run(run.first_event, 2, h2);
            let (of_rows, channels) = (h2.iter().map(|&h2| channel_index(h2)), &*CHANNELS);
            if channel {
                of_rows.clone().for_each(|of| self.channel.append_value(channels.names.value(of)));
            }
            if url {
                of_rows.for_each(|of| self.url.append_value(channels.addresses.value(of)));
            }
        }
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let columns: [ArrayRef; 7] = [
            int64(&mut self.auction),
            int64(&mut self.bidder),
            int64(&mut self.price),
            times(&mut self.ts),
            Arc::new(self.extra.finish()),
            Arc::new(self.channel.finish()),
            Arc::new(self.url.finish()),
        ];
        self.projection.iter().map(|&column| Arc::clone(&columns[column])).collect()
    }
}

/// Ten events share a millisecond: the times are filled in, not worked out one by one.
fn append_times(ts: &mut Vec<i64>, run: &Run) {
    let (mut event, end) = (run.first_event, run.first_event + run.len as u64);
    while event < end {
        let tick_end = ((event / 10 + 1) * 10).min(end);
        ts.extend(std::iter::repeat_n(ts_ms(event), (tick_end - event) as usize));
        event = tick_end;
    }
}

fn int64(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(std::mem::take(values)))
}

fn times(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from(std::mem::take(values)).with_timezone(utc()))
}

/// The columns of persons: one event in fifty, so all of them are made.
pub(super) struct PersonColumns {
    projection: Vec<usize>,
    id: Vec<i64>,
    name: StringBuilder,
    city: StringBuilder,
    state: StringBuilder,
    ts: Vec<i64>,
}

impl PersonColumns {
    /// For these columns of the table, by index.
    pub(super) fn new(projection: &[usize]) -> Self {
        Self {
            projection: projection.to_vec(),
            id: Vec::new(),
            name: StringBuilder::new(),
            city: StringBuilder::new(),
            state: StringBuilder::new(),
            ts: Vec::new(),
        }
    }
}

impl TableColumns for PersonColumns {
    fn reserve(&mut self, rows: usize) {
        self.id.reserve_exact(rows);
        self.ts.reserve_exact(rows);
    }

    fn append(&mut self, run: &Run) {
        for event in run.first_event..run.first_event + run.len as u64 {
            let Person { id, first_name, last_name, city, state, ts } = person(event);
            self.id.push(id);
            append_joined(&mut self.name, [first_name, " ", last_name]);
            self.city.append_value(city);
            self.state.append_value(state);
            self.ts.push(ts);
        }
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let columns: [ArrayRef; 5] = [
            int64(&mut self.id),
            Arc::new(self.name.finish()),
            Arc::new(self.city.finish()),
            Arc::new(self.state.finish()),
            times(&mut self.ts),
        ];
        self.projection.iter().map(|&column| Arc::clone(&columns[column])).collect()
    }
}

/// One value of several parts, without a string of its own.
fn append_joined(column: &mut StringBuilder, parts: [&str; 3]) {
    use std::fmt::Write;
    for part in parts {
        // Writing into a builder cannot fail.
        let _ = column.write_str(part);
    }
    column.append_value("");
}

/// The columns of auctions: three events in fifty, so all of them are made.
pub(super) struct AuctionColumns {
    projection: Vec<usize>,
    id: Vec<i64>,
    seller: Vec<i64>,
    category: Vec<i64>,
    initial_bid: Vec<i64>,
    reserve: Vec<i64>,
    ts: Vec<i64>,
    expires: Vec<i64>,
}

impl AuctionColumns {
    /// For these columns of the table, by index.
    pub(super) fn new(projection: &[usize]) -> Self {
        Self {
            projection: projection.to_vec(),
            id: Vec::new(),
            seller: Vec::new(),
            category: Vec::new(),
            initial_bid: Vec::new(),
            reserve: Vec::new(),
            ts: Vec::new(),
            expires: Vec::new(),
        }
    }

    fn all(&mut self) -> [&mut Vec<i64>; 7] {
        [
            &mut self.id,
            &mut self.seller,
            &mut self.category,
            &mut self.initial_bid,
            &mut self.reserve,
            &mut self.ts,
            &mut self.expires,
        ]
    }
}

impl TableColumns for AuctionColumns {
    fn reserve(&mut self, rows: usize) {
        for values in self.all() {
            values.reserve_exact(rows);
        }
    }

    fn append(&mut self, run: &Run) {
        for event in run.first_event..run.first_event + run.len as u64 {
            let Auction { id, seller, category, initial_bid, reserve, ts, expires } = auction(event);
            let row = [id, seller, category, initial_bid, reserve, ts, expires];
            for (values, value) in self.all().into_iter().zip(row) {
                values.push(value);
            }
        }
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let [id, seller, category, initial_bid, reserve, ts, expires] = self.all();
        let columns =
            [int64(id), int64(seller), int64(category), int64(initial_bid), int64(reserve), times(ts), times(expires)];
        self.projection.iter().map(|&column| Arc::clone(&columns[column])).collect()
    }
}
