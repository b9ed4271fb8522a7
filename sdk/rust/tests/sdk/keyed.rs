//! Keyed operators: state by key, timers, failures, and states of another version.

use weir_sdk::keyed::{
    Connected, Emitter, KeyContext, Keyed, Map, MapLayout, OldStates, Process, Row, RowError, Timer, Timestamp,
};
use weir_sdk::testing::{KeyedHarness, Refused, Table};
use weir_sdk::wire::{Input, States};

#[derive(Row, Clone)]
struct Click {
    user: &'static str,
    page: i64,
    #[row(event_time)]
    at: Timestamp,
}

fn click(user: &'static str, page: i64, at: i64) -> Click {
    Click { user, page, at: Timestamp(at) }
}

/// Emits the pages of a visit ten microseconds after its last click.
#[derive(serde::Deserialize)]
struct Visits;

#[derive(Row)]
struct Seen {
    page: i64,
    #[row(event_time)]
    at: Timestamp,
}

#[derive(Row)]
struct User<'a> {
    user: &'a str,
}

#[derive(Row, Default)]
struct Visit {
    pages: Vec<i64>,
    ends: Option<Timestamp>,
}

#[derive(Row, Debug, PartialEq)]
#[row(keep(user))]
struct Ended {
    pages: Vec<i64>,
    name_length: u32,
}

impl Keyed for Visits {
    type Key<'a> = User<'a>;
    type Input<'a> = Seen;
    type State = Visit;
    type Output<'a> = Ended;
    const VERSION: u32 = 2;

    fn process(
        &self,
        seen: Seen,
        of: &mut KeyContext<'_, User<'_>, Visit>,
        _: &mut Emitter<Ended>,
    ) -> Result<(), RowError> {
        if seen.page < 0 {
            return Err(RowError::new("no such page"));
        }
        let ends = Timestamp(seen.at.0 + 10);
        let visit = of.state.get_or_insert_default();
        if let Some(before) = visit.ends.replace(ends) {
            of.timers.delete(before);
        }
        visit.pages.push(seen.page);
        of.timers.register(ends);
        Ok(())
    }

    fn on_timer(
        &self,
        _: Timer,
        of: &mut KeyContext<'_, User<'_>, Visit>,
        out: &mut Emitter<Ended>,
    ) -> Result<(), RowError> {
        let pages = of.state.take().unwrap_or_default().pages;
        out.emit(Ended { pages, name_length: of.key.user.len() as u32 });
        Ok(())
    }

    fn migrate(&self, from_version: u32, states: &OldStates<'_>) -> Result<Vec<Option<Visit>>, String> {
        #[derive(Row)]
        struct LastPage {
            page: i64,
        }
        match from_version {
            1 => {
                let visit = |LastPage { page }| Visit { pages: vec![page], ends: None };
                Ok(states.read::<LastPage>()?.into_iter().map(|last| last.map(visit)).collect())
            }
            _ => states.read(),
        }
    }
}

/// A row of the output as it leaves.
#[derive(Row, Debug, PartialEq)]
struct Emitted<'a> {
    user: &'a str,
    pages: Vec<i64>,
    name_length: u32,
}

#[test]
fn state_and_timers_are_by_key() {
    let mut visits = KeyedHarness::new(Visits, &["user"]).unwrap();
    visits.process(&[click("ann", 1, 0), click("bo", 2, 1), click("ann", 3, 5)]).unwrap();
    assert_eq!(visits.timers(), [Timestamp(11), Timestamp(15)]);
    visits.process(&[click("ann", 4, 6)]).unwrap();

    let emitted = |user, pages| Emitted { user, pages, name_length: user.len() as u32 };
    let results = visits.advance_to(Timestamp(11)).unwrap();
    assert_eq!(results.main::<Emitted>(), [emitted("bo", vec![2])]);
    assert_eq!(results.output("main").event_times(), [11]);
    let results = visits.advance_to(Timestamp(100)).unwrap();
    assert_eq!(results.main::<Emitted>(), [emitted("ann", vec![1, 3, 4])]);
    assert_eq!((visits.states(), visits.timers().len()), (0, 0));
}

