//! The pipeline file: what a whole file means, what overrides do, how messages look, and that no text makes it panic. That
//! each mistake has its own message is shown by the tests of the command.

mod aggregates;
mod event_times;
mod misspelt;
mod windows;

use std::fmt::Write as _;
use std::path::Path;

use expect_test::expect;
use proptest::prelude::*;
use weir_core::graph::{AggregateSpec, LogicalGraph, Node, NodeKind, SourceNode};
use weir_core::pipeline::{Diagnostic, Palette, parse, unset};

const FLIGHTS: &str = r#"name = "flights"
parallelism = 2
linger = "20ms"

[sinks.out]
input = "per-hour"
connector = "file"
path = "out/per-hour.csv"

[sources.flights]
connector = "file"
path = "data/flights.csv"  # January
event-time = "departed"
watermark = { bounded-out-of-orderness = "24h", idle-after = "30s" }

[operators.classify]
input = "flights"
component = "classify.wasm"
config = { late-after-minutes = 15, since = 2013-01-01, levels = [0.5, { name = "é" }] }
on-error = "dead-letter"
limits = { memory = "32MiB", call-time = "1500us", output-rows-per-row = 0x10 }

[operators.by-plane]
input = ["classify", "classify.cancelled"]
component = "/operators/by-plane.wasm"
key-by = ["tail_number"]

[windows.per-hour]
input = "classify"
key-by = ["origin"]
window = { tumbling = "1h", offset = "-15m" }
allowed-lateness = "10s"
aggregates.flights = "count"
aggregates.mean-delay = { avg = "dep_delay" }
aggregates.delays = { count = "dep_delay" }
aggregates.p99 = { component = "quantile.wasm", columns = ["dep_delay"], config = { q = 0.99 } }

[sinks.rest]
input = ["per-hour.late", "classify.dead-letter"]
connector = "blackhole"
"#;

fn read(text: &str, overrides: &[(&str, &str)]) -> Result<LogicalGraph, String> {
    let overrides: Vec<_> = overrides.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    parse(text, Path::new("/here"), &overrides).map_err(|error| error.render("pipeline.toml", &Palette::PLAIN))
}

/// One line per node: its inputs, and what is not obvious about it.
fn told(graph: &LogicalGraph) -> String {
    let mut out = String::new();
    for node in &graph.nodes {
        let inputs: Vec<_> =
            node.inputs.iter().map(|input| format!("{}.{}", graph.nodes[input.node].name, input.output)).collect();
        let kind = match &node.kind {
            NodeKind::Source(SourceNode { connector, event_time, watermark, idle_after_ms, on_error, .. }) => {
                let event_time = event_time.as_ref().map(|event_time| &event_time.column.value);
                format!("{} {event_time:?} {watermark:?} idle {idle_after_ms:?} {on_error:?}", connector.value)
            }
            NodeKind::Operator(operator) => format!(
                "{} {} {:?} {:?} {:?}",
                operator.component.value.display(),
                operator.config,
                operator.key_by.as_ref().map(|keys| keys.iter().map(|key| &key.value).collect::<Vec<_>>()),
                operator.on_error,
                operator.limits
            ),
            NodeKind::Window(window) => format!("{:?} lateness {}", window.window, window.allowed_lateness_us),
            NodeKind::Join(join) => format!("{:?} {:?}", join.join_type.value, join.bounds),
            NodeKind::Filter(filter) => filter.condition.value.clone(),
            NodeKind::Select(select) => format!("{:?}", select.columns),
            NodeKind::Rolling(rolling) => format!("{:?}", rolling.frame),
            NodeKind::Changelog(_) | NodeKind::Aggregate(_) | NodeKind::Dedup(_) | NodeKind::Top(_) => String::new(),
            NodeKind::Sink(sink) => sink.connector.value.clone(),
            NodeKind::Other(other) => other.section.clone(),
        };
        let _ = writeln!(out, "{} <- {inputs:?}: {kind}", node.name);
        if let NodeKind::Window(window) = &node.kind {
            for (name, spec) in &window.aggregates {
                let spec = match spec {
                    AggregateSpec::Builtin { function, columns, .. } => {
                        format!("{function:?} {:?}", columns.first().map(|column| &column.value))
                    }
                    AggregateSpec::Component { component, config, .. } => {
                        format!("{} {config}", component.value.display())
                    }
                };
                let _ = writeln!(out, "    {} = {spec}", name.value);
            }
        }
    }
    out
}

