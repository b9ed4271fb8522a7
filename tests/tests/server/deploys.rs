//! Deployments that could not resume from the job's checkpoint: they are refused, by dry runs too, while the job continues.

use crate::pipelines::{COUNTS, counts};
use crate::server::Home;

/// The step that counts, under another name.
const RENAMED: [(&str, &str); 2] = [("[operators.count]", "[operators.numbers]"), ("\"count\"", "\"numbers\"")];

/// What is another in a pipeline: from, to.
type Changes<'a> = &'a [(&'a str, &'a str)];

#[test]
fn a_job_is_not_stopped_for_a_pipeline_that_does_not_fit_its_checkpoint() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.push("count_text", "text");
    server.deploy(&home, COUNTS).well();
    // A checkpoint with state.
    let before = server.until_rows("counts", 500)["checkpoint"].as_u64();
    server.until("counts", "has another checkpoint", |shown| shown["checkpoint"].as_u64() > before);
    let cases: [(&str, Changes<'_>, &str); 3] = [
        ("renamed", &RENAMED, "has state of \"count\", and the pipeline has no operator of that name"),
        ("groups", &[("parallelism = 2", "parallelism = 2\nmax-parallelism = 64")], "set max-parallelism = 128"),
        ("layout", &[("count@1", "text@1")], "does not fit the operator \"count\": "),
    ];
    let refuses = |runs: bool| {
        for (name, changes, says) in cases {
            let path = home.write(name, counts(changes));
            for mode in ["--dry-run", "--yes"] {
                let refused = server.weir(&["deploy", path.to_str().unwrap(), mode]);
                let refused = refused.failed(&["the job cannot be started: checkpoint ", says]);
                assert!(!refused.said.contains("runs again"), "{}", refused.said);
            }
        }
        let shown = server.show("counts");
        assert_eq!((&shown["state"] == "running", &shown["revision"]), (runs, &1.into()), "{shown:#}");
    };
    refuses(true);
    let unknown = home.write("unknown", counts(&[("rate = 20000", "rate = 10000")]));
    let gives_up = ["deploy", unknown.to_str().unwrap(), "--dry-run", "--allow-dropped-state", "cuont"];
    server.weir(&gives_up).failed(&["--allow-dropped-state cuont: neither", "did you mean \"count\"?"]);
    let lines = server.weir(&["logs", "counts"]).well().told;
    assert!(!lines.contains("the job is stopped"), "{lines}");

    // A job that does not run is told the same, and what giving up state would mean.
    server.weir(&["stop", "counts"]).well();
    refuses(false);
    server.weir(&gives_up).failed(&["--allow-dropped-state cuont: neither"]);
    server
        .weir(&["start", "counts", "--allow-dropped-state", "cuont"])
        .failed(&["--allow-dropped-state cuont: neither"]);
    server.weir(&["start", "counts", "--from", "999999"]).failed(&["no checkpoint 999999"]);
    assert_eq!(server.show("counts")["state"], "stopped");
    let path = home.write("renamed", counts(&RENAMED));
    let gives_up = |mode| ["deploy", path.to_str().unwrap(), mode, "--allow-dropped-state", "count"];
    server.weir(&gives_up("--dry-run")).well().saying(&["the state of \"count\" is discarded"]);
    assert_eq!(server.show("counts")["revision"], 1);
    server
        .weir(&gives_up("--yes"))
        .well()
        .saying(&["the state of \"count\" is discarded", "counts runs as revision 2"]);
}

#[test]
fn what_is_odd_about_a_pipeline_is_said_when_it_is_deployed() {
    let home = Home::new();
    let server = home.serve();
    let path = home.write(
        "odd",
        "name = \"odd\"\n[sources.s]\nconnector = \"nexmark\"\ntable = \"bid\"\nevent-time = \"ts\"\n[windows.w]\ninput = \"s\"\n\
         window = { sliding = \"1d\", slide = \"1ms\" }\naggregates.n = \"count\"\n[sinks.out]\ninput = \"w\"\n\
         connector = \"blackhole\"\n",
    );
    let deployed = server.weir(&["deploy", path.to_str().unwrap(), "--dry-run"]).well();
    deployed.saying(&["each row of \"w\" falls into 86400000 windows"]);
}

#[test]
fn two_jobs_do_not_write_one_folder() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let seldom = ("interval = \"100ms\"", "interval = \"1h\"");
    let paths = [("one", "out/"), ("two", "./out/"), ("three", "other/")].map(|(name, path)| {
        let named = ("name = \"counts\"", &*format!("name = \"{name}\""));
        home.write(name, counts(&[seldom, named, ("path = \"out/\"", &format!("path = \"{path}\""))]))
    });
    let [one, two, three] = paths.each_ref().map(|path| path.to_str().unwrap());
    let deploy = |pipeline, mode| server.weir(&["deploy", pipeline, mode]);
    // At once: never both.
    let both = std::thread::scope(|scope| {
        [one, two].map(|pipeline| scope.spawn(move || deploy(pipeline, "--yes").code)).map(|of| of.join().unwrap())
    });
    assert!(both != [Some(0); 2]);
    deploy(one, "--yes");
    let runs = server.json(&["ps"])[0]["name"].as_str().unwrap().to_owned();
    let other = if runs == "one" { two } else { one };
    for mode in ["--dry-run", "--yes"] {
        deploy(other, mode)
            .failed(&[&format!("the job \"{runs}\" writes "), "out already: give this one another path"]);
    }
    deploy(three, "--yes").well();
    server.weir(&["stop", &runs, "--drain"]).well();

    // One that has ended, and has been taken away what it wrote, leaves the place to another.
    std::fs::remove_dir_all(home.files().join("out")).unwrap();
    deploy(other, "--yes").well();
    let wrote = [format!("the job {:?} writes ", if runs == "one" { "two" } else { "one" }), "out already".to_owned()];
    server.weir(&["start", &runs]).failed(&wrote.each_ref().map(String::as_str));
    assert_eq!(server.show(&runs)["state"], "finished");
}

#[test]
fn what_only_the_last_checkpoint_shows_leaves_the_job_as_it_was() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    // There is none before the job is stopped for its next revision.
    server.deploy(&home, &counts(&[("interval = \"100ms\"", "interval = \"1h\"")])).well();
    server.until_rows("counts", 500);
    let renamed = [RENAMED.as_slice(), &[("interval = \"100ms\"", "interval = \"1h\"")]].concat();
    server.deploy(&home, &counts(&renamed)).failed(&[
        "the job cannot be started: ",
        "has state of \"count\"",
        "; revision 1 runs again",
    ]);
    server.until_rows("counts", 500);
}
