//! Windows: kinds, triggers and what else says when results come.

use weir_core::graph::{NodeKind, WindowNode};
use weir_core::window::{CalendarUnit, Changes, Evict, Firing, Look, WindowAssigner, WindowClock};

use crate::read;

fn text_of(windows: &str) -> String {
    let name = |line: &'_ str| {
        Some(line.strip_prefix("[windows.").or(line.strip_prefix("[rolling."))?.split(']').next()?.to_owned())
    };
    let sink = windows.lines().find_map(name).unwrap_or_else(|| "w".to_owned());
    format!(
        "[sources.orders]\nconnector = \"file\"\n{windows}\n[sinks.out]\ninput = \"{sink}\"\nconnector = \"stdout\"\n"
    )
}

fn window(keys: &str) -> Result<WindowNode, String> {
    let text = text_of(&format!("[windows.w]\ninput = \"orders\"\naggregates.n = \"count\"\n{keys}"));
    let graph = read(&text, &[]).map_err(|error| format!("{keys}: {error}"))?;
    let node = graph.nodes.into_iter().find_map(|node| match node.kind {
        NodeKind::Window(window) => Some(window),
        _ => None,
    });
    node.ok_or_else(|| format!("{keys}: no window"))
}

/// Every section that the guide shows is read.
#[test]
fn the_guide_shows_windows_that_are_read() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/windows.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut sections = 0;
    for block in page.split("```toml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        read(&text_of(block), &[]).unwrap_or_else(|error| panic!("{block}\n{error}"));
        sections += block.matches("[windows.").count();
    }
    assert!(sections >= 12, "only {sections} sections were found");
}

#[test]
fn usual_windows_have_no_rules() {
    for keys in [
        "window = { tumbling = \"1h\" }",
        "window = { sliding = \"1h\", slide = \"10m\" }\nemit = \"end\"\nmode = \"accumulating\"",
        "window = { session = \"1h\" }\nallowed-lateness = \"1m\"\ntime = \"event\"",
    ] {
        assert_eq!(window(keys).unwrap().rules, None, "{keys}");
    }
}

#[test]
fn windows_are_of_many_kinds() {
    let of = |keys: &str| window(keys).unwrap();
    let WindowAssigner::Calendar(day) = of("window = { tumbling = \"2 weeks\", zone = \"Europe/Berlin\" }").window
    else {
        panic!("not of the calendar")
    };
    assert_eq!((day.unit, day.every, day.zone.to_string().as_str()), (CalendarUnit::Weeks, 2, "Europe/Berlin"));
    let WindowAssigner::Calendar(year) = of("window = { tumbling = \"1 year\" }").window else { panic!("no year") };
    assert_eq!((year.unit, year.every), (CalendarUnit::Months, 12));
    let day = of("window = { tumbling = \"1 day\" }").window;
    assert_eq!(day, WindowAssigner::Tumbling { size: 86_400_000_000, offset: 0 });
    let rows = of("window = { rows = 100, slide-rows = 10 }");
    let rules = rows.rules.unwrap();
    assert_eq!(rows.window, WindowAssigner::Global);
    assert_eq!(rules.trigger.early, Some(Firing::Rows(10)));
    assert_eq!(rules.evictor.map(|evictor| (evictor.evict, evictor.after)), Some((Evict::Rows(100), false)));
    assert!(of("window = { rows = 100 }").rules.unwrap().discarding);
    let session = of("window = { session = { column = \"gap\" } }");
    assert_eq!(session.gap.map(|gap| gap.column.value).as_deref(), Some("gap"));
    let apart = of("window = { session = \"1s\", touching = \"apart\" }").window;
    assert_eq!(apart, WindowAssigner::ApartSession { gap: 1_000_000 });
}

