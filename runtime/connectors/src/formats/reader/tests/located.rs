//! Where rows come from, asked after they were read.

use super::*;

/// Whatever the blocks, and whatever is malformed between them.
#[test]
fn rows_are_located_by_their_line() {
    let text = "a,b\n1,x\nbad\n\n,\"y\nz\"\n3,w\n";
    for rows_max in 1..6 {
        for cut in [1, 3, 100] {
            let pieces = text.as_bytes().chunks(cut).map(<[u8]>::to_vec).collect::<VecDeque<_>>();
            let input = Box::new(Pieces(pieces, false));
            let records = Records::new("in".to_owned(), input, CSV.framing(), Position::BEGIN);
            let schema = schema(&[("a", "int64"), ("b", "utf8")]);
            let decoder = CSV.decoder("in".to_owned(), Arc::clone(&schema), Arc::clone(&schema), &[0, 1], None);
            let mut reader = TextReader::new(records, true, decoder).unwrap();
            let mut located = Vec::new();
            loop {
                match reader.poll(rows_max, Duration::ZERO).unwrap() {
                    Polled::Batch { rows, .. } => {
                        located.extend((0..rows.num_rows()).map(|row| reader.locate(row).unwrap()));
                        assert_eq!(reader.locate(rows.num_rows()), None);
                    }
                    Polled::Pending => {}
                    Polled::End => break,
                }
            }
            let expected = [("in:2", "1,x"), ("in:5", ",\"y\nz\""), ("in:7", "3,w")];
            assert_eq!(located, expected.map(|(at, record)| (at.to_owned(), record.to_owned())), "{rows_max} {cut}");
        }
    }
}
