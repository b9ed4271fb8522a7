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
    check_text(PIPELINE, &cases, &expect![[""]]);
}