#[test]
fn rules_are_read() {
    let of = |keys: &str| window(&format!("window = {{ global = true }}\n{keys}")).unwrap().rules.unwrap();
    let update = of("emit = \"update\"");
    assert_eq!((update.trigger.look, update.changes), (Look::Batch, Changes::Upsert));
    let complete = window("window = { tumbling = \"1h\" }\nemit = \"complete\"\nmode = \"accumulating\"").unwrap();
    assert_eq!(complete.allowed_lateness_us, i64::MAX);
    assert_eq!(complete.rules.unwrap().changes, Changes::None);
    assert_eq!(of("time = \"stream\"").clock, WindowClock::Stream);
    assert_eq!(of("mode = \"retracting\"").changes, Changes::Retract);
    let both = of("trigger = { early = { every = \"1s\" }, late = { rows = 3 }, at-close = true }").trigger;
    assert!(both.at_end && both.at_close && !both.once);
    assert!(matches!(both.early, Some(Firing::Every { us: 1_000_000, unchanged: false, .. })));
    assert_eq!(both.late, Some(Firing::Rows(3)));
    assert_eq!(of("evict = { column = \"v\", delta = 2, when = \"after\" }").evictor.map(|e| e.after), Some(true));
    assert_eq!(of("suppress = { rows = 5 }").suppress.and_then(|suppress| suppress.rows_max), Some(5));
}

#[test]
fn what_cannot_be_is_refused_where_it_is() {
    for (keys, expected) in [
        ("window = { tumbling = \"1h\", zone = \"Europe/Berlin\" }", "only days, weeks, months and years depend"),
        ("window = { tumbling = \"1 day\", zone = \"Europe/Berlim\" }", "there is no time zone \"Europe/Berlim\""),
        ("window = { tumbling = \"1 month\", offset = \"1h\" }", "has no offset"),
        ("window = { cumulating = \"1h\" }", "needs its step"),
        ("window = { cumulating = \"1h\", step = \"7m\" }", "must divide its size"),
        ("window = { rows = 0 }", "out of range"),
        ("window = { rows = 2 }\ntrigger = { each = { rows = 1 } }", "it has no trigger"),
        ("window = { global = false }", "global can only be true"),
        ("window = { instant = true, slide = \"1s\" }", "has no slide"),
        ("window = { tumbling = \"1h\", session = \"1h\" }", "a window is one of"),
        ("window = { session = { colum = \"gap\" } }", "did you mean \"column\"?"),
        ("window = { tumbling = \"1h\" }\nemit = \"updates\"", "did you mean \"update\"?"),
        ("window = { tumbling = \"1h\" }\nemit = \"close\"\ntrigger = {}", "give one of them"),
        ("window = { tumbling = \"1h\" }\ntrigger = { early = { rows = 1, every = \"1s\" } }", "a firing is one of"),
        ("window = { tumbling = \"1h\" }\ntrigger = { early = { every = \"0s\" } }", "longer than zero"),
        (
            "window = { tumbling = \"1h\" }\ntrigger = { each = { rows = 1 }, early = { rows = 1 } }",
            "each is early and late",
        ),
        ("window = { tumbling = \"1h\" }\ntrigger = { at-end = false }", "never fires"),
        (
            "window = { tumbling = \"1h\" }\ntrigger = { late = \"none\" }\nallowed-lateness = \"1s\"",
            "closes a window at its end",
        ),
        (
            "window = { tumbling = \"1h\" }\ntime = \"processing\"\nallowed-lateness = \"1s\"",
            "no row is late in processing time",
        ),
        (
            "window = { tumbling = \"1h\" }\ntime = \"processing\"\ntrigger = { early = { every = \"1s\", of = \"event\" } }",
            "of = \"processing\"",
        ),
        (
            "window = { tumbling = \"1h\" }\nmode = \"discarding\"\nsuppress = { for = \"1s\" }",
            "must not forget its rows",
        ),
        ("window = { tumbling = \"1h\" }\nsuppress = {}", "give for or rows"),
        ("window = { tumbling = \"1h\" }\nevict = { rows = 1, within = \"1s\" }", "what stays in a window"),
        ("window = { each-row = \"1h\" }\nevict = { rows = 1 }", "have no evictor"),
        ("window = { tumbling = \"1h\" }\npane = { time = \"t\" }", "has no key \"time\""),
    ] {
        let text = text_of(&format!("[windows.w]\ninput = \"orders\"\naggregates.n = \"count\"\n{keys}"));
        let error = read(&text, &[]).expect_err(keys);
        assert!(error.contains(expected), "{keys}: {error}");
        assert!(error.contains("--> "), "{keys} has no place: {error}");
    }
}
