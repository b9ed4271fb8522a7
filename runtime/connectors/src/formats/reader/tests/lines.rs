//! Text and raw lines, and records of several lines.

use super::*;
use crate::formats::extent::RECORD_BYTES_MAX;

fn lines_of(name: FormatName, start: Option<&str>) -> TextFormat {
    format(name, FormatOptions { record_start: start.map(str::to_owned), ..FormatOptions::default() })
}

const LINE: [(&str, &str); 1] = [("line", "utf8")];

#[test]
fn every_line_is_a_row() {
    let text = lines_of(FormatName::Text, None);
    check(&text, &LINE, "a \"b\n\n  \r\n\u{e9}\rx\n#,", &["a \"b", "", "  ", "\u{e9}\rx", "#,"], &[]);
    check(&text, &LINE, "\u{feff}a\n\u{feff}b\n", &["a", "\u{feff}b"], &[]);
    check(&text, &LINE, "", &[], &[]);
    check(&text, &LINE, "\n", &[""], &[]);
    let raw = lines_of(FormatName::Raw, None);
    let (rows, malformed) =
        read(&raw, &schema(&[("value", "binary")]), vec![b"\xef\xbb\xbfa\r\n\xff\n\nb".to_vec()], 3);
    assert_eq!((lines(&rows), malformed.len()), (["efbbbf610d", "ff", "", "62"].map(str::to_owned).to_vec(), 0));
}

#[test]
fn lines_that_are_not_utf8_are_malformed_and_no_others() {
    let pieces = vec![b"a\n\xffb\n\xc3\n\xa9\nc".to_vec()];
    let (rows, malformed) = read(&lines_of(FormatName::Text, None), &schema(&LINE), pieces, 10);
    let found: Vec<_> = malformed.iter().map(|m| format!("{}: {}", m.at, m.reason)).collect();
    let expected = [2, 3, 4].map(|line| format!("in:{line}: it {NOT_UTF_8}"));
    assert_eq!((lines(&rows), found), (["a", "c"].map(str::to_owned).to_vec(), expected.to_vec()));
}

#[test]
fn a_record_goes_up_to_the_next_line_that_begins_one() {
    let trace = lines_of(FormatName::Text, Some("^[0-9]{4}-"));
    let text = "lost\n  tail\n2024-01 a\r\n  at b\r\n\n2024-02 c\n2024-03 d\n at e";
    check(&trace, &LINE, text, &["lost\n  tail", "2024-01 a\n  at b\n", "2024-02 c", "2024-03 d\n at e"], &[]);
    let raw = lines_of(FormatName::Raw, Some("^x"));
    check(&raw, &[("value", "utf8")], "x\r\n\r\nx\n", &["x\r\n\r", "x"], &[]);
}

/// Rows and malformed records with their lines, whether it comes at once or in pieces.
#[test]
fn a_record_that_is_too_long_ends_where_the_next_begins() {
    let trace = lines_of(FormatName::Text, Some("^x"));
    let line = format!("{}\n", "y".repeat(700));
    let long = |bytes: usize| line.repeat(bytes / line.len() + 1);
    for bytes in [RECORD_BYTES_MAX, RECORD_BYTES_MAX + (300 << 10), 3 * RECORD_BYTES_MAX] {
        let text = format!("x1\nx2\n{}x3\n{}x4\n", long(bytes), "z".repeat(RECORD_BYTES_MAX + 7) + "\n");
        let whole = read(&trace, &schema(&LINE), vec![text.clone().into_bytes()], 10);
        assert_eq!(lines(&whole.0), ["x1", "x4"]);
        let at: Vec<_> = whole.1.iter().map(|m| m.at.clone()).collect();
        let second = 3 + bytes / line.len() + 1;
        assert_eq!(at, ["in:2".to_owned(), format!("in:{second}")]);
        for cut in [(64 << 10) + 1, 256 << 10] {
            let pieces = text.as_bytes().chunks(cut).map(<[u8]>::to_vec).collect();
            assert_eq!(read(&trace, &schema(&LINE), pieces, 1), whole, "{cut}");
        }
    }
}

proptest! {
    #[test]
    fn lines_give_the_same_in_any_pieces_and_batches(
        tokens in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r", "x", " ", "é", "\u{feff}", ">a", "\"", "#"]), 0..60),
        cut in 1_usize..20,
        rows_max in 1_usize..10,
        starts in any::<bool>(),
        raw in any::<bool>(),
    ) {
        let text = tokens.concat().into_bytes();
        let name = if raw { FormatName::Raw } else { FormatName::Text };
        let format = lines_of(name, starts.then_some("^>"));
        let schema = schema(&[("line", if raw { "binary" } else { "utf8" })]);
        let whole = read(&format, &schema, vec![text.clone()], 1000);
        // Nothing is lost: the values are the text, but for line ends and a mark.
        if raw {
            let column = whole.0.column(0).as_any().downcast_ref::<arrow::array::BinaryArray>().unwrap();
            let mut values: Vec<u8> = column.iter().flatten().flat_map(|value| [value, b"\n"].concat()).collect();
            if !text.is_empty() && !text.ends_with(b"\n") { values.pop(); }
            prop_assert_eq!(&values, &text);
        }
        let pieces = text.chunks(cut).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(read(&format, &schema, pieces, rows_max), whole);
    }
}
