//! Messages of all kinds, without a broker.

use arrow::util::display::array_value_to_string;
use weir_core::graph::Options;

use super::super::columns::Header;
use super::super::options::SourceOptions;
use super::*;

fn messages(options: &str, projection: &[usize]) -> Messages {
    let text = format!("brokers = \"b:1\"\ntopic = \"t\"\n{options}");
    let options = SourceOptions::parse(&Options::from_toml(&text, std::path::PathBuf::new())).unwrap();
    Messages::new(&options.columns, "t", 3, projection).unwrap()
}

fn push(messages: &mut Messages, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[Header<'_>]) {
    let beside = Beside { offset, timestamp_ms: Some(offset * 1000), key, headers: Some(headers) };
    messages.push(value, &beside);
}

/// The rows, with `|` between columns, and the malformed records, as `AT: REASON`.
fn finish(messages: &mut Messages) -> (Vec<String>, Vec<String>) {
    let Polled::Batch { rows, malformed } = messages.finish().unwrap() else { panic!("no batch") };
    let field = |column: &ArrayRef, row| array_value_to_string(column, row).unwrap();
    let line = |row| rows.columns().iter().map(|column| field(column, row)).collect::<Vec<_>>().join("|");
    let malformed = malformed.iter().map(|malformed| format!("{}: {}", malformed.at, malformed.reason));
    ((0..rows.num_rows()).map(line).collect(), malformed.collect())
}

/// What comes of values at the offsets 10, 11, ..
fn check(options: &str, projection: &[usize], values: &[Option<&str>], rows: &[&str], malformed: &[&str]) {
    let mut messages = messages(options, projection);
    // Twice: nothing of the first batch is left in the second.
    for _ in 0..2 {
        for (offset, value) in (10..).zip(values) {
            push(&mut messages, offset, None, value.map(str::as_bytes), &[]);
        }
        assert_eq!(messages.gathered().0, values.len());
        let (read, set_aside) = finish(&mut messages);
        assert_eq!(read, rows, "{options}");
        assert_eq!(set_aside.len(), malformed.len(), "{set_aside:?}");
        for (said, expected) in set_aside.iter().zip(malformed) {
            assert!(said.starts_with(expected), "{said:?} does not begin with {expected:?}");
        }
    }
}

const JSON: &str =
    "schema = { a = \"int64\", b = \"struct<c: list<utf8>>\" }\nmetadata = { o = \"offset\", p = \"partition\" }";

#[test]
fn json_is_typed_and_only_bad_messages_fall_out() {
    let values = [
        Some("{\"a\": 1, \"b\": {\"c\": [\"x\"]}}"),
        Some("{\"a\": 1.5}"),
        None,
        Some("{\n  \"a\": 2\n}\r\n"),
        Some("{\"a\": 3} {\"a\": 4}"),
        Some(""),
        Some("{\"a\": 5"),
        Some("{\"a\": 6}"),
    ];
    let malformed = [
        "t/3@12: it has no value (a tombstone)",
        "t/3@11: column \"a\": 1.5 is not of the type int64",
        "t/3@14: it is not JSON",
        "t/3@15: it is not JSON",
        "t/3@16: it is not JSON",
    ];
    check(JSON, &[0, 1, 2, 3], &values, &["1|{c: [x]}|10|3", "2||13|3", "6||17|3"], &malformed);
    check(JSON, &[2, 0], &values, &["10|1", "13|2", "17|6"], &malformed);
}

#[test]
fn rows_are_located_by_their_offset() {
    let mut messages = messages(JSON, &[0, 2]);
    for _ in 0..2 {
        for (offset, value) in (10..).zip(["{\"a\": 1}", "{\"a\": 1.5}", "{}", "{", "{\"a\": null}\n"]) {
            push(&mut messages, offset, None, Some(value.as_bytes()), &[]);
        }
        assert_eq!(finish(&mut messages).0, ["1|10", "|12", "|14"]);
        let located = |row| messages.locate(row).map(|(at, record)| format!("{at} {record}"));
        assert_eq!(located(0).as_deref(), Some("t/3@10 {\"a\": 1}"));
        assert_eq!(located(1).as_deref(), Some("t/3@12 {}"));
        assert_eq!(located(2).as_deref(), Some("t/3@14 {\"a\": null}"));
        assert_eq!(located(3), None);
    }
}

#[test]
fn values_that_nobody_reads_are_not_looked_into() {
    let values = [Some("{"), None, Some("{}")];
    check(JSON, &[2], &values, &["10", "12"], &["t/3@11: it has no value"]);
    check(JSON, &[], &values, &["", ""], &["t/3@11"]);
    check("format = \"raw\"", &[], &[Some("a"), None], &["", ""], &[]);
}

#[test]
fn a_csv_message_is_exactly_one_record() {
    let options = "format = \"csv\"\nschema = { a = \"int64\", b = \"utf8\" }\nmetadata = { o = \"offset\" }";
    let values = [
        Some("1,x"),
        // Two records and none: together they would be as many as there should be.
        Some("2,y\n3,z"),
        Some(""),
        Some("4,\"p\nq\"\r\n"),
        Some("5"),
        Some("x,y"),
        Some("6,\"open"),
        Some("7,\"\"\"\""),
    ];
    let malformed = [
        "t/3@11: it is not exactly one CSV record",
        "t/3@12: it is not exactly one CSV record",
        "t/3@16: it is not exactly one CSV record",
        "t/3@14: it has 1 field instead of 2",
        "t/3@15: column \"a\": \"x\" is not of the type int64",
    ];
    check(options, &[0, 1, 2], &values, &["1|x|10", "4|p\nq|13", "7|\"|17"], &malformed);
    check(options, &[1], &[Some("z,1")], &["1"], &[]);
}

#[test]
fn a_text_message_is_one_value_as_it_is() {
    let values = [Some("a\r\n\n b\n"), Some(""), None];
    check("format = \"text\"", &[0], &values, &["a\r\n\n b\n", "", ""], &[]);
    let mut text = messages("format = \"text\"\nschema = { message = \"utf8\" }", &[0]);
    push(&mut text, 5, None, Some(b"\xff"), &[]);
    assert_eq!(finish(&mut text).1, ["t/3@5: it is not UTF-8; have it as \"binary\""]);
}

#[test]
fn csv_messages_have_their_own_quote_and_nulls() {
    let options = "format = \"csv\"\nquote = \"\"\nnull-values = [\"NA\"]\nschema = { a = \"utf8\", b = \"int64\" }";
    let values = [Some("\"x,1"), Some("NA,NA"), Some("a\nb,1"), Some("#,2")];
    check(options, &[0, 1], &values, &["\"x|1", "|", "#|2"], &["t/3@12: it is not exactly one CSV record"]);
}

#[test]
fn raw_values_are_bytes_or_text_or_null() {
    let mut bytes = messages("format = \"raw\"", &[0]);
    let mut text = messages("format = \"raw\"\nschema = { line = \"utf8\" }", &[0]);
    for messages in [&mut bytes, &mut text] {
        for (offset, value) in (0..).zip([Some(&b"ab"[..]), None, Some(b""), Some(b"\xff\n")]) {
            push(messages, offset, None, value, &[]);
        }
    }
    assert_eq!(finish(&mut bytes), (vec!["6162".into(), String::new(), String::new(), "ff0a".into()], vec![]));
    let (rows, malformed) = finish(&mut text);
    assert_eq!(rows, ["ab", "", ""]);
    assert_eq!(malformed, ["t/3@3: it is not UTF-8; have it as \"binary\""]);
}

#[test]
fn what_is_beside_the_value_is_a_column_if_asked_for() {
    let options = "format = \"raw\"\nschema = { v = \"utf8\" }\n\
                   metadata = { k = \"key\", kb = \"key-binary\", at = \"timestamp\", h = \"headers\" }";
    let mut all = messages(options, &[1, 2, 3, 4, 0]);
    push(&mut all, 1, Some(b"k1"), Some(b"x"), &[("h", Some(b"v")), ("n", None)]);
    push(&mut all, 2, None, Some(b"y"), &[]);
    push(&mut all, 3, Some(b"\xff"), Some(b"z"), &[]);
    let (rows, malformed) = finish(&mut all);
    assert_eq!(rows[0], "k1|6b31|1970-01-01T00:00:01Z|[{name: h, value: 76}, {name: n, value: }]|x");
    assert_eq!(rows[1], "||1970-01-01T00:00:02Z|[]|y");
    assert_eq!(malformed, ["t/3@3: its key is not UTF-8; have it as \"key-binary\""]);
    let mut bytes = messages(options, &[2]);
    push(&mut bytes, 3, Some(b"\xff"), Some(b"z"), &[]);
    assert_eq!(finish(&mut bytes), (vec!["ff".to_owned()], vec![]));
}

/// What comes of keys and values: the rows with their kinds, and the malformed records.
fn upserts(options: &str, projection: &[usize], keyed: &[(Option<&str>, Option<&str>)]) -> (Vec<String>, Vec<String>) {
    let options = format!(
        "schema = {{ id = \"int64\", shop = \"utf8\", price = \"int64\" }}\nmetadata = {{ o = \"offset\" }}\n\
         changelog = \"upsert\"\n{options}"
    );
    let mut messages = messages(&options, projection);
    let mut twice = (0..2).map(|_| {
        for (offset, (key, value)) in (0..).zip(keyed) {
            push(&mut messages, offset, key.map(str::as_bytes), value.map(str::as_bytes), &[]);
        }
        let (rows, malformed) = finish(&mut messages);
        let kinds = messages.kinds().unwrap();
        let row = |(row, text): (usize, String)| format!("{} {text}", kinds.get(row).text());
        (rows.into_iter().enumerate().map(row).collect(), malformed)
    });
    let first = twice.next().unwrap();
    assert_eq!(Some(&first), twice.next().as_ref());
    first
}

#[test]
fn the_key_of_a_table_is_that_of_the_message() {
    let keyed = [
        (Some("{\"id\":1,\"shop\":null}"), Some("{\"id\":7,\"price\":10}")),
        (Some("{\"shop\":\"s\",\"id\":1}"), None),
        (None, Some("{\"id\":7,\"price\":10}")),
        (Some("{\"id\":1}"), None),
        (Some("1"), Some("{}")),
        (Some("{\"id\":\"x\",\"shop\":\"s\"}"), Some("{}")),
        (Some("{\"id\":2,\"shop\":\"t\"}"), Some("{\"price\":\"x\"}")),
        (Some("{\"id\":3,\"shop\":\"u\"}"), Some("{\"price\":3,\"shop\":\"other\"}")),
    ];
    let malformed = [
        "t/3@2: it has no key, by which it would take the place of another",
        "t/3@3: its key has no \"shop\"",
        "t/3@4: its key is not a JSON object",
        "t/3@5: column \"id\": \"x\" is not of the type int64",
        "t/3@6: column \"price\": \"x\" is not of the type int64",
    ];
    let key = "key = [\"id\", \"shop\"]";
    assert_eq!(
        upserts(key, &[0, 1, 2, 3], &keyed),
        (["+U 1||10|0", "-D 1|s||1", "+U 3|u|3|7"].map(str::to_owned).to_vec(), malformed.map(str::to_owned).to_vec())
    );
    let (rows, refused) = upserts(key, &[3, 1], &keyed);
    // The id and the price are not looked into.
    assert_eq!(rows, ["+U 0|", "-D 1|s", "+U 5|s", "+U 6|t", "+U 7|u"]);
    assert_eq!(refused.len(), 3, "{refused:?}");
    assert_eq!(upserts(key, &[], &keyed).0, ["+U ", "-D ", "+U ", "+U ", "+U "]);
}

#[test]
fn keys_of_a_table_can_be_text_or_in_envelopes() {
    let keyed = [(Some("1"), Some("{\"price\":10}")), (Some("2"), None), (Some("x"), Some("{}"))];
    assert_eq!(
        upserts("key = \"id\"\nkey-format = \"text\"", &[0, 2], &keyed),
        (vec!["+U 1|10".to_owned(), "-D 2|".to_owned()], vec!["t/3@2: its key \"x\" is no int64".to_owned()])
    );
    let envelope = "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":4,\"price\":5}}";
    let keyed = [
        (Some(envelope), Some(envelope)),
        (Some(envelope), None),
        (Some("{\"id\":4}"), Some(envelope)),
        (Some(envelope), Some("{\"id\":4}")),
        (Some(envelope), Some("{\"payload\":null}")),
    ];
    let missing = "it has no payload: it is no envelope of Kafka Connect";
    assert_eq!(
        upserts("key = \"id\"\nenvelope = \"connect\"", &[2, 0, 3], &keyed),
        (
            vec!["+U 5|4|0".to_owned(), "-D |4|1".to_owned()],
            vec![
                "t/3@2: its key is not a JSON object with a payload".to_owned(),
                format!("t/3@3: {missing}"),
                format!("t/3@4: {missing}")
            ]
        )
    );
}

#[test]
fn tombstones_are_left_out_where_that_is_asked_for() {
    let options = format!("{JSON}\ntombstones = \"skip\"");
    check(&options, &[0, 2], &[Some("{\"a\": 1}"), None, Some("{\"a\": 2}")], &["1|10", "2|12"], &[]);
    check("format = \"raw\"\ntombstones = \"skip\"", &[0], &[None, None], &[], &[]);
}

#[test]
fn options_that_do_not_fit_are_explained_at_their_place() {
    for (options, reason, at) in [
        ("", "say what the columns are", None),
        ("format = \"raw\"\nschema = { a = \"int64\" }", "one column", Some("{ a = \"int64\" }")),
        ("format = \"csv\"\nschema = { a = \"list<int64>\" }", "CSV cannot hold", Some("\"list<int64>\"")),
        ("format = \"raw\"\ndelimiter = \";\"", "of CSV, not of raw", Some("\";\"")),
        ("format = \"raw\"\nmetadata = { value = \"key\" }", "two columns", Some("value")),
        ("format = \"raw\"\nmetadata = { k = \"keys\" }", "did you mean \"key\"?", None),
        ("format = \"raw\"\nstart = \"group\"", "group = \"NAME\"", Some("\"group\"")),
        ("format = \"raw\"\nstart = \"begin\"", "\"earliest\", \"latest\"", None),
        ("format = \"raw\"\nstart = { timestamp = \"noon\" }", "not a time since 1970", None),
        ("format = \"raw\"\ndiscover = \"soon\"", "is not a duration", Some("\"soon\"")),
        ("format = \"raw\"\nkey = \"k\"", "is for `changelog = \"upsert\"`", Some("\"k\"")),
        ("format = \"raw\"\nenvelope = \"connect\"", "an `envelope` is JSON", Some("\"connect\"")),
        ("schema = { a = \"utf8\" }\nchangelog = \"upsert\"", "which columns are the key", Some("\"upsert\"")),
        ("schema = { a = \"utf8\" }\nchangelog = \"upsert\"\nkey = \"b\"", "no column \"b\"", Some("\"b\"")),
        ("schema = { a = \"float64\" }\nchangelog = \"upsert\"\nkey = \"a\"", "keys are integers", Some("\"a\"")),
        (
            "schema = { a = \"date32\" }\nchangelog = \"upsert\"\nkey = \"a\"\nkey-format = \"text\"",
            "is a utf8 or an integer",
            Some("\"text\""),
        ),
        (
            "schema = { a = \"utf8\" }\nchangelog = \"upsert\"\nkey = \"a\"\ntombstones = \"skip\"",
            "cannot be left out",
            Some("\"skip\""),
        ),
        ("format = \"raw\"\nchangelog = \"upsert\"\nkey = \"value\"", "are read as JSON", Some("\"raw\"")),
        ("format = \"raw\"\ngroups = \"g\"", "did you mean \"group\"?", None),
    ] {
        let text = format!("brokers = \"b:1\"\ntopic = \"t\"\n{options}");
        let error = SourceOptions::parse(&Options::from_toml(&text, std::path::PathBuf::new())).err().unwrap();
        let ConnectorError::Option { message, span } = error else { panic!("{error}") };
        assert!(message.contains(reason), "{message}");
        if let Some(at) = at {
            assert_eq!(span.map(|span| &text[span]), Some(at));
        }
    }
}
