//! Quotes, comments and texts that are null.

use super::*;

fn csv(given: FormatOptions) -> TextFormat {
    format(FormatName::Csv, FormatOptions { header: Some(false), ..given })
}

const COLUMNS: [(&str, &str); 2] = [("a", "utf8"), ("b", "int64")];

#[test]
fn without_quotes_a_quote_is_a_character() {
    let none = csv(FormatOptions { quote: Some(String::new()), ..FormatOptions::default() });
    check(
        &none,
        &COLUMNS,
        "\"x,1\n5\" disk,2\n\"\"\"\",3\n\"a,4\n",
        &["\"x|1", "5\" disk|2", "\"\"\"\"|3", "\"a|4"],
        &[],
    );
    check(
        &none,
        &COLUMNS,
        "\"x\ny,1\n",
        &["y|1"],
        &["in:1: it has 1 field instead of 2; column \"b\" is the first that is missing"],
    );
    let (rows, malformed) = read(&none, &schema(&COLUMNS), vec![b"\xff,1\nx,2\n\xff\n".to_vec()], 10);
    assert_eq!((lines(&rows), malformed.len()), (vec!["x|2".to_owned()], 2));
    let single = csv(FormatOptions { quote: Some("'".to_owned()), ..FormatOptions::default() });
    check(&single, &COLUMNS, "'a\n,''b',1\n\"x,2\n", &["a\n,'b|1", "\"x|2"], &[]);
}

#[test]
fn comments_are_skipped_wherever_a_record_could_begin() {
    let given = FormatOptions { comment: Some("#".to_owned()), ..FormatOptions::default() };
    let text = "#,,,\"\n\n#\r#\nx,1\n# \"y\n\"#z\n#\",2\n#\n ,3\nq\n#end \"";
    let missing = "it has 1 field instead of 2; column \"b\" is the first that is missing";
    check(&csv(given.clone()), &COLUMNS, text, &["x|1", "#z\n#|2", " |3"], &[&format!("in:10: {missing}")]);
    let header = format(FormatName::Csv, given);
    check(&header, &COLUMNS, "# first\nb,a\n# second\n1,x\n", &["x|1"], &[]);
}

#[test]
fn exactly_the_null_values_are_null() {
    let nulls = |texts: &[&str]| {
        let null_values = Some(texts.iter().map(ToString::to_string).collect());
        csv(FormatOptions { null_values, ..FormatOptions::default() })
    };
    let columns = [("a", "utf8"), ("b", "int64"), ("c", "timestamp"), ("d", "binary")];
    let text = "NA,-,NA,-\n\"NA\",1,,\nnA,2,-,NA\n,\"\",-,\n";
    check(&nulls(&["", "-", "NA"]), &columns, text, &["|||", "|1||", "nA|2||", "|||"], &[]);
    let (rows, malformed) = read(&nulls(&["-", "NA"]), &schema(&columns), vec![text.into()], 10);
    let reasons: Vec<_> = malformed.iter().map(|m| format!("{}: {}", m.at, m.reason)).collect();
    let expected = [
        "in:2: column \"c\": \"\" is not of the type timestamp(us, UTC)",
        "in:4: column \"b\": \"\" is not of the type int64",
    ];
    assert_eq!(
        (lines(&rows), reasons),
        (vec!["|||".to_owned(), "nA|2||".to_owned()], expected.map(str::to_owned).to_vec())
    );
    // Text and bytes without a character are values.
    let (rows, _) = read(&nulls(&["-"]), &schema(&[("a", "utf8"), ("d", "binary")]), vec!["-,\n,-\n".into()], 10);
    let is_null = |column: usize| (0..2).map(|row| rows.column(column).is_null(row)).collect::<Vec<_>>();
    assert_eq!((is_null(0), is_null(1)), (vec![true, false], vec![false, true]));
}

#[test]
fn inference_knows_comments_and_nulls() {
    let given = FormatOptions {
        comment: Some("#".to_owned()),
        null_values: Some(["-", "NA"].map(str::to_owned).to_vec()),
        quote: Some(String::new()),
        ..FormatOptions::default()
    };
    let format = format(FormatName::Csv, given);
    let input = Pieces(VecDeque::from([b"#x\na,b,c,d\n1,NA,-,\"\n#1,2\n-,2.5,-,\n2,,-,x\n".to_vec()]), false);
    let mut records = Records::new("in".to_owned(), Box::new(input), format.framing(), Position::BEGIN);
    let (_, note) = format.sample(&mut records, 100).unwrap().finish("in", "").unwrap();
    assert_eq!(note, "in: inferred schema from all 3 rows: a int64, b utf8 (it has numbers and text), c utf8, d utf8");
}

proptest! {
    #[test]
    fn any_text_gives_the_same_in_any_pieces_batches_and_dialects(
        tokens in prop::collection::vec(
            prop::sample::select(vec!["\"", "'", ",", "\n", "\r\n", "\r", "1", "x", "#", "-", "NA", " ", "é"]),
            0..60,
        ),
        cut in 1_usize..20,
        rows_max in 1_usize..10,
        quote in prop::sample::select(vec![None, Some(""), Some("'")]),
        comment in any::<bool>(),
        nulls in prop::sample::select(vec![None, Some(vec!["-", "NA"]), Some(vec!["", "1"])]),
    ) {
        let text = tokens.concat().into_bytes();
        let format = csv(FormatOptions {
            quote: quote.map(str::to_owned),
            comment: comment.then(|| "#".to_owned()),
            null_values: nulls.map(|texts| texts.into_iter().map(str::to_owned).collect()),
            ..FormatOptions::default()
        });
        let schema = schema(&COLUMNS);
        let whole = read(&format, &schema, vec![text.clone()], 1000);
        prop_assert_eq!(&read(&format, &schema, vec![text.clone()], 1), &whole);
        let pieces = text.chunks(cut).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(read(&format, &schema, pieces, rows_max), whole);
    }
}
