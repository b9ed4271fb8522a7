//! Secrets of a server: connectors have them, and nobody who asks.

use std::process::Command;

use crate::pipelines::counts;
use crate::server::{Home, run};

const SINK: &str = "connector = \"file\"\npath = \"out/\"\nformat = \"csv\"";

#[test]
fn a_secret_is_for_connectors_alone() {
    let home = Home::new();
    let secrets = home.files().parent().unwrap().join("secrets");
    std::fs::create_dir(&secrets).unwrap();
    std::fs::write(secrets.join("folder"), "hidden\n").unwrap();
    std::fs::write(secrets.join("protocol"), "hidden\n").unwrap();
    let server = home.serve_with(&["--secrets-dir", secrets.to_str().unwrap()]);
    server.push_counters();
    let pipeline = counts(&[("path = \"out/\"", "path = \"${secret:folder}/\"")]);
    server.deploy(&home, &pipeline).well();
    server.until("counts", "has a checkpoint", |shown| shown["checkpoint"].as_u64() > Some(1));
    assert!(home.files().join("hidden").is_dir());
    let shown = server.show("counts").to_string();
    assert!(shown.contains("${secret:folder}") && !shown.contains("hidden"), "{shown}");

    let kafka = |properties: &str| {
        let sink =
            format!("connector = \"kafka\"\nbrokers = \"127.0.0.1:1\"\ntopic = \"t\"\nproperties = {{ {properties} }}");
        let path = home.write("kafka.toml", pipeline.replace(&SINK.replace("out/", "${secret:folder}/"), &sink));
        server.weir(&["deploy", path.to_str().unwrap(), "--dry-run"])
    };
    let in_clear = "note: sinks.out.properties.\"sasl.password\" is in the pipeline, so everybody";
    kafka("\"sasl.password\" = \"clear\"").well().saying(&[in_clear, "--secrets-dir"]);
    assert!(!kafka("\"sasl.password\" = \"${secret:folder}\"").well().said.contains("--secrets-dir"));
    kafka("\"sasl.password\" = \"${secret:foldr}\"").failed(&[
        "sinks.out.properties.\"sasl.password\": the folder of secrets has no file \"foldr\"; did you mean \"folder\"?",
    ]);
    let refused =
        kafka("\"security.protocol\" = \"${secret:protocol}\"").failed(&["Invalid value \"${secret:protocol}\""]);
    assert!(!refused.said.contains("hidden"), "{}", refused.said);
    let told = counts(&[("tag = \"0\"", "tag = \"${secret:folder}\"")]);
    server.deploy(&home, &told).failed(&["a component sees no secrets"]);

    // Without its folder a server, and a command, have none.
    server.terminate().well();
    let server = home.serve();
    let failed = server.until("counts", "says what is missing", |shown| shown["reason"].is_string());
    assert!(failed["reason"].as_str().unwrap().contains("--secrets-dir DIR"), "{failed}");
    let local = home.write(
        "local.toml",
        "[sources.a]\nconnector = \"collection\"\nrows = [{ x = \"${secret:folder}\" }]\n[sinks.b]\ninput = \"a\"\n\
         connector = \"stdout\"\nformat = \"json\"\n",
    );
    let check = |command: &str, arguments: &[&str]| {
        let mut weir: Command = weir_tests::running::weir();
        run(weir.arg(command).arg(&local).args(arguments))
    };
    check("check", &[]).failed(&["sources.a.rows.x", "the secret \"folder\"", "--secrets-dir DIR"]);
    let dir = ["--secrets-dir", secrets.to_str().unwrap()];
    assert_eq!(check("run", &dir).well().told, "{\"x\":\"hidden\"}\n");
    check("check", &dir).well();
    assert_eq!(check("check", &["--secrets-dir", "nowhere"]).code, Some(2));

    // What pipelines may write is no place for secrets.
    let inside = home.files().join("hidden");
    run(&mut home.command(&["--secrets-dir", inside.to_str().unwrap()])).failed(&["must not contain one another"]);
}
