//! Two columns of one name, wherever they would come from.

use expect_test::expect;

use crate::check;

#[test]
fn two_columns_of_one_name() {
    check(
        &[
            ("key-by = [\"auction\"]", "key-by = [\"auction\",\n  \"bidder\", \"auction\"]"),
            ("aggregates.bids", "aggregates.auction"),
            ("aggregates.bids", "aggregates.window_end"),
            ("\"blackhole\"", "\"blackhole\"\ncolumns = [\"price\", \"bids\",\n  \"price\"]"),
            (
                "[sinks.out]",
                "[windows.again]\ninput = \"per-minute\"\nkey-by = [\"window_start\"]\nwindow = { tumbling = \"1h\" }\n\
                 aggregates.n = \"count\"\n\n[sinks.out]",
            ),
            (
                "aggregates.bids = \"count\"\naggregates.price = { max = \"price\" }\n",
                "aggregates.error = \"count\"\n\n[windows.again]\ninput = \"per-minute\"\nwindow = { tumbling = \"1h\" }\n\
                 on-error = \"dead-letter\"\naggregates.n = \"count\"\n",
            ),
        ],
        &expect![[r#"
            error: key-by names the column "auction" twice: here and in line 13, column 11; remove one
              --> p.toml:14:13
               |
            14 |   "bidder", "auction"]
               |             ^^^^^^^^^

            error: the window already has a column named "auction": its key in line 13, column 11
              --> p.toml:16:12
               |
            16 | aggregates.auction = "count"
               |            ^^^^^^^

            error: the window already has a column named "window_end": a bound that the window makes itself, in line 11, column 10
              --> p.toml:16:12
               |
            16 | aggregates.window_end = "count"
               |            ^^^^^^^^^^

            error: columns names the column "price" twice: here and in line 22, column 12; remove one
              --> p.toml:23:3
               |
            23 |   "price"]
               |   ^^^^^^^

            error: a window (in line 19, column 10) makes a column "window_start" of its own, so no key can have that name: give the column another name before the window
              --> p.toml:21:11
               |
            21 | key-by = ["window_start"]
               |           ^^^^^^^^^^^^^^

            error: "again" (in line 18, column 10) would add the column "error" to the rows of its output "dead-letter", and its input (in line 19, column 9) has one of that name: give that column another name before "again"
              --> p.toml:18:10
               |
            18 | [windows.again]
               |          ^^^^^

        "#]],
    );
}
