//! Keys and values of every section, misspelt: the message names the one that is meant, or all that there are.

use crate::read;

const PIPELINE: &str = r#"
name = "p"
parallelism = 1
max-parallelism = 8
batch-rows = 10
linger = "1s"
[checkpoint]
dir = "state"
interval = "1s"
min-pause = "1s"
timeout = "1s"
keep = 3
[restart]
delay = "1s"
delay-max = "1s"
failures-max = 3
period = "1s"
[dead-letters]
max-bytes = "1MiB"
when-full = "drop"
[sources.s]
connector = "file"
event-time = { column = "t", unit = "ms" }
watermark = { bounded-out-of-orderness = "1s", idle-after = "1s" }
on-error = "dead-letter"
[operators.o]
input = "s"
component = "o.wasm"
exchange = "rebalance"
on-error = "dead-letter"
limits = { memory = "1MiB", call-time = "1s", output-rows-per-row = 3, log-bytes-per-s = "1KiB", table-elements = 10, timers = 3 }
[filters.f]
input = "o"
where = "v > 1"
on-error = "dead-letter"
[selects.c]
input = "f"
rename = { w = "v" }
on-error = "dead-letter"
[windows.w]
input = "c"
key-by = ["w"]
window = { sliding = "2s", slide = "1s", offset = "500ms" }
allowed-lateness = "1s"
aggregates.q = { quantile = "w", q = 0.5, error = 0.01 }
on-error = "dead-letter"
[sinks.out]
input = "w"
connector = "stdout"
columns = ["q"]
"#;

#[test]
fn every_misspelt_key_is_answered() {
    assert!(read(PIPELINE, &[]).is_ok(), "{:?}", read(PIPELINE, &[]).err());
    let own = ["name", "connector", "columns", "where", "w", "q"];
    let keys = PIPELINE.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| {
        let is_key = PIPELINE.contains(&format!("{word} = "));
        is_key && word.len() > 3 && !own.contains(word)
    });
    let mut seen = 0;
    for key in keys {
        let misspelt = format!("{}x{}", &key[..key.len() / 2], &key[key.len() / 2 + 1..]);
        let text = PIPELINE.replace(&format!("\n{key} = "), &format!("\n{misspelt} = "));
        let text = text.replace(&format!(" {key} = "), &format!(" {misspelt} = "));
        // Keys that the connector of a source or a sink may have are not looked at here.
        if ["event-time", "watermark"].contains(&key) {
            continue;
        }
        let error = read(&text, &[]).err().unwrap_or_else(|| panic!("{misspelt} was taken for {key}"));
        let meant = [format!("did you mean {key:?}?"), format!("is this meant to be {key:?}?")];
        assert!(meant.iter().any(|meant| error.contains(meant)), "{misspelt}: {error}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn misspelt_values_are_answered() {
    for (from, to, expected) in [
        ("unit = \"ms\"", "unit = \"msec\"", "it can be s or ms or us or ns"),
        ("when-full = \"drop\"", "when-full = \"dorp\"", "did you mean \"drop\"?"),
        ("exchange = \"rebalance\"", "exchange = \"rebalanse\"", "did you mean \"rebalance\"?"),
        ("on-error = \"dead-letter\"", "on-error = \"dead-leter\"", "did you mean \"dead-letter\"?"),
        (
            "watermark = { bounded-out-of-orderness = \"1s\", idle-after = \"1s\" }",
            "watermark = \"at-ned\"",
            "did you mean \"at-end\"? or {",
        ),
        ("input = \"c\"", "input = \"qqqqqqq\"", "the streams are s, o, f, c, w"),
        ("q = 0.5, error", "q = 95, error", "q is from 0 to 1"),
        ("quantile = \"w\"", "qantile = \"w\"", "did you mean \"quantile\"?"),
        ("aggregates.q = {", "aggregates.r = \"zzzzzzzz\"\naggregates.q = {", "the aggregates are count, sum, "),
        ("keep = 3", "keep = 3\nzzzzzzzzz = 1", "its keys are dir, interval, min-pause, timeout, keep"),
    ] {
        assert!(PIPELINE.contains(from), "{from}");
        let error = read(&PIPELINE.replace(from, to), &[]).expect_err(to);
        assert!(error.contains(expected), "{to}: {error}");
    }
}
