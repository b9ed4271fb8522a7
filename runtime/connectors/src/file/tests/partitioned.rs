//! Columns from names of folders, whichever columns are read, from any offset.

use super::*;

#[test]
fn any_columns_of_rows_and_folders_are_read_from_any_offset() {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("in/y=07")).unwrap();
    fs::write(folder.path().join("in/y=07/a.csv"), "v,w\n1,5\n2,6\n3,7\n").unwrap();
    let toml = "path = \"in/**\"\nformat = \"csv\"\npartitions = { y = \"int64\" }";
    let source = open_source(&options(toml, folder.path())).unwrap();
    let names: Vec<_> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["v", "w", "y"]);
    let split = &source.splits(1).unwrap()[0];
    let columns: [ArrayRef; 3] =
        [[1, 2, 3], [5, 6, 7], [7, 7, 7]].map(|of| Arc::new(Int64Array::from(of.to_vec())) as _);
    for projection in [&[0, 1, 2][..], &[2], &[2, 0], &[1, 2], &[1], &[]] {
        let clock = Arc::new(ManualClock::default());
        let mut first = source.reader(split, projection, None, clock.clone()).unwrap();
        let (mut batches, _) = poll(first.as_mut(), &[2], 1);
        let mut rest = source.reader(split, projection, Some(&first.offset()), clock).unwrap();
        batches.extend(poll(rest.as_mut(), &[2], usize::MAX).0);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 1]);
        let rows = concat_batches(&batches[0].schema(), &batches).unwrap();
        let expected: Vec<_> = projection.iter().map(|column| columns[*column].clone()).collect();
        assert_eq!(rows.columns(), expected, "{projection:?}");
    }
}
