//! Guests that mean harm. Each gets an error that names what it did, nothing of its answer is used, and the next call of the
//! same instance works as if nothing had happened.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Fields};
use weir_host::{CallError, Delta, Instance, RejectedRow, Rows, TransformDelta};

use crate::guest::{ArrayImage, DeltaImage, Image, Rows as Select, instance, int64, transform, transform_with};

fn answer(guest: &mut Instance, rows: usize) -> Result<TransformDelta, CallError> {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    guest.transform(0, &Rows { rows, columns: &[column], event_times: Some(&vec![0; rows]) })
}

fn call(guest: &mut Instance, rows: usize) -> Result<Vec<Delta>, CallError> {
    answer(guest, rows).map(|delta| delta.outputs)
}

fn one(data_type: DataType, nullable: bool) -> Fields {
    vec![Field::new("made", data_type, nullable)].into()
}

fn le<const N: usize>(words: impl IntoIterator<Item = [u8; N]>) -> Vec<u8> {
    words.into_iter().flatten().collect()
}

fn offsets(offsets: &[i32]) -> Vec<u8> {
    le(offsets.iter().map(|o| o.to_le_bytes()))
}

fn array(length: u32, null_count: u32, buffers: &[&[u8]]) -> ArrayImage {
    ArrayImage { length, null_count, buffers: buffers.iter().map(|b| b.to_vec()).collect() }
}