#[test]
fn a_whole_file() {
    let graph = read(FLIGHTS, &[]).unwrap();
    assert_eq!((graph.name.as_str(), graph.parallelism, graph.linger_ms), ("flights", 2, 20));
    // Inputs come first, the file's order otherwise; aggregates keep the file's order.
    expect![[r#"
        flights <- []: file Some("departed") Some(BoundedOutOfOrderness(86400000000)) idle Some(30000) Fail
        classify <- ["flights.main"]: /here/classify.wasm {"late-after-minutes":15,"levels":[0.5,{"name":"é"}],"since":"2013-01-01"} None DeadLetter OperatorLimits { memory_bytes: 33554432, table_elements: 100000, call_time_ms: 2, output_rows_per_row: 16, log_bytes_per_s: 65536, output_bytes: 268435456, batch_time_ms: 60000, state_bytes: 4294967296, timers: 10000000 }
        by-plane <- ["classify.main", "classify.cancelled"]: /operators/by-plane.wasm {} Some(["tail_number"]) Fail OperatorLimits { memory_bytes: 67108864, table_elements: 100000, call_time_ms: 1000, output_rows_per_row: 1000, log_bytes_per_s: 65536, output_bytes: 268435456, batch_time_ms: 60000, state_bytes: 4294967296, timers: 10000000 }
        per-hour <- ["classify.main"]: Tumbling { size: 3600000000, offset: -900000000 } lateness 10000000
            flights = Count None
            mean-delay = Avg Some("dep_delay")
            delays = Count Some("dep_delay")
            p99 = /here/quantile.wasm {"q":0.99}
        out <- ["per-hour.main"]: file
        rest <- ["per-hour.late", "classify.dead-letter"]: blackhole
    "#]]
    .assert_eq(&told(&graph));
}

#[test]
fn what_nobody_reads_is_a_warning() {
    let graph = read(FLIGHTS, &[]).unwrap();
    let warnings: String = graph.warnings.iter().map(|w| w.render("p.toml", &graph.text, &Palette::PLAIN)).collect();
    expect![[r#"
        warning: nothing reads "by-plane"
          --> p.toml:23:12
           |
        23 | [operators.by-plane]
           |            ^^^^^^^^ its rows are dropped
    "#]]
    .assert_eq(&warnings);
}

#[test]
fn odd_slides_are_warnings() {
    for (window, expected) in [
        ("{ sliding = \"3h\", slide = \"1h\" }", ""),
        ("{ sliding = \"1d\", slide = \"8640ms\" }", ""),
        ("{ sliding = \"1d\", slide = \"1s\" }", "each row of \"w\" falls into 86400 windows; "),
        ("{ sliding = \"3h\", slide = \"2h\" }", "the slide of \"w\" does not divide its size; "),
        ("{ sliding = \"1h\", slide = \"2h\" }", "the slide of \"w\" is longer than its size; "),
        (
            "{ sliding = \"1d\", slide = \"7s\" }",
            "each row of \"w\" falls into 12343 windows; the slide of \"w\" does not divide its size; ",
        ),
    ] {
        let text = format!(
            "name = \"p\"\n[sources.s]\nconnector = \"file\"\npath = \"in.csv\"\nevent-time = \"t\"\n[windows.w]\ninput = \"s\"\n\
             window = {window}\naggregates.n = \"count\"\n[sinks.out]\ninput = \"w\"\nconnector = \"blackhole\"\n"
        );
        let graph = read(&text, &[]).unwrap();
        let warnings: String = graph.warnings.iter().map(|warning| format!("{}; ", warning.message)).collect();
        assert_eq!(warnings, expected, "{window}");
    }
}

#[test]
fn an_options_error_points_at_its_value() {
    let graph = read(FLIGHTS, &[("sources.flights.path", "other.csv")]).unwrap();
    let NodeKind::Source(source) = &graph.nodes[0].kind else { panic!("the source comes first") };
    let weir_core::connector::ConnectorError::Option { message, span } = source.options.error("path", "no such file")
    else {
        panic!("an option's error")
    };
    expect![[r#"
        error: no such file
          --> p.toml:12:8
           |
        12 | path = "other.csv"  # January
           |        ^^^^^^^^^^^
    "#]]
    .assert_eq(&Diagnostic::error(message, span).render("p.toml", &graph.text, &Palette::PLAIN));
}

#[test]
fn overrides() {
    let cases = [
        ("sources.flights.path", "other.csv"),
        ("sources.flights.watermark.idle-after", "1m"),
        ("operators.by-plane.limits.memory", "1MiB"),
        ("operators.by-plane.input", "[\"flights\", 'classify']"),
        ("batch-rows", "10"),
        ("parallelism", "0"),
        ("sources.flihgts.path", "x"),
        ("flights.path", "x"),
        ("paralelism", "2"),
        ("sources.flights", "x"),
        ("name.first", "x"),
        ("operators.classify.onerror", "skip"),
    ];
    let mut told = String::new();
    for (path, value) in cases {
        let _ = writeln!(told, "--set {path}={value}");
        match read(FLIGHTS, &[(path, value)]) {
            Err(rendered) => told.push_str(&rendered),
            // What changed of the text.
            Ok(graph) => {
                graph.text.lines().filter(|line| !FLIGHTS.contains(line)).for_each(|line| told += &format!("{line}\n"))
            }
        }
        told.push('\n');
    }
    expect![[r#"
        --set sources.flights.path=other.csv
        path = "other.csv"  # January

        --set sources.flights.watermark.idle-after=1m
        watermark = { bounded-out-of-orderness = "24h", idle-after = "1m" }

        --set operators.by-plane.limits.memory=1MiB
        limits = { memory = "1MiB" }

        --set operators.by-plane.input=["flights", 'classify']
        input = ["flights", 'classify']

        --set batch-rows=10
        batch-rows = 10

        --set parallelism=0
        error: parallelism = 0 is out of range: it may be 1 to 256
         --> pipeline.toml:2:15
          |
        2 | parallelism = 0
          |               ^

        --set sources.flihgts.path=x
        error: --set sources.flihgts.path=x: there is no source "flihgts"; did you mean "flights"?; the sources are flights
         --> pipeline.toml

        --set flights.path=x
        error: --set flights.path=x: the pipeline file has no key "flights"; did you mean "sources.flights.path"?
         --> pipeline.toml

        --set paralelism=2
        error: --set paralelism=2: the pipeline file has no key "paralelism"; did you mean "parallelism"?; its keys are name, mode, parallelism, max-parallelism, batch-rows, linger, checkpoint, restart, dead-letters, sources, operators, filters, selects, windows, joins, changelogs, aggregates, dedup, top, rolling, sinks
         --> pipeline.toml

        --set sources.flights=x
        error: --set sources.flights=x: sources.flights is a table; name one value, such as sources.flights.KEY
         --> pipeline.toml

        --set name.first=x
        error: --set name.first=x: "name" is a value, and has no keys
         --> pipeline.toml

        --set operators.classify.onerror=skip
        error: [operators.classify] has no key "onerror"
          --> pipeline.toml:22:1
           |
        22 | onerror = "skip"
           | ^^^^^^^ did you mean "on-error"?

    "#]]
    .assert_eq(&told);
}

#[test]
fn values_are_taken_out_of_a_text() {
    let lines = |path: &str| {
        let text = unset(FLIGHTS, path)?;
        assert_eq!(text.lines().count(), FLIGHTS.lines().count());
        Ok(text.lines().find(|line| !FLIGHTS.contains(line)).unwrap_or_default().to_owned())
    };
    let cases = [
        ("operators.classify.limits.memory", Ok("limits = { call-time = \"1500us\", output-rows-per-row = 0x10 }")),
        (
            "windows.per-hour.aggregates.p99.config.q",
            Ok("aggregates.p99 = { component = \"quantile.wasm\", columns = [\"dep_delay\"], config = {} }"),
        ),
        (
            "operators.classify.config.sinze",
            Err(
                "operators.classify.config has no key \"sinze\"; did you mean \"since\"?; it has late-after-minutes, since, levels",
            ),
        ),
        ("operators.by-plane.config.x", Err("operators.by-plane.config has no key \"x\"; it has none")),
        (
            "operators.classify.config.",
            Err("\"operators.classify.config.\" is not a dotted path, such as operators.count.config.threshold"),
        ),
    ];
    for (path, expected) in cases {
        assert_eq!(lines(path), expected.map(str::to_owned).map_err(str::to_owned), "{path}");
    }
}

#[test]
fn places_in_odd_texts() {
    // Columns are characters; a tab is one; a span over several lines is marked on its first; one past the end is at the end.
    let cases = [("a = 1\n\té = \"ü\" # ß\n", 12..16), ("a = [\n1,\n]", 4..9), ("a", 9..12)];
    let shown = cases.map(|(text, span)| {
        Diagnostic::error("odd", Some(span)).with_hint("even").render("p.toml", text, &Palette::PLAIN)
    });
    expect![[r#"
        error: odd
         --> p.toml:2:6
          |
        2 |  é = "ü" # ß
          |      ^^^ even

        error: odd
         --> p.toml:1:5
          |
        1 | a = [
          |     ^ even

        error: odd
         --> p.toml:1:2
          |
        1 | a
          |  ^ even
    "#]]
    .assert_eq(&shown.join("\n"));
}

proptest! {
    /// Any damage to a file is an answer, and every place in it is in the text.
    #[test]
    fn no_text_makes_it_panic(at in 0..FLIGHTS.len(), cut in 0..60_usize, put in "[a-z\\[\\]{}=\".,0-9 \né-]{0,8}") {
        let boundary = |at: usize| (at..=FLIGHTS.len()).find(|i| FLIGHTS.is_char_boundary(*i)).unwrap();
        let text = format!("{}{put}{}", &FLIGHTS[..boundary(at)], &FLIGHTS[boundary((at + cut).min(FLIGHTS.len()))..]);
        match parse(&text, Path::new(""), &[]) {
            Ok(graph) => {
                let is_in_text = |node: &Node| node.span.clone().is_some_and(|span| graph.text.get(span).is_some());
                prop_assert!(graph.nodes.iter().all(is_in_text));
            }
            Err(error) => {
                prop_assert!(!error.problems.is_empty());
                for problem in &error.problems {
                    prop_assert!(problem.span.as_ref().is_none_or(|span| error.text.get(span.clone()).is_some()));
                }
                let rendered = error.render("p.toml", &Palette::ANSI);
                prop_assert!(rendered.ends_with('\n'));
            }
        }
    }
}
