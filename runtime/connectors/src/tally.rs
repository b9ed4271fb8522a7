//! What a writer has done, kept across checkpoints. Never decides what becomes visible.

use weir_core::connector::{Prepared, SinkReport, WriterContext};

/// Counts of one writer since its job began, those of the writers that it took over from included.
pub(crate) fn restored(context: &WriterContext<'_>) -> SinkReport {
    let mine = context.restored.iter().skip(context.subtask).step_by(context.parallelism.max(1));
    let mut sum = SinkReport::default();
    for report in mine.filter_map(|state| serde_json::from_value::<SinkReport>(state.clone()).ok()) {
        sum.add(&report);
    }
    sum
}

/// The part of a writer whose rows are visible at once: its state is its report.
pub(crate) fn prepared(report: SinkReport) -> Prepared {
    let state = serde_json::json!({ "rows": report.rows, "checksum": report.checksum });
    Prepared { commit: Vec::new(), state, report }
}

/// Ends a sink as an engine does: the last cut, and what it says is committed.
#[cfg(test)]
pub(crate) fn finish(
    sink: &dyn weir_core::connector::Sink,
    writer: &mut dyn weir_core::connector::SinkWriter,
) -> SinkReport {
    let prepared = writer.prepare(weir_core::connector::Cut { attempt: 1, last: true }).unwrap()().unwrap();
    if let Some(mut committer) = sink.committer("test", 1).unwrap() {
        committer.commit(1, prepared.commit).unwrap();
    }
    prepared.report
}