#[test]
fn invalid_columns_are_refused() {
    let list = |item| DataType::List(Arc::new(Field::new("item", item, false)));
    let pair =
        DataType::Struct(vec![Field::new("a", DataType::Int8, true), Field::new("b", DataType::Int8, false)].into());
    let three = offsets(&[0, 1, 2, 3]);
    // Every call has three rows.
    let cases: Vec<(&str, DataType, Vec<ArrayImage>, &str)> = vec![
        ("no column", DataType::Int8, vec![], "missing"),
        ("a column too many", DataType::Int8, vec![array(3, 0, &[b"", b"abc"]), array(3, 0, &[b"", b"abc"])], "1 more"),
        ("too few values", DataType::Int8, vec![array(2, 0, &[b"", b"ab"])], "2 values where there must be 3"),
        ("too many values", DataType::Int8, vec![array(4, 0, &[b"", b"abcd"])], "4 values"),
        ("a length beyond everything", DataType::Int64, vec![array(u32::MAX, 0, &[b"", b""])], "values where"),
        ("short values", DataType::Int64, vec![array(3, 0, &[b"", &[0; 23]])], "23 bytes of values where 24"),
        ("long values", DataType::Int8, vec![array(3, 0, &[b"", &[0; 67]])], "67 bytes of values"),
        ("short bits", DataType::Boolean, vec![array(3, 0, &[b"", b""])], "0 bytes of values where 1"),
        ("a buffer too few", DataType::Int8, vec![array(3, 0, &[b"abc"])], "1 buffers where its type has 2"),
        ("a buffer too many", DataType::Int8, vec![array(3, 0, &[b"", b"abc", b""])], "3 buffers"),
        ("nulls without a bitmap", DataType::Int8, vec![array(3, 1, &[b"", b"abc"])], "null-count is 1, but 0"),
        ("nulls not counted", DataType::Int8, vec![array(3, 0, &[&[0b101], b"abc"])], "null-count is 0, but 1"),
        ("nulls miscounted", DataType::Int8, vec![array(3, 3, &[&[0b101], b"abc"])], "null-count is 3, but 1"),
        ("offsets cut short", DataType::Utf8, vec![array(3, 0, &[b"", &three[..12], b"abc"])], "12 bytes of offsets"),
        ("no offsets", DataType::Utf8, vec![array(3, 0, &[b"", b"", b"abc"])], "0 bytes of offsets"),
        ("offsets not from 0", DataType::Utf8, vec![array(3, 0, &[b"", &offsets(&[1, 1, 2, 3]), b"abc"])], "not 0"),
        ("negative offsets", DataType::Utf8, vec![array(3, 0, &[b"", &offsets(&[0, -5, 2, 3]), b"abc"])], "less than"),
        ("falling offsets", DataType::Binary, vec![array(3, 0, &[b"", &offsets(&[0, 3, 1, 3]), b"abc"])], "less than"),
        (
            "offsets out of range",
            DataType::Binary,
            vec![array(3, 0, &[b"", &offsets(&[0, 1, 2, 9]), b"abc"])],
            "9 are needed",
        ),
        (
            "offsets far out",
            DataType::Utf8,
            vec![array(3, 0, &[b"", &offsets(&[0, 1, 2, i32::MAX]), b"abc"])],
            "are needed",
        ),
        ("invalid UTF-8", DataType::Utf8, vec![array(3, 0, &[b"", &three, b"a\xffc"])], "UTF"),
        ("a cut character", DataType::Utf8, vec![array(3, 0, &[b"", &offsets(&[0, 1, 2, 2]), "ß".as_bytes()])], "UTF"),
        ("UTF-8 hidden under nulls", DataType::Utf8, vec![array(3, 3, &[&[0], &three, b"\xff\xff\xff"])], "UTF"),
        (
            "digits beyond the precision",
            DataType::Decimal128(2, 0),
            vec![array(3, 0, &[b"", &le([1, 99, 100].map(i128::to_le_bytes))])],
            "more than 2 digits",
        ),
        (
            "the least decimal",
            DataType::Decimal128(38, 0),
            vec![array(3, 0, &[b"", &le([0, 0, i128::MIN].map(i128::to_le_bytes))])],
            "more than 38 digits",
        ),
        ("list items missing", list(DataType::Int8), vec![array(3, 0, &[b"", &three])], "missing"),
        (
            "too few list items",
            list(DataType::Int8),
            vec![array(3, 0, &[b"", &three]), array(2, 0, &[b"", b"ab"])],
            "2 values where there must be 3",
        ),
        (
            "list offsets far out",
            list(DataType::Int64),
            vec![array(3, 0, &[b"", &offsets(&[0, 1, 2, i32::MAX])]), array(i32::MAX as u32, 0, &[b"", b""])],
            "0 bytes of values",
        ),
        (
            "null list items",
            list(DataType::Int8),
            vec![array(3, 0, &[b"", &three]), array(3, 1, &[&[0b011], b"abc"])],
            "nulls",
        ),
        (
            "a struct's child too short",
            pair.clone(),
            vec![array(3, 0, &[b""]), array(3, 0, &[b"", b"abc"]), array(2, 0, &[b"", b"ab"])],
            "\"b\"",
        ),
        (
            "a struct's null",
            pair.clone(),
            vec![array(3, 0, &[b""]), array(3, 0, &[b"", b"abc"]), array(3, 1, &[&[0b011], b"abc"])],
            "nulls",
        ),
        (
            "a struct with values",
            pair,
            vec![array(3, 0, &[b"", b"abc"]), array(3, 0, &[b"", b"abc"]), array(3, 0, &[b"", b"abc"])],
            "2 buffers where its type has 1",
        ),
    ];
    for (name, data_type, computed, says) in cases {
        let component = transform(&one(data_type, true), |image| {
            let answer = image.deltas(&[DeltaImage { computed, ..DeltaImage::default() }]);
            format!("(i32.const {answer})")
        });
        let error = call(&mut instance(&component), 3).unwrap_err();
        assert!(matches!(&error, CallError::InvalidOutput(why) if why.contains(says)), "{name}: {error}");
        assert!(error.to_string().contains("\"main\""), "{name}: {error} does not name the output");
    }
}

