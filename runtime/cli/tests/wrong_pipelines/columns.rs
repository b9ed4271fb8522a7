//! What only connectors and components know: their names, options and columns.

use expect_test::expect;

use crate::check;

#[test]
fn what_only_connectors_and_components_know() {
    check(
        &[
            ("\"nexmark\"", "\"nexmrak\""),
            ("\"blackhole\"", "\"blckhole\""),
            ("table = \"bid\"", "tabel = \"bid\""),
            ("key-by = [\"auction\"]", "key-by = [\"action\"]"),
            ("{ max = \"price\" }", "{ max = \"prize\" }"),
            ("event-time = \"ts\"", "event-time = \"date\""),
            ("input = \"per-minute\"", "input = [\"per-minute\", \"bids\"]"),
            ("\"blackhole\"", "\"kafka\"\nbrokers = \"localhost:1\"\ntopic = \"t\"\nkey = \"auctoin\""),
            ("[sinks.out]", "[operators.o]\ninput = \"bids\"\ncomponent = \"o.wasm\"\n[sinks.out]"),
        ],
        &expect![[r#"
            error: there is no connector named "nexmrak"; did you mean "nexmark"?; the connectors are collection, file, kafka, nexmark, stdin
             --> p.toml:5:13
              |
            5 | connector = "nexmrak"
              |             ^^^^^^^^^

            error: there is no connector named "blckhole"; did you mean "blackhole"?; the connectors are blackhole, console, file, kafka, stdout
              --> p.toml:21:13
               |
            21 | connector = "blckhole"
               |             ^^^^^^^^^^

            error: there is no key "tabel" here; did you mean "table"?; the keys are table, events, rate, connector, event-time, watermark, future-max, on-error
             --> p.toml:7:1
              |
            7 | tabel = "bid"
              | ^^^^^

            error: there is no column "action"; did you mean "auction"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:13:11
               |
            13 | key-by = ["action"]
               |           ^^^^^^^^

            error: there is no column "prize"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:17:28
               |
            17 | aggregates.price = { max = "prize" }
               |                            ^^^^^^^

            error: there is no column "date"; the columns are auction, bidder, price, ts, extra, channel, url
             --> p.toml:8:14
              |
            8 | event-time = "date"
              |              ^^^^^^

            error: the inputs of "out" have different columns: auction int64, window_start timestamp(us, UTC), window_end timestamp(us, UTC), bids int64, price int64 and auction int64, bidder int64, price int64, ts timestamp(ms, UTC), extra utf8, channel utf8, url utf8
              --> p.toml:20:24
               |
            20 | input = ["per-minute", "bids"]
               |                        ^^^^^^

            error: `key` names the column "auctoin", which does not exist; did you mean "auction"?
              --> p.toml:24:7
               |
            24 | key = "auctoin"
               |       ^^^^^^^^^

            error: there is no component "o.wasm"; build it first (`weir build`), or correct the path
              --> p.toml:21:13
               |
            21 | component = "o.wasm"
               |             ^^^^^^^^

        "#]],
    );
}