#[test]
fn a_bad_row_changes_nothing() {
    let mut visits = KeyedHarness::new(Visits, &["user"]).unwrap();
    let results = visits.process(&[click("ann", 1, 0), click("bo", -1, 1)]).unwrap();
    assert_eq!(results.rejected(), [(1, "no such page")]);
    assert_eq!((visits.states(), visits.timers()), (1, vec![Timestamp(10)]));
}

#[test]
fn a_key_that_the_input_is_not_keyed_by_is_refused() {
    let refused = KeyedHarness::<_, Click>::new(Visits, &["page"]).err();
    let message = "among the columns that the input is keyed by: there is no column \"user\" (utf8), which the operator \
                   reads; the input has page: int64";
    assert_eq!(refused, Some(Refused::Describe(message.to_owned())));
}

#[test]
fn states_of_other_versions_are_read_by_name() {
    #[derive(Row)]
    struct Version1 {
        page: i64,
    }
    #[derive(Row)]
    struct WithoutEnd {
        pages: Vec<i64>,
    }
    let input = Table::of::<Click>(&[]);
    let (visits, plan) =
        Connected::connect(Visits, &[Input { columns: input.fields().to_vec(), keys: vec![0], ..Input::default() }])
            .unwrap();
    let migrate = |version, old: Table| {
        // The second key has no state.
        let states = States { keys: 2, present: vec![0b01], columns: old.arrays().to_vec() };
        visits.migrate(version, old.fields().to_vec(), states)
    };
    let layout = plan.state.unwrap();
    assert_eq!(layout.version, 2);

    let expected = Table::of(&[Visit { pages: vec![7], ends: None }]);
    for (version, old) in [
        (1, Table::of(&[Version1 { page: 7 }, Version1 { page: 0 }])),
        (2, Table::of(&[WithoutEnd { pages: vec![7] }, WithoutEnd { pages: vec![] }])),
    ] {
        let migrated = migrate(version, old).unwrap();
        assert_eq!(migrated[0].length, 2);
        assert_eq!(migrated[1].buffers, expected.arrays()[1].buffers, "from version {version}");
    }
    let refused = migrate(2, Table::of(&[Version1 { page: 7 }, Version1 { page: 0 }])).unwrap_err();
    assert_eq!(
        refused,
        "there is no column \"pages\" (list<int64>), which the operator reads; the input has page: int64"
    );
}

#[test]
fn states_without_a_migration_are_matched_whole() {
    #[derive(Row)]
    struct Newer {
        other: bool,
        ends: Option<Timestamp>,
        pages: Vec<i64>,
    }
    #[derive(Row)]
    struct WithoutEnd {
        pages: Vec<i64>,
    }
    let input = Table::of::<Click>(&[]);
    let inputs = [Input { columns: input.fields().to_vec(), keys: vec![0], ..Input::default() }];
    let (alarms, _) = Connected::connect(Alarms, &inputs).unwrap();
    let migrate = |version, old: Table| {
        let states = States { keys: 1, present: Vec::new(), columns: old.arrays().to_vec() };
        alarms.migrate(version, old.fields().to_vec(), states)
    };
    let matched = migrate(2, Table::of(&[Newer { other: true, ends: None, pages: vec![7] }])).unwrap();
    let expected = Table::of(&[Visit { pages: vec![7], ends: None }]);
    assert_eq!(matched[1].buffers, expected.arrays()[1].buffers);
    let refused = migrate(3, Table::of(&[WithoutEnd { pages: vec![7] }])).unwrap_err();
    let version =
        "there is no migration from version 3 of the state, and its columns do not fit: there is no column \"ends\"";
    assert!(refused.starts_with(version), "{refused}");
}

/// Sets two alarms for every click; the first to ring switches the other off.
#[derive(serde::Deserialize)]
struct Alarms;

#[derive(Row)]
#[row(keep(user))]
struct Rang {
    at: Timestamp,
}

impl Keyed for Alarms {
    type Key<'a> = ();
    type Input<'a> = Seen;
    type State = Visit;
    type Output<'a> = Rang;

    fn process(&self, seen: Seen, of: &mut KeyContext<'_, (), Visit>, _: &mut Emitter<Rang>) -> Result<(), RowError> {
        of.timers.register(seen.at);
        of.timers.register(Timestamp(seen.at.0 + 1));
        Ok(())
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), Visit>,
        out: &mut Emitter<Rang>,
    ) -> Result<(), RowError> {
        of.timers.delete(Timestamp(timer.time.0 + 1));
        out.emit(Rang { at: timer.time });
        Ok(())
    }
}

