//! JSON that is not lines: arrays, and objects over several lines.

use super::*;
use crate::formats::json_shape::JsonShape;

const COLUMNS: [(&str, &str); 1] = [("a", "int64")];

fn check_json(text: &str, rows: &[&str], malformed: &[&str]) {
    check(&TextFormat::Json, &COLUMNS, text, rows, malformed);
    let whole = read(&TextFormat::Json, &schema(&COLUMNS), vec![text.into()], 100);
    for (cut, rows_max) in [(1, 1), (3, 2), (7, 100)] {
        let pieces = text.as_bytes().chunks(cut).map(<[u8]>::to_vec).collect();
        assert_eq!(read(&TextFormat::Json, &schema(&COLUMNS), pieces, rows_max), whole, "{text:?} in pieces of {cut}");
    }
}

#[test]
fn arrays_are_read_by_elements() {
    check_json("[]", &[], &[]);
    check_json("\u{feff}\n[ ]\n\n", &[], &[]);
    check_json("[{\"a\":1},{\"a\":2}]", &["1", "2"], &[]);
    check_json("[\n  {\n    \"a\": 1,\n    \"b\": [{}, \"]}\"]\n  },\n  {\"a\": 2}\n]\n", &["1", "2"], &[]);
    let elements = "[\n{\"a\":1},\n{\"a\":\n tru},\n7 , \"x,\", [1],\n{\"a\":\"x\"}, {\"a\":3}\n]\n";
    check_json(
        elements,
        &["1", "3"],
        &[
            "in:3: it is not JSON: expected ident at line 4, character 5",
            "in:5: it is not an object, but a number",
            "in:5: it is not an object, but text",
            "in:5: it is not an object, but an array",
            "in:6: column \"a\": \"x\" is not of the type int64",
        ],
    );
}

#[test]
fn the_rest_of_a_damaged_array_is_one_malformed_record() {
    let rest = "; the rest of the array is not read";
    for (text, rows, malformed) in [
        ("[\n{\"a\":1},\n{\"a\":[2},\n{\"a\":3}]", vec!["1"], "in:3: a bracket is closed that is not open"),
        ("[\n{\"a\":1},\n{\"b\":\n\"2},\n{\"a\":3}]", vec!["1"], "in:3: a text is not closed on its line, in line 4"),
        (
            "[\n{\"a\":1}\n{\"a\":3}]",
            vec!["1"],
            "in:3: an element is followed neither by a comma nor by the end of the array",
        ),
        ("[\n{\"a\":1},\n]", vec!["1"], "in:3: an element is missing"),
        ("[\n{\"a\":1},,{\"a\":2}\n]", vec!["1"], "in:2: an element is missing"),
        ("[\n{\"a\":1}]\n]", vec!["1"], "in:3: the array is closed, and something follows it"),
        ("[\n{\"a\":1},\n{\"a\":2\n", vec!["1"], "in:3: it is not closed"),
        ("[\n{\"a\":1},\n", vec!["1"], "in:3: the array is not closed"),
        ("[\n{\"a\":1}", vec!["1"], "in:2: the array is not closed"),
        ("[\n", vec![], "in:2: the array is not closed"),
    ] {
        check_json(text, &rows, &[&format!("{malformed}{rest}")]);
    }
}

#[test]
fn objects_are_read_over_several_lines() {
    check_json("{\n\"a\":1\n}\n{\n\"a\":2\n}{\"a\":3} {\n}", &["1", "2", "3", ""], &[]);
    check_json(
        "{\n  \"a\": 1.5\n}\n[1]\n7 8\n{\n  \"a\": x\n}\n{\n  \"a\": 1,\n{\n  \"a\": 2\n}\n{\n  \"a\": [3}\n}\n{\n  \"a\": 4\n}\n",
        &["2", "4"],
        &[
            "in:1: column \"a\": 1.5 is not of the type int64",
            "in:4: it is not an object, but an array",
            "in:5: it is not JSON: trailing characters at character 3",
            "in:6: it is not JSON: expected value at line 7, character 8",
            "in:9: a bracket is closed that is not open, in line 15",
            "in:14: a bracket is closed that is not open, in line 15",
        ],
    );
    check_json("{\n\"a\":1\n}\n{\n\"a\":2,\n{\n\"a\":3\n}\n", &["1", "3"], &["in:4: it is not closed"]);
}

#[test]
fn lines_stay_lines() {
    let eof = "it is not JSON: EOF while parsing an object at character 6";
    check_json(
        "{\"a\":1\n{\"a\":2}\n{\n\"a\":3}\n",
        &["2"],
        &[
            &format!("in:1: {eof}"),
            "in:3: it is not JSON: EOF while parsing an object at character 1",
            "in:4: it is not JSON: trailing characters at character 4",
        ],
    );
    let array = "it is not an object, but an array";
    check_json("[{\"a\":1}]\n{\"a\":2}\n[]\n", &["2"], &[&format!("in:1: {array}"), &format!("in:3: {array}")]);
}