#[test]
fn invalid_deltas_are_refused() {
    let rows = |rows: Vec<u8>| DeltaImage { rows: Select::Bytes(rows), ..DeltaImage::default() };
    let times = |event_times: Vec<u8>| DeltaImage { event_times, ..DeltaImage::default() };
    let kinds = |row_kinds: Vec<u8>| DeltaImage { row_kinds, ..DeltaImage::default() };
    let nulls = DeltaImage { computed: vec![array(3, 1, &[&[0b011], b"abc"])], ..DeltaImage::default() };
    let some = DeltaImage { computed: vec![array(1, 0, &[b"", b"a"])], ..rows(vec![0; 8]) };
    for (name, fields, deltas, says) in [
        ("no delta", Fields::empty(), vec![], "0 deltas"),
        ("two deltas", Fields::empty(), vec![DeltaImage::default(); 2], "2 deltas"),
        ("a row out of range", Fields::empty(), vec![rows(vec![3, 0, 0, 0])], "index 3"),
        ("a row far out", Fields::empty(), vec![rows(vec![255; 4])], "index 4294967295"),
        ("half an index", Fields::empty(), vec![rows(vec![0; 7])], "7 bytes"),
        ("too few event times", Fields::empty(), vec![times(vec![0; 16])], "16 bytes of event times"),
        (
            "times of no rows",
            Fields::empty(),
            vec![DeltaImage { rows: Select::None, ..times(vec![0; 64]) }],
            "event times",
        ),
        ("too few kinds", Fields::empty(), vec![kinds(vec![0; 2])], "row kinds"),
        ("deletions", Fields::empty(), vec![kinds(vec![0, 3, 0])], "row kinds"),
        ("nulls where none may be", one(DataType::Int8, false), vec![nulls], "1 nulls"),
        (
            "a column not as long as the selection",
            one(DataType::Int8, false),
            vec![some],
            "1 values where there must be 2",
        ),
    ] {
        let component = transform(&fields, |image| format!("(i32.const {})", image.deltas(&deltas)));
        let error = call(&mut instance(&component), 3).unwrap_err();
        assert!(matches!(&error, CallError::InvalidOutput(why) if why.contains(says)), "{name}: {error}");
    }
}

/// Answers that wasmtime cannot even read, made by patching good ones.
#[test]
fn answers_out_of_memory_bounds_are_refused() {
    type Patch = fn(&mut Image) -> u32;
    let cases: [(&str, Patch, &str); 8] = [
        ("a huge list", |image| image.words(&[0, 1024, u32::MAX, 0, 0]), "out of bounds"),
        ("a list beyond the end", |image| image.words(&[0, u32::MAX - 64, 1, 0, 0]), "out of bounds"),
        ("an unaligned list", |image| image.words(&[0, 1025, 1, 0, 0]), "aligned"),
        ("an unknown case", |image| image.words(&[7, 0, 0, 0, 0]), "discriminant"),
        ("an unaligned answer", |image| image.words(&[0; 5]) + 1, "aligned"),
        ("an answer beyond the end", |_| u32::MAX - 7, "out of bounds"),
        ("a reason that is no UTF-8", |image| image.failure(b"\xff\xfe"), "utf-8"),
        ("a refusal that is no UTF-8", |image| image.answer(&[DeltaImage::none()], &[(0, b"\xff")]), "utf-8"),
    ];
    for (name, patch, says) in cases {
        let component = transform(&Fields::empty(), |image| format!("(i32.const {})", patch(image) as i32));
        let mut guest = instance(&component);
        for _ in 0..2 {
            let error = call(&mut guest, 3).unwrap_err();
            assert!(matches!(&error, CallError::InvalidOutput(why) if why.contains(says)), "{name}: {error}");
        }
    }
}

#[test]
fn failed_calls_give_their_reason_cut_to_a_length() {
    let refuse = |reason: &str| {
        let component =
            transform(&Fields::empty(), |image| format!("(i32.const {})", image.failure(reason.as_bytes())));
        call(&mut instance(&component), 3).unwrap_err()
    };
    assert!(matches!(refuse("no"), CallError::Call(reason) if reason == "no"));
    assert!(matches!(refuse(&"ß".repeat(100_000)), CallError::Call(reason) if reason.len() < 5000));
}

/// A transform that refuses rows of a batch of three, and has one delta.
fn refuses(delta: &DeltaImage, rejected: &[(u32, &[u8])]) -> Result<TransformDelta, CallError> {
    let component = transform(&Fields::empty(), |image| {
        format!("(i32.const {})", image.answer(std::slice::from_ref(delta), rejected))
    });
    answer(&mut instance(&component), 3)
}

