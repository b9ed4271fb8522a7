//! Event times that are set behind a source.

use weir_core::graph::NodeKind;

use crate::read;

#[test]
fn an_event_time_is_set_once_and_before_it_is_used() {
    let file = |steps: &str| {
        format!(
            "[sources.s]\nconnector = \"file\"\n[operators.parse]\ninput = \"s\"\ncomponent = \"p.wasm\"\nevent-time = \"at\"\n{steps}\n\
             [sinks.out]\ninput = \"parse\"\nconnector = \"stdout\"\n"
        )
    };
    let window = |name: &str, input: &str| {
        format!("[windows.{name}]\ninput = {input:?}\nwindow = {{ tumbling = \"1s\" }}\naggregates.n = \"count\"\n")
    };
    let operator =
        |input: &str, more: &str| format!("[operators.o]\ninput = {input:?}\ncomponent = \"o.wasm\"\n{more}\n");
    let timed_again = "event-time = \"t\"";
    for (steps, expected) in [
        (window("w", "parse"), None),
        (operator("parse", "key-by = [\"k\"]"), None),
        (operator("s", ""), None),
        (window("w", "s"), Some("\"w\" goes by event time, and reads rows before \"parse\" sets it")),
        (window("w", "parse.side"), Some("reads rows before \"parse\" sets it")),
        (operator("s", "key-by = [\"k\"]"), Some("\"o\" goes by event time")),
        (operator("s", "") + &window("w", "o"), Some("\"w\" goes by event time")),
        (operator("parse", timed_again), Some("the rows of \"o\" already have an event time, from \"parse\"")),
        (operator("s", timed_again), Some("\"parse\" sets the event time of the rows of \"s\", and so would \"o\"")),
        (window("w", "parse") + &operator("w", timed_again), Some("already have an event time, from \"w\"")),
        (
            operator("parse", &format!("key-by = [\"k\"]\n{timed_again}")),
            Some("is keyed, and cannot set the event time"),
        ),
        (
            "[sources.t]\nconnector = \"file\"\nevent-time = \"t\"\n".to_owned() + &operator("t", timed_again),
            Some("the rows of \"o\" already have an event time, from \"t\""),
        ),
        (operator("parse", "watermark = \"monotonic\""), Some("watermark needs an event time, which is not set here")),
    ] {
        let error = read(&file(&steps), &[]).err();
        assert_eq!(error.is_none(), expected.is_none(), "{steps}: {error:?}");
        let error = error.unwrap_or_default();
        assert!(
            expected.is_none_or(|expected| error.contains(expected) && error.contains("pipeline.toml:")),
            "{steps}: {error}"
        );
    }
}

#[test]
fn a_source_that_is_added_before_an_event_time_has_copies_of_the_steps() {
    let text = "[sources.s]\nconnector = \"file\"\n[filters.f]\ninput = \"s\"\nwhere = \"a\"\n[selects.t]\ninput = \"f\"\ncolumns = [\"at\"]\n\
        event-time = \"at\"\non-error = \"dead-letter\"\n[windows.w]\ninput = \"t\"\nwindow = { tumbling = \"1s\" }\naggregates.n = \"count\"\n\
        [sinks.out]\ninput = \"w\"\nconnector = \"stdout\"\n[sinks.bad]\ninput = \"t.dead-letter\"\nconnector = \"stdout\"\n";
    for (step, expected) in [
        (
            "f",
            "more <- [] | f.of.more <- more | t.of.more <- f.of.more | s <- [] | f <- s | t <- f | w <- t, t.of.more | out <- w | \
             bad <- t.dead-letter, t.of.more.dead-letter",
        ),
        (
            "t",
            "more <- [] | t.of.more <- more | s <- [] | f <- s | t <- f | w <- t, t.of.more | out <- w | bad <- t.dead-letter, \
             t.of.more.dead-letter",
        ),
        ("w", "more <- [] | s <- [] | f <- s | t <- f | w <- t, more | out <- w | bad <- t.dead-letter"),
    ] {
        let mut graph = read(text, &[]).unwrap();
        let NodeKind::Source(mut source) = graph.nodes[0].kind.clone() else { panic!("{:?}", graph.nodes[0]) };
        source.watermark = Some(weir_core::time::WatermarkStrategy::AtEnd);
        let reader = graph.nodes.iter().position(|node| node.name == step).unwrap();
        graph.add_source("more".to_owned(), source, reader);
        let told = graph.nodes.iter().map(|node| {
            let inputs = node.inputs.iter().map(|input| {
                let name = &graph.nodes[input.node].name;
                if input.output == "main" { name.clone() } else { format!("{name}.{}", input.output) }
            });
            let inputs = inputs.collect::<Vec<_>>().join(", ");
            format!("{} <- {}", node.name, if inputs.is_empty() { "[]" } else { &inputs })
        });
        assert_eq!(told.collect::<Vec<_>>().join(" | "), expected);
        assert!(graph.timed_by().is_ok());
        let of_copy = graph.nodes.iter().find(|node| node.name == "t.of.more").and_then(|node| node.event_time.clone());
        assert!(of_copy.is_none_or(|of| of.watermark == Some(weir_core::time::WatermarkStrategy::AtEnd)));
    }
}
