//! Bundles: what is in them comes back, what is done to their bytes is found, and what cannot run elsewhere is refused with its line.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::path::Path;

use weir_core::connector::ConnectorError;
use weir_embed::{Bundle, EmbedError, Opened, Plan, Restored, Run, SinkCommitter, Task};

const PIPELINE: &str = r#"
name = "rows"
parallelism = 2

[sources.in]
connector = "file"
path = "*.csv"
schema = { n = "int64", t = "utf8" }

[filters.some]
input = "in"
where = "n > 1"

[sinks.out]
input = "some"
connector = "file"
path = "out/"
format = "json"
"#;

fn write(folder: &Path, pipeline: &str) -> std::path::PathBuf {
    for (name, text) in [("a.csv", "n,t\n1,x\n2,y\n"), ("b.csv", "n,t\n3,z\n")] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let file = folder.join("pipeline.toml");
    std::fs::write(&file, pipeline).unwrap();
    file
}

fn refusals(pipeline: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::read(&write(folder.path(), pipeline), &[], None).unwrap().encode().unwrap();
    Plan::new(&Opened::open(&bundle).unwrap()).refusals
}

#[test]
fn tasks_of_a_job_share_what_is_open_and_other_jobs_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::read(&write(folder.path(), PIPELINE), &[], None).unwrap().encode().unwrap();
    let [first, again, other] = [1, 1, 2].map(|job| Opened::open_for(&bundle, job).unwrap());
    assert!(std::sync::Arc::ptr_eq(&first, &again));
    assert!(!std::sync::Arc::ptr_eq(&first, &other));
}

#[test]
fn splits_are_those_of_the_time_when_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::read(&write(folder.path(), PIPELINE), &[], None).unwrap();
    assert_eq!(Bundle::decode(&bundle.encode().unwrap()).unwrap(), bundle);
    // Another task finds another file.
    std::fs::write(folder.path().join("aa.csv"), "n,t\n9,z\n").unwrap();
    let opened = Opened::open(&bundle.encode().unwrap()).unwrap();
    let ends = |splits: &[String]| splits.iter().map(|id| id.ends_with("a.csv") && !id.ends_with("aa.csv")).collect();
    let ends: Vec<bool> = ends(&opened.graph.splits[0].1);
    assert_eq!(ends, [true, false]);
    let plan = Plan::new(&opened);
    assert_eq!((plan.graph.chains.len(), plan.graph.chains[0].parallelism), (1, 2));
    // Another parallelism is another plan.
    let other = bundle.with(&[("parallelism".to_owned(), "1".to_owned())]).unwrap();
    let other = Plan::new(&Opened::open(&other.encode().unwrap()).unwrap());
    assert_eq!(other.graph.chains[0].parallelism, 1);
    assert_ne!(other.fingerprint, plan.fingerprint);
}

#[test]
fn a_digest_is_of_what_runs_and_not_of_the_names_of_components() {
    let folder = tempfile::tempdir().unwrap();
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/../../operators/running_count.wasm");
    for name in ["a.wasm", "b.wasm"] {
        std::fs::copy(component, folder.path().join(name)).unwrap();
    }
    let text = |component: &str| {
        let step = format!(
            "[operators.count]\ninput = \"some\"\nkey-by = [\"t\"]\ncomponent = \"{component}\"\nconfig = {{ column = \"n\" }}\n\n[sinks"
        );
        PIPELINE.replace("[sinks", &step).replace("input = \"some\"\nconnector", "input = \"count\"\nconnector")
    };
    let digest = |text: &str, set: &[(&str, &str)]| {
        let set: Vec<_> = set.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Bundle::read(&write(folder.path(), text), &set, None).unwrap().digest().unwrap()
    };
    let of_a = digest(&text("a.wasm"), &[]);
    assert_eq!(digest(&text("b.wasm"), &[]), of_a);
    assert_eq!(digest(&text("a.wasm"), &[("operators.count.component", "b.wasm")]), of_a);
    assert_ne!(digest(&text("a.wasm"), &[("parallelism", "1")]), of_a);
    assert_ne!(digest(&text("a.wasm").replace("n > 1", "n > 2"), &[]), of_a);
}

#[test]
fn every_flipped_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = Bundle::read(&write(folder.path(), PIPELINE), &[], None).unwrap().encode().unwrap();
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x10;
        assert!(Bundle::decode(&flipped).is_err(), "byte {position}");
        assert!(Bundle::decode(&bytes[..position]).is_err(), "{position} bytes");
    }
}

#[test]
fn mistakes_are_shown_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = PIPELINE.replace("n > 1", "m > 1");
    let error = Bundle::read(&write(folder.path(), &wrong), &[], None).unwrap_err().whole();
    assert!(error.contains("pipeline.toml:12:") && error.contains("no column"), "{error}");
}

#[test]
fn what_a_cluster_has_not_is_refused() {
    assert!(refusals(PIPELINE).is_empty());
    let stdin = PIPELINE.replace("connector = \"file\"\npath = \"*.csv\"", "connector = \"stdin\"");
    let refused = refusals(&stdin);
    assert!(refused.len() == 1 && refused[0].contains("the standard input"), "{refused:?}");
}

#[test]
fn what_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = Bundle::read(&write(folder.path(), PIPELINE), &[], None).unwrap().encode().unwrap();
    for at in [(1, 0), (0, 2), (usize::MAX, usize::MAX)] {
        assert!(Task::open(&bundle, at, Restored::default(), Run::default()).is_err(), "{at:?}");
    }
    assert!(SinkCommitter::open(&bundle, "in", Run::default()).is_err());
    let mut task = Task::open(&bundle, (0, 0), Restored::default(), Run::default()).unwrap();
    assert!(task.snapshot().is_err(), "no barrier has come");
    assert!(task.element(vec![1; 16]).is_err(), "no edge comes in");
    assert!(task.element(Vec::new()).is_err());
    let error = Restored::default().add(vec![0; 100]).unwrap_err();
    assert!(error.whole().contains("is damaged"), "state that is none");
}

#[test]
fn only_failures_that_would_come_again_repeat_themselves() {
    let (missing, wrong) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let failure = |folder: &Path| {
        let text = PIPELINE
            .replace("[filters", "on-error = \"fail\"\n\n[filters")
            .replace("parallelism = 2", "parallelism = 1");
        let bundle = Bundle::read(&write(folder, &text), &[], None).unwrap().encode().unwrap();
        let _checked = Opened::open(&bundle).unwrap();
        match folder == missing.path() {
            true => std::fs::remove_file(folder.join("a.csv")).unwrap(),
            false => std::fs::write(folder.join("a.csv"), "n,t\none,x\n").unwrap(),
        }
        let task = Task::open(&bundle, (0, 0), Restored::default(), Run::default());
        task.and_then(|mut task| task.poll(0)).unwrap_err()
    };
    let (missing_file, wrong_row) = (failure(missing.path()), failure(wrong.path()));
    assert!(!missing_file.repeats_itself(), "{}", missing_file.whole());
    assert!(wrong_row.repeats_itself(), "{}", wrong_row.whole());
    let of_sink = |error| EmbedError::Sink { sink: "out".to_owned(), error }.repeats_itself();
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    assert!(!of_sink(ConnectorError::Io { what: "cannot commit".to_owned(), source: refused }));
    // Flink runs a job once: the next attempt is newer than what has fenced this one.
    assert!(!of_sink(ConnectorError::Fenced("a newer run has taken over".to_owned())));
    assert!(of_sink(ConnectorError::Data("the transaction is gone".to_owned())));
}