#[test]
fn refused_rows_are_given_in_order_with_their_reasons_cut_to_a_length() {
    let rows = |rows: &[u32]| DeltaImage {
        rows: Select::Bytes(le(rows.iter().map(|r| r.to_le_bytes()))),
        ..DeltaImage::default()
    };
    let delta = refuses(&rows(&[1, 1]), &[(2, b"too old"), (0, b"no")]).unwrap();
    let expected = [(0, "no"), (2, "too old")].map(|(row, reason)| RejectedRow { row, reason: reason.to_owned() });
    assert_eq!(delta.rejected, expected);
    let delta = refuses(&DeltaImage::none(), &[(0, "ß".repeat(100_000).as_bytes())]).unwrap();
    assert!(delta.rejected[0].reason.len() < 5000);
}

#[test]
fn refusals_that_contradict_the_call_or_the_outputs_are_broken_answers() {
    let rows = |rows: &[u32]| DeltaImage {
        rows: Select::Bytes(le(rows.iter().map(|r| r.to_le_bytes()))),
        ..DeltaImage::default()
    };
    let none = DeltaImage::none;
    type Case<'a> = (&'a str, DeltaImage, &'a [(u32, &'a [u8])], &'a str);
    let cases: [Case<'_>; 5] = [
        ("a row that is not there", none(), &[(3, b"bad")], "row 3 of 3"),
        ("a row far out", none(), &[(u32::MAX, b"bad")], "row 4294967295 of 3"),
        ("a row twice", none(), &[(1, b"bad"), (0, b"bad"), (1, b"worse")], "row 1 twice"),
        ("an output with all rows", DeltaImage::default(), &[(1, b"bad")], "comes from row 1"),
        ("an output with the row", rows(&[0, 2]), &[(1, b"bad"), (2, b"bad")], "comes from row 2"),
    ];
    for (name, delta, rejected, says) in cases {
        let error = refuses(&delta, rejected).unwrap_err();
        assert!(matches!(&error, CallError::InvalidOutput(why) if why.contains(says)), "{name}: {error}");
    }
}

/// Empty slices point nowhere in some languages.
#[test]
fn empty_lists_and_strings_may_come_with_any_pointer() {
    let nowhere = u32::MAX;
    let component = transform(&Fields::empty(), |image| {
        // One delta: all rows, and nothing else; a refused row without a reason comes from nowhere too.
        let delta = image.words(&[1, 0, 0, nowhere, 0, nowhere, 0, nowhere - 2, 0]);
        let rejected = image.words(&[1, nowhere, 0]);
        format!("(i32.const {})", image.words(&[0, delta, 1, rejected, 1]))
    });
    let delta = answer(&mut instance(&component), 3).unwrap();
    assert_eq!(delta.rejected, [RejectedRow { row: 1, reason: String::new() }]);
    let component =
        transform(&Fields::empty(), |image| format!("(i32.const {})", image.words(&[0, nowhere, 0, nowhere, 0])));
    let error = answer(&mut instance(&component), 3).unwrap_err();
    assert!(error.to_string().contains("0 deltas"), "{error}");
}

