//! The aggregates of windows.

use weir_core::graph::{AggregateFunction, AggregateSpec, NodeKind};

use crate::read;

#[test]
fn aggregates_have_what_they_need_and_no_more() {
    for (aggregate, expected) in [
        ("{ quantile = \"v\", q = 0.95 }", None),
        ("{ quantile = \"v\", q = 1, error = 0.001 }", None),
        ("{ arg-max = \"v\", by = \"t\" }", None),
        ("{ stddev = \"v\" }", None),
        ("{ top = \"v\", n = 3 }", None),
        ("{ top = \"v\", n = 3, by = \"t\" }", None),
        ("{ top = \"v\" }", Some("needs a key \"n\"")),
        ("{ top = \"v\", n = 0 }", Some("it may be 1 to 10000")),
        ("{ string-agg = \"v\" }", None),
        ("{ string-agg = \"v\", separator = 1 }", Some("separator must be")),
        ("{ string_agg = \"v\" }", Some("did you mean \"string-agg\"?")),
        ("{ var_samp = \"v\" }", Some("did you mean \"variance\"?")),
        ("{ count = \"*\", filter = \"v > 1\" }", Some("the condition of an aggregate is called where")),
        ("{ quantile = \"v\" }", Some("needs a key \"q\"")),
        ("{ quantile = \"v\", q = 95 }", Some("q is from 0 to 1, such as 0.95")),
        ("{ quantile = \"v\", q = 0.5, error = 0.5 }", Some("from 0.001 to 0.1")),
        ("{ quantile = \"v\", q = \"p95\" }", Some("q must be a number")),
        ("{ arg-max = \"v\" }", Some("needs a key \"by\"")),
        ("{ max = \"v\", by = \"t\" }", Some("by")),
        ("{ max = \"v\", min = \"v\" }", Some("an aggregate is one function of one column")),
        ("\"quantile\"", Some("write { quantile = \"COLUMN\", q = 0.95 }")),
        ("{ p95 = \"v\" }", Some("did you mean \"quantile\"?")),
        ("{ COUNT_DISTINCT = \"v\" }", Some("did you mean \"count-distinct\"?")),
        ("\"COUNT\"", Some("did you mean \"count\"?")),
        ("\"count(*)\"", Some("did you mean \"count\"?")),
        ("{ mean = \"v\" }", Some("did you mean \"avg\"?")),
        ("\"countdistinct\"", Some("count-distinct")),
    ] {
        let text = format!(
            "[sources.s]\nconnector = \"file\"\n[windows.w]\ninput = \"s\"\nwindow = {{ tumbling = \"1s\" }}\naggregates.a = {aggregate}\n\
             [sinks.out]\ninput = \"w\"\nconnector = \"stdout\"\n"
        );
        let error = read(&text, &[]).err();
        assert_eq!(error.is_none(), expected.is_none(), "{aggregate}: {error:?}");
        assert!(
            expected.is_none_or(|expected| error.as_ref().is_some_and(|error| error.contains(expected))),
            "{aggregate}: {error:?}"
        );
    }
}

#[test]
fn every_aggregate_is_read_by_its_name() {
    for name in AggregateFunction::NAMES {
        let more = match name {
            "quantile" => ", q = 0.5",
            "arg-min" | "arg-max" => ", by = \"t\"",
            "top" => ", n = 2",
            _ => "",
        };
        let text = format!(
            "[sources.s]\nconnector = \"file\"\n[windows.w]\ninput = \"s\"\nwindow = {{ tumbling = \"1s\" }}\naggregates.a = {{ {name} = \"v\"{more} }}\n\
             [sinks.out]\ninput = \"w\"\nconnector = \"stdout\"\n"
        );
        let graph = read(&text, &[]).unwrap();
        let NodeKind::Window(window) = &graph.nodes[1].kind else { panic!("{:?}", graph.nodes[1]) };
        let AggregateSpec::Builtin { function, columns, .. } = &window.aggregates[0].1 else { panic!("{name}") };
        assert_eq!((function.name(), columns.len()), (name, if more.contains("by") { 2 } else { 1 }));
    }
}
