//! Why Flink failed, in plain words: it says that by stack traces, with a class name in front of each message, and often says one thing
//! several times. Here is also what can be done about failures that are known. It asks nothing.

/// What only says that something failed which a further cause explains.
const SAYS_NOTHING: [&str; 15] = [
    "Internal server error.",
    "Internal error.",
    "Could not execute application.",
    "Could not create the job",
    "Could not instantiate JobManager.",
    "Could not start the JobMaster.",
    "Could not start the JobManager.",
    "Could not complete snapshot",
    "Failed to execute job",
    "Failed to submit job",
    "Failed to submit JobGraph",
    "Job execution failed.",
    "Job failed",
    "Recovery is suppressed by",
    "The main method caused an error",
];

/// What Weir's own classes say, and its causes, is the whole reason, whatever Flink wraps it in.
const OURS: [&str; 3] =
    ["io.weir.bridge.WeirException", "io.weir.bridge.RepeatingException", "io.weir.flink.NonRecoverableException"];

/// Texts of traces, and what to do where they occur.
const ADVICE: [(&[&str], &str); 10] = [
    (
        &[
            "NoResourceAvailableException",
            "Could not acquire the minimum required resources",
            "Slot request bulk is not fulfillable",
        ],
        "the cluster has fewer free task slots than the job needs: end other jobs, add TaskManagers, or give a smaller --parallelism",
    ),
    (
        &["maximum permitted memory-backed state"],
        "without a folder Flink keeps checkpoints of 5 MB at most: name one that all machines share with -D execution.checkpointing.dir=URL",
    ),
    (
        &["No savepoint directory configured"],
        "name a folder for savepoints with --savepoint-dir, or with execution.checkpointing.savepoint-dir in Flink's configuration",
    ),
    (
        &["Cannot find checkpoint or savepoint", "Cannot find meta data file"],
        "name a savepoint's folder, such as file:///savepoints/savepoint-6d0f1c-a8f4, on a file system that the JobManager has, too",
    ),
    (
        &["Cannot map checkpoint/savepoint state"],
        "the savepoint has state of steps that the pipeline no longer has: --allow-dropped-state discards it",
    ),
    (
        &["FlinkJobNotFoundException"],
        "the job has ended, or never was: `weir ps --engine flink --target session:URL` lists those that are there",
    ),
    (
        &["Not all required tasks are currently running", "not all tasks are currently running"],
        "its tasks are starting, or some have finished: try again when all of them run",
    ),
    (&["UnsupportedClassVersionError"], "Flink runs on an older Java: Weir needs Java 17 or newer"),
    (
        &[
            "NoSuchMethodError: 'org.apache.flink",
            "NoClassDefFoundError: org/apache/flink",
            "ClassNotFoundException: org.apache.flink",
            "NoSuchFieldError: org.apache.flink",
        ],
        "this Flink is another one than Weir's jar is made for: Weir needs Flink 2.0 or newer",
    ),
    (
        &["java.lang.OutOfMemoryError"],
        "give the JVM more memory: a cluster by taskmanager.memory.process.size, a local run by JAVA_TOOL_OPTIONS=-Xmx4g",
    ),
];

/// What stack traces say, outermost first, each thing once; and what to do, where that is known.
pub(crate) fn reasons<'a>(traces: impl Iterator<Item = &'a str>) -> String {
    let text = traces.collect::<Vec<_>>().join("\n");
    let causes = causes(&text);
    let ours = causes.iter().position(|cause| OURS.contains(&cause.class.as_str()));
    let said = said(&causes[ours.unwrap_or_default()..]);
    // Weir's messages say themselves what to do.
    let mut known = ADVICE.iter().filter(|_| ours.is_none());
    match known.find(|(texts, _)| texts.iter().any(|known| text.contains(known))) {
        Some((_, advice)) => format!("{said}\n{advice}"),
        None => said,
    }
}

/// What Flink says of one failure.
struct Cause {
    class: String,
    /// Without names of classes in front; it may have several lines.
    message: String,
}

/// The causes of a trace, without its frames.
fn causes(text: &str) -> Vec<Cause> {
    let is_frame = |line: &str| line.starts_with("at ") || line.starts_with("... ") || line.starts_with("Suppressed: ");
    let mut causes: Vec<Cause> = Vec::new();
    // Whether the next line begins another cause: the message of the last one is over.
    let mut is_over = true;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || is_frame(trimmed) {
            is_over |= is_frame(trimmed);
            continue;
        }
        let (class, message) = split(trimmed.strip_prefix("Caused by: ").unwrap_or(trimmed));
        let begins = is_over || trimmed.starts_with("Caused by: ") || !class.is_empty();
        is_over = false;
        match causes.last_mut().filter(|_| !begins) {
            // Of several lines, which may be indented on purpose.
            Some(last) => last.message = format!("{}\n{line}", last.message),
            None => causes.push(Cause { class, message: message.to_owned() }),
        }
    }
    causes
}

