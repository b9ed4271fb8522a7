//! Invalid filters and selects are reported at their place within the expression.

use expect_test::expect;

use crate::check;

/// The sink reads this step, which is added.
fn step(text: &str) -> String {
    format!("{text}\n[sinks.out]\ninput = \"step\"")
}

#[test]
fn filters_and_selects() {
    let steps = [
        "[filters.step]\ninput = \"bids\"\nwhere = \"prize > 5 and auction < 10\"",
        "[filters.step]\ninput = \"bids\"\nwhere = '''\n  auction < 10\n  and price > 'high'\n'''",
        "[filters.step]\ninput = \"bids\"\nwhere = \"\\\"price\\\" > 5 nad auction < 10\"",
        "[filters.step]\ninput = \"bids\"\nwhere = \"price +\"",
        "[filters.step]\ninput = \"bids\"\nwhere = \"price + 1\"",
        "[filters.step]\ninput = \"bids\"\nwher = \"price > 1\"",
        "[filters.step]\ninput = \"bids.late\"\nwhere = \"price > 1\"",
        "[filters.step]\ninput = \"bids\"\nwhere = \"price > 1\"\n[sinks.bad]\nconnector = \"blackhole\"\ninput = \"step.dead-letter\"",
        "[selects.step]\ninput = \"bids\"",
        "[selects.step]\ninput = \"bids\"\ncolumns = { double = \"price * 2\", large = \"pric > 5\" }",
        "[selects.step]\ninput = \"bids\"\ncolumns = { nothing = \"null\" }",
        "[selects.step]\ninput = \"bids\"\ncolumns = [\"price\", \"auction.id\"]",
        "[selects.step]\ninput = \"bids\"\ncolumns = [\"price\", \"price\"]",
        "[selects.step]\ninput = \"bids\"\ncolumns = []",
        "[selects.step]\ninput = \"bids\"\ncolumns = [\"price\"]\ndrop = [\"auction\"]",
        "[selects.step]\ninput = \"bids\"\nadd = { bidder = 5 }",
        "[selects.step]\ninput = \"bids\"\nrename = { price = \"cost\" }",
        "[selects.step]\ninput = \"bids\"\nrename = { bidder = \"price\" }",
        "[selects.step]\ninput = \"bids\"\nrename = { cost = \"price\" }\nadd = { cost = \"1\" }",
        "[selects.step]\ninput = \"bids\"\nrename = { cost = \"price\" }\ndrop = [\"price\"]",
        "[selects.step]\ninput = \"bids\"\nrename = { cost = \"price\", amount = \"price\" }",
        "[selects.step]\ninput = \"bids\"\ndrop = [\"prize\"]",
    ];
    let steps: Vec<String> = steps.iter().map(|text| step(text)).collect();
    let cases: Vec<(&str, &str)> =
        steps.iter().map(|step| ("[sinks.out]\ninput = \"per-minute\"", step.as_str())).collect();
    check(
        &cases,
        &expect![[r#"
            error: there is no column "prize"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:21:10
               |
            21 | where = "prize > 5 and auction < 10"
               |          ^^^^^

            error: "high" is not of the type int64
              --> p.toml:23:15
               |
            23 |   and price > 'high'
               |               ^^^^^^

            error: the expression ends before "nad", and nothing may follow; a name with a hyphen or a space is written in double quotes or backquotes
              --> p.toml:21:24
               |
            21 | where = "\"price\" > 5 nad auction < 10"
               |                        ^^^

            error: the expression cannot be read: expected an expression, found the end
              --> p.toml:21:17
               |
            21 | where = "price +"
               |                 ^

            error: a condition is a bool, but this is int64: compare it with something
              --> p.toml:21:10
               |
            21 | where = "price + 1"
               |          ^^^^^^^^^

            error: [filters.step] has no key "wher"
              --> p.toml:21:1
               |
            21 | wher = "price > 1"
               | ^^^^ did you mean "where"?

            error: "bids" has no output "late": it has main, dead-letter
              --> p.toml:20:9
               |
            20 | input = "bids.late"
               |         ^^^^^^^^^^^

            error: "step" has no dead letters
              --> p.toml:24:9
               |
            24 | input = "step.dead-letter"
               |         ^^^^^^^^^^^^^^^^^^ set its on-error to "dead-letter"

            error: [selects.step] selects nothing
              --> p.toml:19:10
               |
            19 | [selects.step]
               |          ^^^^ columns = { NAME = "EXPRESSION" } lists all output columns; add, rename and drop change those of the input

            error: there is no column "pric"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:21:44
               |
            21 | columns = { double = "price * 2", large = "pric > 5" }
               |                                            ^^^^

            error: null has no type here: write cast(null as TYPE)
              --> p.toml:21:24
               |
            21 | columns = { nothing = "null" }
               |                        ^^^^

            error: "auction" is int64 and has no fields: only a struct has
              --> p.toml:21:30
               |
            21 | columns = ["price", "auction.id"]
               |                              ^^

            error: columns names the column "price" twice: here and in line 21, column 12; remove one
              --> p.toml:21:21
               |
            21 | columns = ["price", "price"]
               |                     ^^^^^^^

            error: columns names no column
              --> p.toml:21:11
               |
            21 | columns = []
               |           ^^ name at least one

            error: columns lists all output columns, so drop cannot be used with it
              --> p.toml:22:1
               |
            22 | drop = ["auction"]
               | ^^^^ leave columns out to keep the other columns of the input

            error: selects.step.add.bidder must be a string, not a whole number
              --> p.toml:21:18
               |
            21 | add = { bidder = 5 }
               |                  ^

            error: there is no column "cost"; the columns are auction, bidder, price, ts, extra, channel, url. The new name stands first: rename = { "cost" = "price" }
              --> p.toml:21:20
               |
            21 | rename = { price = "cost" }
               |                    ^^^^^^

            error: "step" (in line 19, column 10) would make two columns named "bidder": drop one, or give it another name
              --> p.toml:21:12
               |
            21 | rename = { bidder = "price" }
               |            ^^^^^^

            error: "step" (in line 19, column 10) would make two columns named "cost": drop one, or give it another name
              --> p.toml:22:9
               |
            22 | add = { cost = "1" }
               |         ^^^^

            error: the column "price" is dropped, and cannot be renamed
              --> p.toml:21:19
               |
            21 | rename = { cost = "price" }
               |                   ^^^^^^^

            error: the column "price" gets two names: add = { NAME = "..." } makes a copy
              --> p.toml:21:37
               |
            21 | rename = { cost = "price", amount = "price" }
               |                                     ^^^^^^^

            error: there is no column "prize"; did you mean "price"?; the columns are auction, bidder, price, ts, extra, channel, url
              --> p.toml:21:9
               |
            21 | drop = ["prize"]
               |         ^^^^^^^

        "#]],
    );
}
