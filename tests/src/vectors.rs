//! Replays black-box cases (`tests/vectors/*.json`) through the real watermark, window and operator code.
//!
//! A case is facts: what went in, what must come out by when. Here each kind of case has a driver that feeds Weir's own code and
//! compares. Nothing in here computes a result by itself. A case that Weir cannot run says so with a reason: a field, a kind or an
//! operation that is not understood is never ignored silently.

mod case;
mod compare;
mod dedup;
mod idleness;
mod join_cases;
mod join_replay;
mod join_rig;
mod join_rows;
mod join_settings;
mod join_source;
mod multi_source;
mod report;
mod state_ttl;
mod watermark_merge;
mod watermark_strategy;
mod window_cases;
#[cfg(test)]
mod window_model_tests;
mod window_ops;
mod window_pipeline;
mod window_replay;
mod window_rig;
mod window_rows;
mod window_settings;
mod window_triggers;
mod windows;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use case::{Case, Stop};
pub use report::{Report, Verdict};

/// Replays every case of every `*.json` file in a folder, files in the order of their names.
///
/// # Errors
/// If the folder or a file cannot be read, or a file is no JSON array.
pub fn run_folder(folder: &Path) -> anyhow::Result<Report> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    anyhow::ensure!(!files.is_empty(), "there is no .json file in {}", folder.display());
    let mut report = Report::default();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let cases: Vec<Value> =
            serde_json::from_str(&text).with_context(|| format!("{} is no JSON array of cases", file.display()))?;
        for (index, value) in cases.into_iter().enumerate() {
            let place = format!("{}[{index}]", file.file_name().unwrap_or_default().to_string_lossy());
            report.add(run_case(&place, value));
        }
    }
    Ok(report)
}

/// Replays one case. `place` names it if it has no name.
fn run_case(place: &str, value: Value) -> Verdict {
    let case = match Case::new(place, value) {
        Ok(case) => case,
        Err(reason) => return Verdict::skipped(place, "?", reason),
    };
    let (name, kind) = (case.name.clone(), case.kind.clone());
    // A panic of an operator is a failure of this case, and the others still run.
    match catch_unwind(AssertUnwindSafe(|| drive(case))) {
        Ok(Ok(unchecked)) => Verdict::passed(&name, &kind, unchecked),
        Ok(Err(Stop::Fail(why))) => Verdict::failed(&name, &kind, why),
        Ok(Err(Stop::Skip(reason))) => Verdict::skipped(&name, &kind, reason),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
            Verdict::failed(&name, &kind, format!("panicked: {said}"))
        }
    }
}

/// What of a case that passed was not compared, because Weir has nothing like it.
type Unchecked = Vec<String>;