/// `a.b.C: d.e.F: why` as the last class and what stands behind it.
fn split(line: &str) -> (String, &str) {
    let (mut class, mut rest) = (String::new(), line);
    loop {
        let (first, behind) = rest.split_once(": ").unwrap_or((rest.trim_end_matches(':'), ""));
        let parts: Vec<_> = first.split('.').collect();
        let is_name =
            |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_$".contains(c));
        let is_package = |part: &&str| is_name(part) && part.starts_with(|c: char| c.is_ascii_lowercase());
        let is_class = matches!(parts.as_slice(), [packages @ .., name] if !packages.is_empty() && packages.iter().all(is_package)
            && is_name(name) && name.starts_with(|c: char| c.is_ascii_uppercase()));
        if !is_class {
            return (class, rest);
        }
        (class, rest) = (first.to_owned(), behind);
    }
}

/// The messages, without what another one says too, and without what says nothing beside one that does.
fn said(causes: &[Cause]) -> String {
    let all: Vec<&str> =
        causes.iter().map(|cause| cause.message.trim()).filter(|message| !message.is_empty()).collect();
    let says_something = |message: &&&str| !SAYS_NOTHING.iter().any(|nothing| message.starts_with(nothing));
    let mut kept: Vec<&str> = Vec::new();
    for message in all.iter().filter(says_something) {
        if !kept.iter().any(|kept| kept.contains(message)) {
            kept.retain(|kept| !message.contains(kept));
            kept.push(message);
        }
    }
    if let (true, Some(last)) = (kept.is_empty(), all.last()) {
        kept.push(last);
    }
    match (kept.is_empty(), causes.last()) {
        // Some exceptions have a name only.
        (true, Some(cause)) => cause.class.rsplit('.').next().unwrap_or_default().to_owned(),
        _ => kept.join("\n  because "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trace: &str, said: &str) {
        assert_eq!(reasons([trace].into_iter()), said);
    }

    #[test]
    fn messages_are_shown_once_and_without_classes() {
        check(
            "Internal server error.\n\tat a.B.c(B.java:1)\nCaused by: java.util.concurrent.CompletionException: \
             org.apache.flink.util.FlinkException: the disk is full: no room\n\tat d\nCaused by: \
             org.apache.flink.util.FlinkException: the disk is full: no room\n\t... 3 more\nCaused by: java.io.IOException: no room\n",
            "the disk is full: no room",
        );
        check(
            "a.b.Outer: cannot begin\n\tat x\nCaused by: a.b.Inner: no such host\n",
            "cannot begin\n  because no such host",
        );
        check("java.lang.NullPointerException\n\tat x.Y.z(Y.java:1)\n", "NullPointerException");
        check("org.apache.flink.runtime.JobException: Job failed: it", "Job failed: it");
        check("nothing here is a trace: at all", "nothing here is a trace: at all");
        check("", "");
    }

    #[test]
    fn what_weir_says_is_the_whole_reason_with_all_its_lines() {
        check(
            "org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: the pipeline cannot run\n\
             \tat a\nCaused by: io.weir.bridge.WeirException: the pipeline cannot run on Flink:\n\n  --> p.toml:4:13\n   |\n\tat b\n",
            "the pipeline cannot run on Flink:\n  --> p.toml:4:13\n   |",
        );
    }

    #[test]
    fn what_to_do_about_known_failures_is_said() {
        for (trace, advice) in [
            (
                "x.JobException: Recovery is suppressed by NoRestart\nCaused by: x.NoResourceAvailableException: Could not acquire",
                "free task slots",
            ),
            (
                "java.io.IOException: Size of the state is larger than the maximum permitted memory-backed state. Size=6000000",
                "execution.checkpointing.dir",
            ),
            (
                "java.io.FileNotFoundException: Cannot find checkpoint or savepoint file/directory '/a' on file system 'file'.",
                "name a savepoint's folder",
            ),
            ("org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (00)", "weir ps"),
            (
                "java.lang.NoClassDefFoundError: org/apache/flink/configuration/StateRecoveryOptions",
                "Flink 2.0 or newer",
            ),
        ] {
            let said = reasons([trace].into_iter());
            assert!(
                said.contains('\n') && said.contains(advice) && !said.contains("java.") && !said.contains("x."),
                "{said}"
            );
        }
    }
}