#[test]
fn the_size_and_the_depth_of_values_are_limited() {
    let long = format!("{{\n\"b\":\"{}\"}}", "x".repeat(RECORD_BYTES_MAX));
    let deep = format!("{{\"a\":1,\n\"b\":{}{}}}", "[".repeat(128), "]".repeat(128));
    let (too_long, too_deep) = ("the record is longer than 1 MiB", "it has more than 128 levels of objects and arrays");
    for (begin, between, end) in [("[", ",", "]"), ("", "\n", "")] {
        let text = ["{\n\"a\":1}", &long, &deep, "{\"a\":2}"].join(between);
        let text = format!("{begin}{text}{end}\n").into_bytes();
        let whole = read(&TextFormat::Json, &schema(&COLUMNS), vec![text.clone()], 100);
        let reasons: Vec<_> = whole.1.iter().map(|malformed| malformed.reason.as_str()).collect();
        assert_eq!((lines(&whole.0), reasons), (vec!["1".to_owned(), "2".to_owned()], vec![too_long, too_deep]));
        for cut in [50_000, RECORD_BYTES_MAX + 3] {
            let pieces = text.chunks(cut).map(<[u8]>::to_vec).collect();
            assert_eq!(read(&TextFormat::Json, &schema(&COLUMNS), pieces, 1), whole, "in pieces of {cut}");
        }
    }
}

/// Gives its pieces one by one, as a file does.
struct Steady(VecDeque<Vec<u8>>);

impl Input for Steady {
    fn read(&mut self, buffer: &mut Vec<u8>, _wait: Duration) -> Result<InputRead, ConnectorError> {
        let Some(piece) = self.0.pop_front() else { return Ok(InputRead::End) };
        buffer.extend(piece);
        Ok(InputRead::Bytes)
    }
}

/// What a reader that stands at a place finds from there on.
fn read_from(
    text: &[u8],
    at: Position,
    shape: Option<JsonShape>,
    rows_max: usize,
) -> Vec<(Position, Option<JsonShape>, String)> {
    let rest = &text[usize::try_from(at.byte).unwrap()..];
    let pieces = Steady(rest.chunks(5).map(<[u8]>::to_vec).collect());
    let framing = TextFormat::Json.framing_from(at, shape);
    let before = usize::try_from(at.byte).unwrap().checked_sub(1).map(|before| text[before]);
    let records = Records::new("in".to_owned(), Box::new(pieces), framing, at);
    let records = if shape.is_some() { records.behind(before) } else { records };
    let schema = schema(&COLUMNS);
    let decoder = TextFormat::Json.decoder("in".to_owned(), Arc::clone(&schema), Arc::clone(&schema), &[0], None);
    let mut reader = TextReader::new(records, false, decoder).unwrap();
    let mut found = Vec::new();
    loop {
        match reader.poll(rows_max, Duration::ZERO).unwrap() {
            Polled::Batch { rows, malformed } => {
                let malformed = malformed.iter().map(|m| format!("{} {}", m.at, m.reason));
                let all = lines(&rows).into_iter().chain(malformed).collect::<Vec<_>>().join("\n");
                if !reader.has_taken_open_line() {
                    found.push((reader.position(), reader.shape(), all));
                } else {
                    found.push((Position::BEGIN, None, all));
                }
            }
            Polled::Pending => {}
            Polled::End => return found,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn values_are_the_same_in_any_pieces_and_from_any_offset(
        begin in prop::sample::select(vec!["[", "[\n", "", "\n", "{\n\"a\":0}\n"]),
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "{\"a\":1}", "{\n\"a\":\n2}", "{\"a\":\"x\"}", ",", ",", ",\n", "\n", "\n", " ", "]", "[1]", "7", "{", "}", "\"", "{\"b\":[",
                "\"\\\"\"", ":", "x",
            ]),
            0..20,
        ),
        end in prop::sample::select(vec!["]", "]\n", "", "\n"]),
        cut in 1_usize..20,
        rows_max in 1_usize..10,
    ) {
        let text = format!("{begin}{}{end}", tokens.concat()).into_bytes();
        let format = &TextFormat::Json;
        let whole = read(format, &schema(&COLUMNS), vec![text.clone()], 1000);
        let pieces = text.chunks(cut).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(read(format, &schema(&COLUMNS), pieces, rows_max), whole);

        let from_begin = read_from(&text, Position::BEGIN, None, 1);
        for (number, (position, shape, _)) in from_begin.iter().enumerate() {
            if *position == Position::BEGIN {
                continue;
            }
            let rest = read_from(&text, *position, *shape, 1);
            let found: Vec<_> = rest.iter().map(|(_, _, found)| found).collect();
            let expected: Vec<_> = from_begin.iter().skip(number + 1).map(|(_, _, found)| found).collect();
            prop_assert_eq!(found, expected, "{:?} from {:?}", String::from_utf8_lossy(&text), position);
        }
    }
}
