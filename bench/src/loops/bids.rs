//! The bids of the generator, one after the other: written from its description, not from the connector's code, so that a
//! checksum that two programs agree on means something.
//!
//! Never makes a column and never remembers a bid.

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
const EVENTS_PER_EPOCH: u64 = 50;
/// The first four events of an epoch are a person and three auctions.
const FIRST_BID: u64 = 4;
const FIRST_TS_MS: u64 = 1_700_000_000_000;
/// The least id of an auction and of a person.
pub(crate) const FIRST_ID: u64 = 1000;
/// Bytes of an `extra`.
const EXTRA_BYTES: usize = 68;

/// One bid. What a loop does not use of it is never worked out: everything is inlined and free of effects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bid {
    pub(crate) auction: u64,
    pub(crate) bidder: u64,
    pub(crate) price: u64,
    /// Milliseconds since the epoch.
    pub(crate) ts: u64,
    /// Which of [`extras`] it carries.
    pub(crate) extra: usize,
}

/// Calls `each` for every bid among the first `events` events, in order.
#[inline]
pub(crate) fn for_each_bid(events: u64, mut each: impl FnMut(Bid)) {
    for epoch in 0..events.div_ceil(EVENTS_PER_EPOCH) {
        let last_auction = epoch * 3 + 2;
        let first_auction = last_auction.saturating_sub(100);
        let hot_auction = last_auction / 100 * 100;
        let persons = epoch + 1;
        let active = persons.min(1000);
        let hot_bidder = epoch / 100 * 100 + 1;
        let start = epoch * EVENTS_PER_EPOCH;
        for n in start + FIRST_BID..(start + EVENTS_PER_EPOCH).min(events) {
            let (h0, h1) = (rnd(n, 0), rnd(n, 1));
            let any_auction = first_auction + scale(h0 >> 32, last_auction - first_auction + 11);
            let any_bidder = persons - active + scale(h1 >> 32, active + 10);
            each(Bid {
                auction: FIRST_ID + if h0 & 1 == 1 { hot_auction } else { any_auction },
                bidder: FIRST_ID + if (h0 >> 1) & 3 != 0 { hot_bidder } else { any_bidder },
                price: price(h1 & 0xFFFF_FFFF),
                ts: FIRST_TS_MS + n / 10,
                extra: (h0 >> 3) as usize & 63,
            });
        }
    }
}

/// The 64 strings that `extra` is one of.
pub(crate) fn extras() -> Vec<[u8; EXTRA_BYTES]> {
    let letter = |i: u64| b'a' + scale(mix((i + 1) * 1_000_003) >> 32, 26) as u8;
    (0..64).map(|k| std::array::from_fn(|j| letter((k * EXTRA_BYTES + j) as u64))).collect()
}

/// `mix` of the generator's description; the row checksum uses it too.
#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The order-insensitive checksum of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksum {
    pub(crate) rows: u64,
    pub(crate) sum: u64,
}

impl Checksum {
    /// Adds one row.
    #[inline]
    pub(crate) fn add<const FIELDS: usize>(&mut self, row: [u64; FIELDS]) {
        self.rows += 1;
        let hash = row.into_iter().fold(0_u64, |hash, field| mix(hash.wrapping_add(GAMMA) ^ field));
        self.sum = self.sum.wrapping_add(hash);
    }
}

/// The field that a text counts as: touched, not hashed.
#[inline]
pub(crate) fn touch(text: &[u8]) -> u64 {
    text.len() as u64 * 256 + text.last().copied().map_or(0, u64::from)
}

#[inline]
fn rnd(n: u64, k: u64) -> u64 {
    mix((n * 4 + k + 1).wrapping_mul(GAMMA))
}

/// A 32-bit random number to `0..m`.
#[inline]
fn scale(random: u64, m: u64) -> u64 {
    (random * m) >> 32
}

/// A 32-bit random number to a price.
#[inline]
fn price(random: u64) -> u64 {
    let t = random * 20;
    let (octave, fraction) = (t >> 32, (t & 0xFFFF_FFFF) >> 12);
    ((((1 << 20) + fraction) << octave) * 100) >> 20
}
