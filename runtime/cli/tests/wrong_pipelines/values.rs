//! Keys that a pipeline does not have, and values that a key cannot have.

use expect_test::expect;

use crate::check;

#[test]
fn keys_and_values() {
    check(
        &[
            ("parallelism = 2", "parallelism = 2 2"),
            ("[sinks.out]", "[sinks.out"),
            ("parallelism = 2", "paralelism = 2"),
            ("parallelism = 2", "parallelism = 0"),
            ("parallelism = 2", "parallelism = 2000"),
            ("parallelism = 2", "parallelism = 8\nmax-parallelism = 4"),
            ("parallelism = 2", "parallelism = \"two\""),
            ("[sources.bids]", "[source.bids]"),
            ("[sources.bids]", "[sources.\"bi.ds\"]"),
            ("[sources.bids]", "[sources.\"\"]"),
            ("[sinks.out]", "[sinks.bids]"),
            ("connector = \"nexmark\"\n", ""),
            ("connector = \"nexmark\"", "conector = \"nexmark\""),
            ("{ bounded-out-of-orderness = \"4s\" }", "\"monotone\""),
            ("bounded-out-of-orderness", "bounded-out-of-order"),
            ("\"4s\"", "\"4 parsecs\""),
            ("table = \"bid\"", "on-error = \"dead-leter\""),
        ],
        &expect![[r#"
            error: 2 2 is no value
             --> p.toml:2:15
              |
            2 | parallelism = 2 2
              |               ^^^ text is in quotes: "2 2"

            error: unclosed table, expected `]`
              --> p.toml:19:11
               |
            19 | [sinks.out
               |           ^

            error: the pipeline file has no key "paralelism"
             --> p.toml:2:1
              |
            2 | paralelism = 2
              | ^^^^^^^^^^ did you mean "parallelism"?

            error: parallelism = 0 is out of range: it may be 1 to 256
             --> p.toml:2:15
              |
            2 | parallelism = 0
              |               ^

            error: parallelism = 2000 is out of range: it may be 1 to 256
             --> p.toml:2:15
              |
            2 | parallelism = 2000
              |               ^^^^

            error: parallelism = 8 is above max-parallelism = 4
             --> p.toml:2:15
              |
            2 | parallelism = 8
              |               ^

            error: parallelism must be a whole number, not a string
             --> p.toml:2:15
              |
            2 | parallelism = "two"
              |               ^^^^^

            error: the pipeline file has no key "source"
             --> p.toml:4:2
              |
            4 | [source.bids]
              |  ^^^^^^ did you mean "sources"?

            error: '.' cannot be in the name of a source: letters, digits, - and _ can
             --> p.toml:4:10
              |
            4 | [sources."bi.ds"]
              |          ^^^^^^^

            error: the name of a source cannot be empty
             --> p.toml:4:10
              |
            4 | [sources.""]
              |          ^^

            error: the name "bids" is already taken by a source
              --> p.toml:19:8
               |
            19 | [sinks.bids]
               |        ^^^^

            error: [sources.bids] needs a key "connector"
             --> p.toml:4:10
              |
            4 | [sources.bids]
              |          ^^^^

            error: [sources.bids] needs a key "connector"
             --> p.toml:5:1
              |
            5 | conector = "nexmark"
              | ^^^^^^^^ is this meant to be "connector"?

            error: watermark cannot be "monotone": it can be monotonic or at-end
             --> p.toml:9:13
              |
            9 | watermark = "monotone"
              |             ^^^^^^^^^^ did you mean "monotonic"? or { bounded-out-of-orderness = "10s" }, or { column = "COLUMN" }

            error: [sources.bids.watermark] has no key "bounded-out-of-order"
             --> p.toml:9:15
              |
            9 | watermark = { bounded-out-of-order = "4s" }
              |               ^^^^^^^^^^^^^^^^^^^^ did you mean "bounded-out-of-orderness"?

            error: "4 parsecs" is not a duration: there is no unit "parsecs"; they are us, ms, s, m, h, d and w; write for example "500ms", "30s" or "1h 30m"
             --> p.toml:9:42
              |
            9 | watermark = { bounded-out-of-orderness = "4 parsecs" }
              |                                          ^^^^^^^^^^^

            error: on-error cannot be "dead-leter": it can be fail or skip or dead-letter
             --> p.toml:7:12
              |
            7 | on-error = "dead-leter"
              |            ^^^^^^^^^^^^ did you mean "dead-letter"?

        "#]],
    );
}
