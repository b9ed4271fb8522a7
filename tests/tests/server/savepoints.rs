//! Savepoints: what a person goes back to, and what is in the way then.

use crate::pipelines::COUNTS;
use crate::rows::Counted;
use crate::server::Home;

#[test]
fn whoever_goes_back_to_a_savepoint_is_told_which_parts_to_remove() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let savepoint = server.json(&["savepoint", "counts"])["checkpoint"].to_string();
    let rows = server.show("counts")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", rows + 2000);
    server.weir(&["stop", "counts"]).well();
    // Another run.
    server.weir(&["start", "counts"]).well();
    server.until_rows("counts", 2000);
    server.weir(&["stop", "counts"]).well();
    let from = ["start", "counts", "--from", &savepoint];
    let said = server.weir(&from).failed(&["\"out\" could not be opened: out/ has ", "newer than the checkpoint"]).said;
    assert_eq!(server.show("counts")["state"], "stopped");

    // As it says.
    let out = home.files().canonicalize().unwrap().join("out/");
    assert!(said.contains(&format!("remove from {} those with a RUN above", out.display())), "{said}");
    let above = |what: &str| -> u64 {
        let digits = said.split_once(what).unwrap().1;
        digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap()].parse().unwrap()
    };
    let (run, number) = (above("a RUN above "), above("a NUMBER above "));
    let mut removed = 0;
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let numbers: Vec<u64> = path.file_stem().unwrap().to_str().unwrap().split('-').flat_map(str::parse).collect();
        if matches!(numbers[..], [_, of, at] if of > run || (of == run && at > number)) {
            std::fs::remove_file(path).unwrap();
            removed += 1;
        }
    }
    assert!(said.contains(&format!("out/ has {removed} part(s)")), "{said}");
    server.weir(&from).well();
    server.until_rows("counts", 500);
    server.weir(&["stop", "counts", "--drain"]).well();
    Counted::read(&home);
}
