//! A keyed counter with a state, timers, a map and a migration. What it means is written in tests/conformance/README.md, for all languages.

use weir_sdk::keyed::{
    Emitter, KeyContext, Keyed, Map, MapLayout, OldStates, OperatorInfo, Outputs, Prefetch, Row, RowError, TimeDomain,
    Timer, Timestamp, export,
};

/// How long a key is silent before it is summarized, and when its alarm goes off.
#[derive(serde::Deserialize)]
#[serde(try_from = "Config")]
pub struct Counter(Config);

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Config {
    gap_seconds: i64,
    alarm_seconds: Option<i64>,
    total_max: Option<i64>,
}

impl TryFrom<Config> for Counter {
    type Error = &'static str;

    fn try_from(config: Config) -> Result<Self, Self::Error> {
        match config {
            Config { gap_seconds: ..1, .. } => Err("`gap-seconds` is at least 1"),
            Config { alarm_seconds: Some(..1), .. } => Err("`alarm-seconds` is at least 1"),
            config => Ok(Self(config)),
        }
    }
}

/// What it reads.
#[derive(Row)]
pub struct Value<'a> {
    word: Option<&'a str>,
    value: i64,
    #[row(event_time)]
    at: Timestamp,
}

/// What is kept per key.
#[derive(Row, Default)]
pub struct State {
    count: u64,
    total: i64,
    due: Option<Timestamp>,
    alarm: Option<Timestamp>,
}

/// What version 1 kept.
#[derive(Row)]
struct Version1 {
    count: u32,
}

/// The key of an entry.
#[derive(Row, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    word: String,
}

/// The value of an entry.
#[derive(Row, Clone)]
struct Times {
    times: i64,
}

const WORDS: Map<Word, Times> = Map::new("words");
const WORDS_MAX: usize = 1000;

/// The main output.
#[derive(Row)]
#[row(keep_all)]
pub struct Counted {
    count: u64,
    total: i64,
    times: Option<i64>,
}

/// The side output `summary`.
#[derive(Row)]
#[row(keep(key))]
pub struct Summary {
    count: u64,
    words: i64,
    first: Option<String>,
}

/// The side output `alarm`.
#[derive(Row)]
#[row(keep(key))]
pub struct Alarm {
    count: u64,
}

/// The outputs.
#[derive(Outputs)]
pub enum Output {
    Counted(Counted),
    Summary(Summary),
    Alarm(Alarm),
}

type Context<'c> = KeyContext<'c, (), State>;

impl Keyed for Counter {
    type Key<'a> = ();
    type Input<'a> = Value<'a>;
    type State = State;
    type Output<'a> = Output;
    const VERSION: u32 = 2;

    fn maps() -> Vec<MapLayout> {
        vec![WORDS.layout()]
    }

    fn prefetch<'a>(&self, row: &Value<'a>, (): &(), entries: &mut Prefetch<'_>) {
        if let Some(word) = row.word {
            entries.entry(&WORDS, Word { word: word.to_owned() });
        }
    }

    fn process(&self, row: Value<'_>, of: &mut Context<'_>, out: &mut Emitter<Output>) -> Result<(), RowError> {
        if of.state.as_ref().and_then(|state| state.due).is_some_and(|due| due <= row.at) {
            summarize(of, out)?;
        }
        if of.state.is_none() {
            let alarm = self.0.alarm_seconds.map(|seconds| after(of.processing_time, seconds, "alarm")).transpose()?;
            *of.state = Some(State { alarm, ..State::default() });
            if let Some(alarm) = alarm {
                of.timers.register_processing_time(alarm);
            }
        }
        let state = of.state.get_or_insert_default();
        state.count = state.count.checked_add(1).ok_or_else(|| RowError::new("count is out of range"))?;
        state.total = state.total.checked_add(row.value).ok_or_else(|| RowError::new("total is out of range"))?;
        let mut times = None;
        if let Some(word) = row.word {
            let word = Word { word: word.to_owned() };
            let raised = of.maps.get(&WORDS, &word)?.map_or(0, |entry| entry.times) + 1;
            of.maps.insert(&WORDS, word, Times { times: raised })?;
            times = Some(raised);
        }
        if row.value < 0 {
            return Err(RowError::new(format!("value is {}", row.value)));
        }
        let due = after(row.at, self.0.gap_seconds, "due")?;
        if let Some(before) = state.due.replace(due) {
            of.timers.delete(before);
        }
        of.timers.register(due);
        out.emit(Output::Counted(Counted { count: state.count, total: state.total, times }));
        Ok(())
    }

    fn on_timer(&self, timer: Timer, of: &mut Context<'_>, out: &mut Emitter<Output>) -> Result<(), RowError> {
        let Some(state) = of.state.as_ref() else { return Ok(()) };
        let total = state.total;
        match timer.domain {
            TimeDomain::EventTime if state.due == Some(timer.time) => summarize(of, out)?,
            TimeDomain::ProcessingTime if state.alarm == Some(timer.time) => {
                out.emit(Output::Alarm(Alarm { count: state.count }));
                of.state.as_mut().into_iter().for_each(|state| state.alarm = None);
            }
            _ => {}
        }
        match self.0.total_max {
            Some(max) if total > max => Err(RowError::new(format!("total is {total}"))),
            _ => Ok(()),
        }
    }

    fn migrate(&self, from_version: u32, states: &OldStates<'_>) -> Result<Vec<Option<State>>, String> {
        if from_version != 1 {
            return states.read_whole();
        }
        let state = |old: Version1| State { count: old.count.into(), ..State::default() };
        Ok(states.read::<Version1>()?.into_iter().map(|old| old.map(state)).collect())
    }

    fn about() -> OperatorInfo {
        OperatorInfo { title: Some("A counter per key".to_owned()), config_schema: None }
    }
}

/// So many seconds later.
fn after(Timestamp(time): Timestamp, seconds: i64, name: &str) -> Result<Timestamp, RowError> {
    let time = seconds.checked_mul(1_000_000).and_then(|micros| time.checked_add(micros));
    time.map(Timestamp).ok_or_else(|| RowError::new(format!("{name} is out of range")))
}

/// Emits what is known of a key, and forgets it.
fn summarize(of: &mut Context<'_>, out: &mut Emitter<Output>) -> Result<(), RowError> {
    let Some(state) = of.state.take() else { return Ok(()) };
    state.due.into_iter().for_each(|due| of.timers.delete(due));
    state.alarm.into_iter().for_each(|alarm| of.timers.delete_processing_time(alarm));
    let words: Vec<Word> = of.maps.scan(&WORDS, .., WORDS_MAX)?.into_iter().map(|(word, _)| word).collect();
    for word in &words {
        of.maps.remove(&WORDS, word)?;
    }
    let first = words.first().map(|word| word.word.clone());
    out.emit(Output::Summary(Summary { count: state.count, words: words.len() as i64, first }));
    Ok(())
}

export!(Counter);
