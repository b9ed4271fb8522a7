//! The known results of Nexmark's queries, from another implementation. Never runs anything.

use anyhow::Context;

/// Rows and checksum of the result of a query over the first 200,000 events.
///
/// # Errors
/// If there is none.
pub fn nexmark_golden(query: &str) -> anyhow::Result<(u64, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/nexmark/golden-200k/SUMMARY.tsv");
    let summary = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    for line in summary.lines() {
        let mut fields = line.split('\t');
        if let (Some(name), Some(rows), Some(checksum)) = (fields.next(), fields.next(), fields.next())
            && name == query
        {
            return Ok((rows.parse()?, checksum.to_owned()));
        }
    }
    anyhow::bail!("{path} has no {query}")
}