/// Every way to crash, and what is said; the guest crashes if the batch has three rows, and answers otherwise.
#[test]
fn crashes_are_told_apart_and_the_next_call_works() {
    let recursion = "(func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))";
    let cases = [
        ("a trap", "unreachable", "trapped: wasm `unreachable`"),
        ("an endless loop", "(loop $l (br $l))", "longer than 250 ms"),
        (
            "a memory bomb",
            "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable",
            "16777216 bytes of memory",
        ),
        ("one huge growth", "(drop (memory.grow (i32.const 60000))) unreachable", "16777216 bytes of memory"),
        ("deep recursion", "(drop (call $deep (i32.const 0)))", "call stack exhausted"),
        ("a read out of bounds", "(drop (i32.load (i32.const -4)))", "out of bounds memory access"),
        ("a division by zero", "(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divide by zero"),
    ];
    for (name, crash, says) in cases {
        let component = transform_with(recursion, &Fields::empty(), |image| {
            let answer = image.deltas(&[DeltaImage::default()]);
            format!("(if (i32.eq (local.get $rows) (i32.const 3)) (then {crash})) (i32.const {answer})")
        });
        let mut spec = crate::guest::spec(&int64());
        spec.limits.call_time_ms = 250;
        spec.limits.memory_bytes = 16 << 20;
        let mut guest = crate::guest::HOST.load_bytes(&component, name).unwrap().instantiate(spec).unwrap();
        for _ in 0..2 {
            let error = call(&mut guest, 3).unwrap_err();
            assert!(error.to_string().contains(says), "{name}: {error}");
            assert!(!error.is_fatal(), "{name}");
            assert_eq!(call(&mut guest, 2).unwrap().len(), 1, "{name}");
        }
    }
}

/// It logs errors and crashes (three rows), logs one and answers (two rows), or crashes without a word (one row).
#[test]
fn a_trap_is_told_with_the_last_error_of_its_call_only() {
    let import = "(import \"weir:operator/log@0.1.0\" \"log\" (func $log (param i32 i32 i32)))";
    let component = transform_with(import, &Fields::empty(), |image| {
        let answer = image.deltas(&[DeltaImage::default()]);
        let mut log = |level: u32, line: &[u8]| {
            format!("(call $log (i32.const {level}) (i32.const {}) (i32.const {}))", image.put(line), line.len())
        };
        format!(
            "(if (i32.eq (local.get $rows) (i32.const 1)) (then unreachable)) {}
             (if (i32.eq (local.get $rows) (i32.const 3)) (then {} {} unreachable)) (i32.const {answer})",
            log(4, b"first"),
            log(4, &[&b"at row 3:\n\x1b[2J"[..], &[b'x'; 8192]].concat()),
            log(2, b"no error"),
        )
    });
    let mut spec = crate::guest::spec(&int64());
    spec.limits.log_bytes_per_s = 0;
    let mut guest = crate::guest::HOST.load_bytes(&component, "guest").unwrap().instantiate(spec).unwrap();
    let mut told = |rows| call(&mut guest, rows).map_err(|error| error.to_string());
    for _ in 0..2 {
        assert!(told(2).is_ok());
        assert!(!told(1).unwrap_err().contains("said"), "it said so in the call before");
        let trap = told(3).unwrap_err();
        assert!(trap.contains("wasm `unreachable`") && trap.contains("; last log line: at row 3:  [2Jxxx"), "{trap}");
        assert!((4096..4500).contains(&trap.len()), "{trap}");
        assert!(!told(1).unwrap_err().contains("said"), "it said so in the life before");
    }
}

/// A guest's memory is thrown away with its instance: a count kept in it starts over.
#[test]
fn a_trap_on_the_second_call_loses_the_guests_memory_only() {
    let counter = "(global $calls (mut i32) (i32.const 0))";
    let component = transform_with(counter, &Fields::empty(), |image| {
        let answer = image.deltas(&[DeltaImage::default()]);
        format!(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.eq (global.get $calls) (i32.const 2)) (then unreachable)) (i32.const {answer})"
        )
    });
    let mut guest = instance(&component);
    let answers: Vec<bool> = (0..6).map(|_| call(&mut guest, 3).is_ok()).collect();
    assert_eq!(answers, [true, false, true, false, true, false]);
}

#[test]
fn memory_that_was_refused_and_got_over_is_no_failure() {
    let component = transform_with("", &Fields::empty(), |image| {
        let answer = image.deltas(&[DeltaImage::default()]);
        format!(
            "(if (i32.eq (local.get $rows) (i32.const 3)) (then unreachable))
             (drop (memory.grow (i32.const 60000))) (i32.const {answer})"
        )
    });
    let mut guest = instance(&component);
    assert!(call(&mut guest, 2).is_ok());
    let error = call(&mut guest, 3).unwrap_err();
    assert!(matches!(error, CallError::Trap { .. }), "{error}");
}