#[test]
fn what_a_timer_does_counts_before_the_next_of_its_key() {
    let mut alarms = KeyedHarness::new(Alarms, &["user"]).unwrap();
    alarms.process(&[click("ann", 1, 5), click("bo", 1, 5), click("bo", 1, 8)]).unwrap();
    assert_eq!(alarms.timers().len(), 6);
    #[derive(Row, Debug, PartialEq)]
    struct Seen<'a> {
        user: &'a str,
        at: Timestamp,
    }
    let rang = |user, at| Seen { user, at: Timestamp(at) };
    let results = alarms.advance_to(Timestamp(100)).unwrap();
    assert_eq!(results.main::<Seen>(), [rang("ann", 5), rang("bo", 5), rang("bo", 8)]);
    assert_eq!(results.output("main").event_times(), [5, 5, 8]);
}

#[derive(Row, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Page {
    page: i64,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Views {
    views: i64,
}

const VIEWS: Map<Page, Views> = Map::new("views");
const OTHER_COLUMNS: Map<Views2, Views> = Map::new("views");
const NOT_DECLARED: Map<Page, Views> = Map::new("not-declared");

#[derive(Row, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Views2 {
    path: String,
}

/// Counts the views of pages per user, and emits those of the page and the ones that follow.
#[derive(serde::Deserialize)]
struct CountViews;

#[derive(Row, Debug, PartialEq)]
#[row(keep(user))]
struct Counted {
    pages: Vec<i64>,
    views: Vec<i64>,
}

impl Keyed for CountViews {
    type Key<'a> = ();
    type Input<'a> = Seen;
    type State = ();
    type Output<'a> = Counted;

    fn process(&self, seen: Seen, of: &mut KeyContext<'_, (), ()>, out: &mut Emitter<Counted>) -> Result<(), RowError> {
        match seen.page {
            -1 => of.maps.get(&OTHER_COLUMNS, &Views2 { path: String::new() }).map(drop)?,
            -2 => of.maps.get(&NOT_DECLARED, &Page { page: 1 }).map(drop)?,
            _ => {}
        }
        let page = Page { page: seen.page };
        let views = of.maps.get(&VIEWS, &page)?.map_or(0, |views| views.views) + 1;
        of.maps.insert(&VIEWS, page.clone(), Views { views })?;
        let (pages, views) =
            of.maps.scan(&VIEWS, page.., 3)?.into_iter().map(|(key, value)| (key.page, value.views)).unzip();
        out.emit(Counted { pages, views });
        Ok(())
    }

    fn maps() -> Vec<MapLayout> {
        vec![VIEWS.layout()]
    }
}

#[test]
fn rows_see_what_earlier_rows_did_to_maps() {
    let mut views = KeyedHarness::new(CountViews, &["user"]).unwrap();
    views.process(&[click("ann", 9, 0), click("ann", 5, 0), click("bo", 7, 0), click("ann", -7, 0)]).unwrap();
    assert_eq!(views.entries(), 4);
    let results = views.process(&[click("ann", 5, 0), click("ann", 7, 0), click("ann", -7, 0)]).unwrap();
    #[derive(Row, Debug, PartialEq)]
    struct Rows {
        pages: Vec<i64>,
        views: Vec<i64>,
    }
    let row = |pages: &[i64], views: &[i64]| Rows { pages: pages.to_vec(), views: views.to_vec() };
    let expected = [row(&[5, 9], &[2, 1]), row(&[7, 9], &[1, 1]), row(&[-7, 5, 7], &[2, 2, 1])];
    assert_eq!(results.main::<Rows>(), expected);
}

#[test]
fn a_map_that_is_not_declared_so_is_refused() {
    let mut views = KeyedHarness::new(CountViews, &["user"]).unwrap();
    let results = views.process(&[click("ann", -1, 0), click("ann", -2, 0)]).unwrap();
    let reasons = [
        (0, "the map \"views\" is declared in `maps` with other columns"),
        (1, "the map \"not-declared\" is not declared in `maps` of the operator"),
    ];
    assert_eq!(results.rejected(), reasons);
}