fn drive(case: Case) -> Result<Unchecked, Stop> {
    match case.kind.as_str() {
        "watermark_strategy" => watermark_strategy::drive(case),
        "idleness" => idleness::drive(case),
        "watermark_merge" => watermark_merge::drive(case),
        "multi_source_watermark" => multi_source::drive(case),
        "window_aggregate" => window_cases::aggregate(case),
        "window_microbatch" | "chained_windows" => window_cases::microbatch(case),
        "window_assign" => windows::assign(case),
        "window_group" => windows::group(case),
        "window_merge" => windows::merge(case),
        "window_invalid" => windows::invalid(case),
        "interval_join" => join_cases::interval_join(case),
        "stream_join" => join_cases::stream_join(case),
        "dedup" => dedup::drive(case),
        "state_ttl" => state_ttl::drive(case),
        "window_panes" => window_cases::panes(case),
        "window_streamtime" => window_cases::stream_time(case),
        "suppress" => window_cases::suppress(case),
        "cep" => Err(Stop::skip("needs patterns over events")),
        other => Err(Stop::skip(format!("the kind {other:?} is not known here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(case: &str) -> String {
        let mut report = Report::default();
        report.add(run_case("inline[0]", serde_json::from_str(case).unwrap()));
        report.to_string()
    }

    #[test]
    fn the_given_cases_pass() {
        let report = run_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")).unwrap();
        println!("{report}");
        assert_eq!(report.failed(), 0, "{report}");
        assert!(report.passed() >= PASSED_AT_LEAST, "only {} cases passed: what was lost?", report.passed());
    }

    /// How many of the cases in tests/vectors are known to pass.
    const PASSED_AT_LEAST: usize = 138;

    #[test]
    fn a_wrong_expectation_fails_and_says_why() {
        for (case, why) in [
            (
                r#"{"name":"a","kind":"watermark_strategy","strategy":{"type":"bounded_out_of_orderness","delay":10},
                "ops":[{"event":100},{"periodic_emit":true}],"expected":[{"by_op":1,"watermark":90}]}"#,
                "op 1: expected watermark 90, got 89",
            ),
            (
                r#"{"name":"a","kind":"watermark_merge","channels":1,"ops":[{"channel":0,"watermark":5}],"expected":[]}"#,
                "op 0: unexpected watermark 5",
            ),
            (
                r#"{"name":"a","kind":"window_aggregate","aggregate":"sum","window":{"type":"tumbling","size":10},
                "ops":[{"element":{"key":"a","value":3,"ts":4}},{"watermark":9}],
                "expected":[{"by_op":1,"key":"a","value":4,"window":[0,10],"ts":9}]}"#,
                "op 1: missing key \"a\", window [0, 10), value 4, at 9; op 1: unexpected key \"a\", window [0, 10), value 3, at 9",
            ),
            (
                r#"{"name":"a","kind":"window_aggregate","aggregate":"count","window":{"type":"session","gap":10},
                "ops":[{"element":{"key":"a","ts":4}},{"watermark":12}],"expected":[{"by_op":1,"key":"a","value":1}]}"#,
                "op 1: missing key \"a\", value 1",
            ),
            (
                r#"{"name":"a","kind":"window_aggregate","aggregate":"count","window":{"type":"tumbling","size":10},
                "late_output":true,"ops":[{"watermark":9},{"element":{"key":"a","ts":4}}],"expected":[],"expected_late":[]}"#,
                "late rows: op 1: unexpected key \"a\", value null, at 4",
            ),
            (
                r#"{"name":"a","kind":"window_microbatch","aggregate":"count","window":{"type":"tumbling","size":10},
                "keyed":false,"ops":[{"batch":[{"ts":4}],"watermark_after":10},{"batch":[{"ts":4},{"ts":5}],"watermark_after":10}],
                "expected":[{"by_op":0,"value":1}],"expected_dropped":[{"by_op":1,"count":2}]}"#,
                "op 1: expected 2 rows to be dropped, got 1",
            ),
            (
                r#"{"name":"a","kind":"window_streamtime","aggregate":"count","emit":"every_update","allowed_lateness":0,
                "window":{"type":"session","gap":5,"bounds":"inclusive"},
                "ops":[{"element":{"key":"a","ts":0}},{"element":{"key":"a","ts":5}}],
                "expected":[{"by_op":0,"key":"a","window":[0,0],"value":1},{"by_op":1,"key":"a","window":[0,5],"value":2}]}"#,
                "op 1: unexpected key \"a\", window [0, 0), value null, at 0",
            ),
            (
                r#"{"name":"a","kind":"window_panes","aggregate":"list","trigger":{"type":"default"},
                "window":{"type":"tumbling","size":10},"ops":[{"elements":[1,2]},{"watermark":10}],
                "expected":[{"by_op":1,"window":[0,10],"values":[2,1],"timing":"late"}]}"#,
                "op 1: missing window [0, 10), timing \"late\", values [2,1]",
            ),
            (
                r#"{"name":"a","kind":"window_assign","window":{"type":"tumbling","size":10},
                "ops":[{"assign":{"ts":7}}],"expected":[{"by_op":0,"windows":[[0,9]]}]}"#,
                "op 0: expected [[0, 9]], got [[0, 10]]",
            ),
            (
                r#"{"name":"a","kind":"window_invalid","ops":[{"create":{"type":"session","gap":5}}],
                "expected":[{"by_op":0,"error":"invalid_argument"}]}"#,
                "op 0: expected the error invalid_argument, but it was accepted",
            ),
        ] {
            let said = check(case);
            assert!(said.contains(why), "{said}");
            assert!(said.ends_with("0 passed, 1 failed, 0 skipped"), "{said}");
        }
    }

    #[test]
    fn what_is_not_understood_is_skipped_with_a_reason() {
        for (case, reason) in [
            (r#"7"#, "is no JSON object"),
            (r#"{"name":"a"}"#, "has no kind"),
            (r#"{"name":"a","kind":"cook"}"#, "\"cook\" is not known"),
            (r#"{"name":"a","kind":"idleness","ops":[{"dance":1}],"expected":[]}"#, "unknown variant `dance`"),
            (r#"{"name":"a","kind":"idleness","ops":[],"expected":[],"speed":7}"#, "unknown field `speed`"),
            (
                r#"{"name":"a","kind":"idleness","ops":[],"expected":[{"by_op":0,"idle":true}]}"#,
                "expects something of op 0",
            ),
            (
                r#"{"name":"a","kind":"window_assign","window":{"type":"hopping","gap":5},"ops":[],"expected":[]}"#,
                "needs hopping windows",
            ),
            (
                r#"{"name":"a","kind":"window_assign","window":{"type":"tumbling","size":1,"time":"processing"},
                "ops":[],"expected":[]}"#,
                "assigns windows of processing time",
            ),
            (
                r#"{"name":"a","kind":"window_aggregate","aggregate":"sum","window":{"type":"tumbling","size":10},
                "trigger":{"type":"delta","threshold":2},"ops":[],"expected":[]}"#,
                "unknown field `threshold`",
            ),
            (
                r#"{"name":"a","kind":"window_aggregate","aggregate":"sum","window":{"type":"tumbling","size":10},
                "ops":[],"expected":[{"by_op":0,"value":1,"pane":7}]}"#,
                "expects \"pane\"",
            ),
            (
                r#"{"name":"a","kind":"watermark_merge","channels":1,"ops":[{"channel":3,"watermark":1}],"expected":[]}"#,
                "channel 3",
            ),
        ] {
            let said = check(case);
            assert!(said.contains(reason), "{said}");
            assert!(said.ends_with("0 passed, 0 failed, 1 skipped"), "{said}");
        }
    }
}
