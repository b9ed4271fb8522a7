//! Windows and operators that cannot be.

use expect_test::expect;

use crate::check;

#[test]
fn windows_and_operators() {
    check(
        &[
            ("tumbling = \"1m\"", "tumbling = \"0s\""),
            ("tumbling = \"1m\"", "tumbling = \"1m\", offset = \"1m\""),
            ("tumbling = \"1m\"", "tumblin = \"1m\""),
            ("tumbling = \"1m\"", "tumbling = \"1m\", slide = \"10s\""),
            ("tumbling = \"1m\"", "sliding = \"1m\""),
            ("tumbling = \"1m\"", "session = \"1m\", offset = \"1s\""),
            ("\"count\"", "\"cuont\""),
            ("\"count\"", "\"avg\""),
            ("{ max = \"price\" }", "{ maximum = \"price\" }"),
            ("{ max = \"price\" }", "{ max = \"price\", min = \"price\" }"),
            ("aggregates.bids = \"count\"\naggregates.price = { max = \"price\" }\n", "aggregates = {}\n"),
            ("[sinks.out]", "[operators.o]\ninput = \"bids\"\n[sinks.out]"),
            (
                "[sinks.out]",
                "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\nconfig = { x = inf }\n[sinks.out]",
            ),
            (
                "[sinks.out]",
                "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\nlimits.memory = \"32 MB/s\"\n[sinks.out]",
            ),
            (
                "[sinks.out]",
                "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\nlimits.call-tme = \"1s\"\n[sinks.out]",
            ),
        ],
        &expect![[r#"
            error: the size of a window must be longer than zero
              --> p.toml:14:10
               |
            14 | window = { tumbling = "0s" }
               |          ^^^^^^^^^^^^^^^^^^^

            error: the offset of a window must be shorter than its size
              --> p.toml:14:10
               |
            14 | window = { tumbling = "1m", offset = "1m" }
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: [windows.per-minute.window] has no key "tumblin"
              --> p.toml:14:12
               |
            14 | window = { tumblin = "1m" }
               |            ^^^^^^^ did you mean "tumbling"?

            error: slide belongs to a sliding window
              --> p.toml:14:10
               |
            14 | window = { tumbling = "1m", slide = "10s" }
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ did you mean sliding instead of tumbling?

            error: a sliding window needs how far it slides
              --> p.toml:14:10
               |
            14 | window = { sliding = "1m" }
               |          ^^^^^^^^^^^^^^^^^^ add slide = ".."

            error: a session window has a gap only, no slide and no offset
              --> p.toml:14:10
               |
            14 | window = { session = "1m", offset = "1s" }
               |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: there is no aggregate "cuont"
              --> p.toml:16:19
               |
            16 | aggregates.bids = "cuont"
               |                   ^^^^^^^ did you mean "count"?

            error: avg needs a column
              --> p.toml:16:19
               |
            16 | aggregates.bids = "avg"
               |                   ^^^^^ write { avg = "COLUMN" }

            error: there is no aggregate "maximum"
              --> p.toml:17:22
               |
            17 | aggregates.price = { maximum = "price" }
               |                      ^^^^^^^ did you mean "max"?

            error: an aggregate is one function of one column
              --> p.toml:17:20
               |
            17 | aggregates.price = { max = "price", min = "price" }
               |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ for example { avg = "COLUMN" }

            error: a window needs at least one aggregate
              --> p.toml:16:14
               |
            16 | aggregates = {}
               |              ^^ for example aggregates.rows = "count"

            error: [operators.o] needs a key "component"
              --> p.toml:19:12
               |
            19 | [operators.o]
               |            ^

            error: inf is not finite, and a component's configuration is JSON, which has finite numbers only
              --> p.toml:22:16
               |
            22 | config = { x = inf }
               |                ^^^

            error: "32 MB/s" has no unit of size: they are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB
              --> p.toml:22:17
               |
            22 | limits.memory = "32 MB/s"
               |                 ^^^^^^^^^

            error: [operators.o.limits] has no key "call-tme"
              --> p.toml:22:8
               |
            22 | limits.call-tme = "1s"
               |        ^^^^^^^^ did you mean "call-time"?

        "#]],
    );
}
