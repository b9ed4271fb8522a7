//! Inputs that do not make a graph.

use expect_test::expect;

use crate::check;

#[test]
fn the_graph() {
    check(
        &[
            ("input = \"per-minute\"", "input = \"per-minuet\""),
            ("input = \"per-minute\"", "input = \"bids.late\""),
            ("input = \"per-minute\"", "input = \"per-minute.lat\""),
            ("input = \"per-minute\"", "input = \"bids.dead-letter\""),
            ("input = \"per-minute\"", "input = [\"per-minute\", \"per-minute\"]"),
            ("input = \"per-minute\"", "input = []"),
            ("input = \"per-minute\"\n", ""),
            ("input = \"bids\"", "input = \"out\""),
            ("input = \"bids\"", "input = [\"bids\", \"per-minute\"]"),
            ("[sinks.out]\ninput = \"per-minute\"\nconnector = \"blackhole\"\n", ""),
        ],
        &expect![[r#"
            error: there is no stream "per-minuet"
              --> p.toml:20:9
               |
            20 | input = "per-minuet"
               |         ^^^^^^^^^^^^ did you mean "per-minute"?

            error: "bids" has no output "late": it has main, dead-letter
              --> p.toml:20:9
               |
            20 | input = "bids.late"
               |         ^^^^^^^^^^^

            error: "per-minute" has no output "lat": it has main, late, dead-letter
              --> p.toml:20:9
               |
            20 | input = "per-minute.lat"
               |         ^^^^^^^^^^^^^^^^ did you mean "late"?

            error: "bids" has no dead letters
              --> p.toml:20:9
               |
            20 | input = "bids.dead-letter"
               |         ^^^^^^^^^^^^^^^^^^ set its on-error to "dead-letter"

            error: input names "per-minute" twice: its rows would be doubled
              --> p.toml:20:24
               |
            20 | input = ["per-minute", "per-minute"]
               |                        ^^^^^^^^^^^^

            error: input names no stream
              --> p.toml:20:9
               |
            20 | input = []
               |         ^^

            error: [sinks.out] needs a key "input"
              --> p.toml:19:8
               |
            19 | [sinks.out]
               |        ^^^

            error: "out" is a sink, and a sink has no output
              --> p.toml:12:9
               |
            12 | input = "out"
               |         ^^^^^

            error: streams go round in a circle: per-minute -> per-minute
              --> p.toml:12:18
               |
            12 | input = ["bids", "per-minute"]
               |                  ^^^^^^^^^^^^ a pipeline flows from sources to sinks

            error: the pipeline has no sink
             --> p.toml
              = add a table [sinks.NAME]

        "#]],
    );
}
