//! Joins that cannot be.

use expect_test::expect;

use crate::check_text;

const PIPELINE: &str = r#"[sources.orders]
connector = "collection"
rows = [{ id = 1, at = 1, name = "a" }]
event-time = "at"
[sources.shipments]
connector = "collection"
rows = [{ order = 1, at = 1, city = "b" }]
event-time = "at"
[joins.shipped]
inputs = { orders = "orders", shipments = "shipments" }
on = ["orders.id = shipments.order"]
interval = { from = "0s", to = "4h" }
columns = ["orders.id", { city = "shipments.city" }]
[sinks.out]
input = "shipped"
connector = "blackhole"
"#;

#[test]
fn joins() {
    let on = "on = [\"orders.id = shipments.order\"]";
    let interval = "interval = { from = \"0s\", to = \"4h\" }";
    let columns = "columns = [\"orders.id\", { city = \"shipments.city\" }]\n";
    let cases = [
        ("{ orders = \"orders\", shipments = \"shipments\" }", "[\"orders\", \"shipments\"]"),
        (", shipments = \"shipments\" }", " }"),
        ("shipments = \"shipments\" }", "\"a b\" = \"shipments\" }"),
        (on, ""),
        (on, "on = []"),
        (on, "on = [\"id\"]"),
        (on, "on = [\"order.id = shipments.order\"]"),
        (on, "on = [\"orders.id = orders.id\"]"),
        (on, "on = [\"orders = shipments.order\"]"),
        (on, "on = [\"orders.id = shipments.ordre\"]"),
        (on, "on = [\"orders.id = shipments.city\"]"),
        (interval, ""),
        (interval, "interval = { from = \"0s\" }"),
        (interval, "interval = { from = \"1s\", to = \"0s\" }"),
        (interval, "interval = { from = \"1s\", after = \"0s\", to = \"2s\" }"),
        (interval, "interval = { from = \"0s\", to = \"4h\" }\nwindow = { tumbling = \"1h\" }"),
        (interval, "interval = { from = \"0s\", to = \"4h\" }\ntype = \"outer\""),
        (interval, "ttl = \"0s\""),
        (interval, "intervall = { from = \"0s\", to = \"4h\" }"),
        (columns, ""),
        ("\"orders.id\"", "\"id\""),
        ("\"orders.id\"", "\"ordres.id\""),
        ("\"orders.id\"", "\"orders.di\""),
        ("\"orders.id\"", "\"window_end\""),
        ("\"orders.id\"", "\"orders.id\", \"orders.id\""),
        (interval, "window = { tumbling = \"1h\" }\ntype = \"semi\""),
        ("input = \"shipped\"", "input = \"shipped.late\""),
    ];
    check_text(
        PIPELINE,
        &cases,
        &expect![[r#"
            error: joins.shipped.inputs must be a table, not a list
              --> p.toml:10:10
               |
            10 | inputs = ["orders", "shipments"]
               |          ^^^^^^^^^^^^^^^^^^^^^^^

            error: a join has two inputs, the left one first, and 1 are named
              --> p.toml:10:10
               |
            10 | inputs = { orders = "orders" }
               |          ^^^^^^^^^^^^^^^^^^^^^ inputs = { orders = "orders", shipments = "shipments" }

            error: ' ' cannot be in the name of an input: letters, digits, - and _ can
              --> p.toml:10:31
               |
            10 | inputs = { orders = "orders", "a b" = "shipments" }
               |                               ^^^^^

            error: [joins.shipped] needs a key "on"
             --> p.toml:9:8
              |
            9 | [joins.shipped]
              |        ^^^^^^^

            error: on names no columns
              --> p.toml:11:6
               |
            11 | on = []
               |      ^^ on = ["orders.COLUMN = shipments.COLUMN"]

            error: "id" is not a pair of columns
              --> p.toml:11:7
               |
            11 | on = ["id"]
               |       ^^^^ on = ["orders.COLUMN = shipments.COLUMN"]

            error: there is no input "order"; did you mean "orders"?; the inputs are orders, shipments
              --> p.toml:11:7
               |
            11 | on = ["order.id = shipments.order"]
               |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: both columns of "orders.id = orders.id" are of "orders"
              --> p.toml:11:7
               |
            11 | on = ["orders.id = orders.id"]
               |       ^^^^^^^^^^^^^^^^^^^^^^^ on = ["orders.COLUMN = shipments.COLUMN"]

            error: "orders" names no column: write it as "orders.COLUMN"
              --> p.toml:11:7
               |
            11 | on = ["orders = shipments.order"]
               |       ^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: "shipments": there is no column "ordre"; did you mean "order"?; the columns are order, at, city
              --> p.toml:11:7
               |
            11 | on = ["orders.id = shipments.ordre"]
               |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: orders.id is int64 and shipments.city is utf8: values of different types are never equal; a select before the join converts one, such as add = { city = "cast(city as int64)" }
              --> p.toml:11:7
               |
            11 | on = ["orders.id = shipments.city"]
               |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

            error: [joins.shipped] would keep all rows for ever: it needs an interval, a window, a ttl, or as-of
             --> p.toml:9:8
              |
            9 | [joins.shipped]
              |        ^^^^^^^ interval = { from = "-1h", to = "4h" }, window = { tumbling = "1h" }, ttl = "1d", or as-of = "event-time"

            error: [joins.shipped.interval] needs a key "to" or "before": without that bound rows are kept for ever
              --> p.toml:12:12
               |
            12 | interval = { from = "0s" }
               |            ^^^^^^^^^^^^^^^ interval = { from = "-1h", to = "4h" }

            error: no time is within these bounds: the first is after the second
              --> p.toml:12:12
               |
            12 | interval = { from = "1s", to = "0s" }
               |            ^^^^^^^^^^^^^^^^^^^^^^^^^^ they count from the left row: interval = { from = "-1h", to = "4h" }

            error: from and after are the same bound, with and without the bound itself
              --> p.toml:12:35
               |
            12 | interval = { from = "1s", after = "0s", to = "2s" }
               |                                   ^^^^ remove one

            error: a join has one of interval, window and ttl: each says until when rows are kept
              --> p.toml:13:10
               |
            13 | window = { tumbling = "1h" }
               |          ^^^^^^^^^^^^^^^^^^^

            error: type cannot be "outer": it can be inner or left or right or full or semi or anti
              --> p.toml:13:8
               |
            13 | type = "outer"
               |        ^^^^^^^

            error: ttl must be longer than zero
              --> p.toml:12:7
               |
            12 | ttl = "0s"
               |       ^^^^ ttl = "none" keeps rows for ever

            error: [joins.shipped] has no key "intervall"
              --> p.toml:12:1
               |
            12 | intervall = { from = "0s", to = "4h" }
               | ^^^^^^^^^ did you mean "interval"?

            error: both inputs of "shipped" (in line 9, column 8) have a column "at": list the columns that go out, such as columns = ["orders.at", { shipments_at = "shipments.at" }]
             --> p.toml:9:8
              |
            9 | [joins.shipped]
              |        ^^^^^^^

            error: "id" names no input: write it as INPUT.COLUMN, such as "orders.id"
              --> p.toml:13:12
               |
            13 | columns = ["id", { city = "shipments.city" }]
               |            ^^^^

            error: there is no input "ordres"; did you mean "orders"?; the inputs are orders, shipments
              --> p.toml:13:12
               |
            13 | columns = ["ordres.id", { city = "shipments.city" }]
               |            ^^^^^^^^^^^

            error: "orders" has no column "di"; did you mean "id"?; its columns are id, at, name
              --> p.toml:13:12
               |
            13 | columns = ["orders.di", { city = "shipments.city" }]
               |            ^^^^^^^^^^^

            error: a join without windows has no column "window_end"
              --> p.toml:13:12
               |
            13 | columns = ["window_end", { city = "shipments.city" }]
               |            ^^^^^^^^^^^^

            error: two columns would be named "id", here and in line 13, column 12: write { NEW = "orders.id" } to give one another name
              --> p.toml:13:25
               |
            13 | columns = ["orders.id", "orders.id", { city = "shipments.city" }]
               |                         ^^^^^^^^^^^

            error: a join of type = "semi" gives out rows of "orders" alone
              --> p.toml:14:34
               |
            14 | columns = ["orders.id", { city = "shipments.city" }]
               |                                  ^^^^^^^^^^^^^^^^

            error: "shipped" has no output "late": it has main, late-orders, late-shipments
              --> p.toml:15:9
               |
            15 | input = "shipped.late"
               |         ^^^^^^^^^^^^^^

        "#]],
    );
}

const TABLES: &str = r#"[sources.clicks]
connector = "collection"
rows = [{ page = 1, at = 1 }]
event-time = "at"
[sources.changes]
connector = "collection"
rows = [{ row_kind = "+I", id = 1, title = "a", at = 1 }]
event-time = "at"
[changelogs.changed]
input = "changes"
format = "kinds"
key = ["id"]
[aggregates.titles]
input = "changes"
key-by = ["title"]
aggregates.id = { max = "id" }
[windows.counts]
input = "changes"
key-by = ["title"]
window = { tumbling = "1m" }
emit = "update"
aggregates.id = { max = "id" }
[joins.named]
inputs = { clicks = "clicks", pages = "changed" }
on = ["clicks.page = pages.id"]
as-of = "event-time"
columns = ["clicks.page", "pages.title"]
[sinks.out]
input = "named"
connector = "blackhole"
[sinks.others]
input = "titles"
connector = "blackhole"
[sinks.windows]
input = "counts"
connector = "blackhole"
"#;

#[test]
fn joins_of_tables() {
    let as_of = "as-of = \"event-time\"";
    let cases = [
        (as_of, "as-of = \"later\""),
        (as_of, "as-of = \"event-time\"\ninterval = { from = \"0s\", to = \"1s\" }"),
        (as_of, "as-of = \"now\"\nttl = \"1d\""),
        (as_of, "as-of = \"event-time\"\nttl = \"0s\""),
        (as_of, "as-of = \"event-time\"\ntype = \"full\""),
        (as_of, "as-of = \"now\"\ntype = \"anti\""),
        ("key = [\"id\"]\n", ""),
        ("pages = \"changed\"", "pages = \"titles\""),
        ("pages = \"changed\"", "pages = \"counts\""),
        (
            "pages = \"changed\" }\non = [\"clicks.page = pages.id\"]\nas-of = \"event-time\"",
            "pages = \"counts\" }\non = [\"clicks.page = pages.id\"]\nas-of = \"now\"",
        ),
        (
            "pages = \"changed\" }\non = [\"clicks.page = pages.id\"]\nas-of = \"event-time\"",
            "pages = \"counts\" }\non = [\"clicks.page = pages.id\"]\nttl = \"1d\"",
        ),
        (
            "clicks = \"clicks\", pages = \"changed\" }\non = [\"clicks.page = pages.id\"]\nas-of = \"event-time\"\ncolumns = [\"clicks.page\"",
            "clicks = \"titles\", pages = \"changed\" }\non = [\"clicks.id = pages.id\"]\nas-of = \"now\"\ncolumns = [\"clicks.id\"",
        ),
    ];
    check_text(
        TABLES,
        &cases,
        &expect![[r#"
        error: as-of cannot be "later": it can be event-time or now
          --> p.toml:26:9
           |
        26 | as-of = "later"
           |         ^^^^^^^

        error: a join with as-of has no interval: each left row is looked up in the right input as a table
          --> p.toml:27:12
           |
        27 | interval = { from = "0s", to = "1s" }
           |            ^^^^^^^^^^^^^^^^^^^^^^^^^^ remove it, or as-of

        error: a join with as-of = "now" has no ttl: the table is kept for ever, and limits.state bounds it
          --> p.toml:27:7
           |
        27 | ttl = "1d"
           |       ^^^^ remove it, or as-of

        error: ttl must be longer than zero
          --> p.toml:27:7
           |
        27 | ttl = "0s"
           |       ^^^^ ttl = "none" keeps rows for ever

        error: type = "full" cannot be used with as-of: rows of "pages" are a table, in which each left row is looked up
          --> p.toml:27:8
           |
        27 | type = "full"
           |        ^^^^^^ type = "inner", or "left" for left rows that are not found, too

        error: type = "anti" cannot be used with as-of: rows of "pages" are a table, in which each left row is looked up
          --> p.toml:27:8
           |
        27 | type = "anti"
           |        ^^^^^^ type = "inner", or "left" for left rows that are not found, too

        error: "pages" takes rows back, and it is not known that it has one row for each value of "id": put an [aggregates.NAME] with key-by = ["id"] before the join, or say key = ["id"] in [changelogs.NAME]
          --> p.toml:24:7
           |
        24 | on = ["clicks.page = pages.id"]
           |       ^^^^^^^^^^^^^^^^^^^^^^^^

        error: "pages" has one row for each value of "title", and the join is on "id": it must be on "title"
          --> p.toml:25:7
           |
        25 | on = ["clicks.page = pages.id"]
           |       ^^^^^^^^^^^^^^^^^^^^^^^^

        error: "pages" has one row for each value of "title", "window_start", "window_end", and the join is on "id": it must be on "title", "window_start", "window_end"
          --> p.toml:25:7
           |
        25 | on = ["clicks.page = pages.id"]
           |       ^^^^^^^^^^^^^^^^^^^^^^^^

        error: "pages" is of updates by key, which may give a row another "id": put a [dedup.NAME] with keep = "last" and key-by = ["title", "window_start", "window_end"] before the join
          --> p.toml:25:7
           |
        25 | on = ["clicks.page = pages.id"]
           |       ^^^^^^^^^^^^^^^^^^^^^^^^

        error: "pages" is of updates by key, which may give a row another "id": put a [dedup.NAME] with keep = "last" and key-by = ["title", "window_start", "window_end"] before the join
          --> p.toml:25:7
           |
        25 | on = ["clicks.page = pages.id"]
           |       ^^^^^^^^^^^^^^^^^^^^^^^^

        error: "named" takes inserts only, and "titles" makes updates that take rows back: of a join with as-of only the right input may be updates; a join with a ttl takes them on both sides
          --> p.toml:24:21
           |
        24 | inputs = { clicks = "titles", pages = "changed" }
           |                     ^^^^^^^^

    "#]],
    );
}
