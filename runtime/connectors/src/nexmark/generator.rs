//! The arithmetic of the Nexmark-like generator: event `n` is a pure function of `n`, bit for bit the same everywhere.
//!
//! Ids, proportions and hot keys follow the public Nexmark generator; randomness, prices and strings are our own. Nothing here
//! knows of columns' types, splits or pacing.

/// Events in one epoch: a person, three auctions, 46 bids.
pub(super) const EVENTS_PER_EPOCH: u64 = 50;
/// Bytes of a bid's `extra`.
pub(super) const EXTRA_BYTES: usize = 68;

const FIRST_ID: u64 = 1000;
const FIRST_TS_MS: u64 = 1_700_000_000_000;
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;
/// Hash inputs of an event: `n * 4 + k`.
const HASHES_PER_EVENT: u64 = 4;
const AUCTIONS_IN_FLIGHT: u64 = 100;
const PERSONS_ACTIVE: u64 = 1000;
/// How many ids that do not exist yet an event may name.
const ID_LEAD: u64 = 10;
/// One id in this many is hot: the newest multiple of it.
const HOT_EVERY: u64 = 100;

const FIRST_NAMES: [&str; 11] =
    ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST_NAMES: [&str; 9] = ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];
const CITIES: [&str; 10] =
    ["Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"];
const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];

#[inline]
fn mix(mut z: u64) -> u64 {
    z ^= z >> 30;
    z = z.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^= z >> 27;
    z = z.wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[inline]
fn hash_input(event: u64, k: u64) -> u64 {
    event.wrapping_mul(HASHES_PER_EVENT).wrapping_add(k + 1).wrapping_mul(GAMMA)
}

/// The `k`-th random number of an event.
#[inline]
fn rnd(event: u64, k: u64) -> u64 {
    mix(hash_input(event, k))
}

/// The `k`-th random numbers of consecutive events, the first of them `event`: `out[i] = rnd(event + i, k)`.
#[inline]
pub(super) fn rnd_run(event: u64, k: u64, out: &mut [u64]) {
    let mut input = hash_input(event, k);
    for slot in out {
        *slot = mix(input);
        input = input.wrapping_add(GAMMA.wrapping_mul(HASHES_PER_EVENT));
    }
}

#[inline]
fn hi(x: u64) -> u64 {
    x >> 32
}

#[inline]
fn lo(x: u64) -> u64 {
    x & 0xFFFF_FFFF
}

/// A 32-bit random number to `0..m`, evenly.
#[inline]
fn scale(u32_part: u64, m: u64) -> u64 {
    (u32_part * m) >> 32
}

/// One of `values`, evenly: `scale` never reaches the length.
fn pick<'a>(values: &[&'a str], u32_part: u64) -> &'a str {
    values[scale(u32_part, values.len() as u64) as usize]
}

/// A 32-bit random number to a price, about log-uniform in 100 .. 104,857,549.
#[inline]
fn price(u32_part: u64) -> u64 {
    let scaled = u32_part * 20;
    let octave = hi(scaled);
    let fraction = lo(scaled) >> 12;
    ((((1 << 20) + fraction) << octave) * 100) >> 20
}

/// `yes` where `condition` is 1, `no` where it is 0, without a branch: hot keys are drawn at random, a branch would be
/// mispredicted every other time.
#[inline]
fn select(condition: u64, yes: u64, no: u64) -> u64 {
    no ^ ((yes ^ no) & condition.wrapping_neg())
}

/// Event time of an event, milliseconds since the epoch.
#[inline]
pub(super) fn ts_ms(event: u64) -> i64 {
    (FIRST_TS_MS + event / 10) as i64
}

/// The persons that an event of an epoch may name, but for hot ones.
#[derive(Clone, Copy)]
struct ActivePersons {
    first: u64,
    span: u64,
}

impl ActivePersons {
    fn at(epoch: u64) -> Self {
        let persons = epoch + 1;
        let active = persons.min(PERSONS_ACTIVE);
        Self { first: FIRST_ID + persons - active, span: active + ID_LEAD }
    }

    #[inline]
    fn any(self, u32_part: u64) -> u64 {
        self.first + scale(u32_part, self.span)
    }
}

/// What all bids of an epoch share: worked out once, so that the loops over bids neither divide nor branch.
pub(super) struct BidEpoch {
    hot_auction: u64,
    first_auction: u64,
    auction_span: u64,
    hot_bidder: u64,
    persons: ActivePersons,
}

impl BidEpoch {
    pub(super) fn at(epoch: u64) -> Self {
        let last = epoch * 3 + 2;
        let min = last.saturating_sub(AUCTIONS_IN_FLIGHT);
        Self {
            hot_auction: FIRST_ID + (last / HOT_EVERY) * HOT_EVERY,
            first_auction: FIRST_ID + min,
            auction_span: last - min + 1 + ID_LEAD,
            hot_bidder: FIRST_ID + (epoch / HOT_EVERY) * HOT_EVERY + 1,
            persons: ActivePersons::at(epoch),
        }
    }

    /// The auction of a bid, from its random number 0.
    #[inline]
    pub(super) fn auction(&self, h0: u64) -> i64 {
        let any = self.first_auction + scale(hi(h0), self.auction_span);
        select(h0 & 1, self.hot_auction, any) as i64
    }

    /// The bidder of a bid, from its random numbers 0 and 1.
    #[inline]
    pub(super) fn bidder(&self, h0: u64, h1: u64) -> i64 {
        let hot = u64::from((h0 >> 1) & 3 != 0);
        select(hot, self.hot_bidder, self.persons.any(hi(h1))) as i64
    }
}

/// The price of a bid, from its random number 1.
#[inline]
pub(super) fn bid_price(h1: u64) -> i64 {
    price(lo(h1)) as i64
}

/// Which of the 64 `extra` strings a bid has, from its random number 0.
#[inline]
pub(super) fn extra_index(h0: u64) -> usize {
    ((h0 >> 3) & 63) as usize
}

/// The 64 strings that `extra` is one of; all are ASCII.
pub(super) fn extras() -> [String; 64] {
    let letter = |place: usize| char::from(b'a' + scale(hi(mix((place + 1) as u64 * 1_000_003)), 26) as u8);
    std::array::from_fn(|k| (k * EXTRA_BYTES..(k + 1) * EXTRA_BYTES).map(letter).collect())
}

/// Channels that a bid comes through: four that half of all bids do, then the others.
const CHANNELS: u64 = 10_000;
const HOT_CHANNELS: [&str; 4] = ["apple", "google", "facebook", "baidu"];

/// Which of [`channels`] a bid has, from its random number 2.
#[inline]
pub(super) fn channel_index(h2: u64) -> usize {
    let hot = HOT_CHANNELS.len() as u64;
    select(h2 & 1, (h2 >> 1) & (hot - 1), hot + scale(hi(h2), CHANNELS)) as usize
}

/// The names of all channels, each with the address that bids through it have. Nine in ten of those that are not hot have their number in it.
pub(super) fn channels() -> Vec<(String, String)> {
    let hot = HOT_CHANNELS.len() as u64;
    let of = |channel: u64| {
        let letter = |place: u64| char::from(b'a' + scale(hi(mix(channel * 1_000_033 + place + 1)), 26) as u8);
        let folder = |n: u64| (n * 5..n * 5 + 5).map(letter).collect::<String>();
        let url = format!("https://www.nexmark.com/{}/{}/{}/item.htm?query=1", folder(0), folder(1), folder(2));
        match channel.checked_sub(hot) {
            None => (HOT_CHANNELS[channel as usize].to_owned(), url),
            Some(number) if number % 10 == 0 => (format!("channel-{number}"), url),
            Some(number) => (format!("channel-{number}"), format!("{url}&channel_id={number}")),
        }
    };
    (0..hot + CHANNELS).map(of).collect()
}

/// An event of the kind person.
pub(super) struct Person {
    pub(super) id: i64,
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    pub(super) ts: i64,
}

/// The person that event `event` is, the first of its epoch.
pub(super) fn person(event: u64) -> Person {
    let (h0, h1) = (rnd(event, 0), rnd(event, 1));
    Person {
        id: (FIRST_ID + event / EVENTS_PER_EPOCH) as i64,
        first_name: pick(&FIRST_NAMES, hi(h0)),
        last_name: pick(&LAST_NAMES, lo(h0)),
        city: pick(&CITIES, hi(h1)),
        state: pick(&STATES, lo(h1)),
        ts: ts_ms(event),
    }
}

/// An event of the kind auction.
pub(super) struct Auction {
    pub(super) id: i64,
    pub(super) seller: i64,
    pub(super) category: i64,
    pub(super) initial_bid: i64,
    pub(super) reserve: i64,
    pub(super) ts: i64,
    pub(super) expires: i64,
}

/// The auction that event `event` is, the second to fourth of its epoch.
pub(super) fn auction(event: u64) -> Auction {
    let (epoch, off) = (event / EVENTS_PER_EPOCH, event % EVENTS_PER_EPOCH);
    let (h0, h1, h2) = (rnd(event, 0), rnd(event, 1), rnd(event, 2));
    let hot_seller = FIRST_ID + (epoch / HOT_EVERY) * HOT_EVERY;
    let any_seller = ActivePersons::at(epoch).any(hi(h0));
    let initial_bid = price(hi(h1));
    // The time in which 100 more auctions come.
    let horizon_ms = (event + 1666) / 10 - event / 10;
    Auction {
        id: (FIRST_ID + epoch * 3 + (off - 1)) as i64,
        seller: if h0 & 3 == 0 { any_seller } else { hot_seller } as i64,
        category: (10 + scale(lo(h1), 5)) as i64,
        initial_bid: initial_bid as i64,
        reserve: (initial_bid + price(hi(h2))) as i64,
        ts: ts_ms(event),
        expires: ts_ms(event) + 1 + scale(lo(h2), 2 * horizon_ms) as i64,
    }
}
