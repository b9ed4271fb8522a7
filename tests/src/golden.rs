//! The known results of Nexmark's queries, from other implementations. Never runs anything.

use anyhow::Context;

/// Rows and checksum of the result of a query over the first 200,000 events.
///
/// # Errors
/// If there is none.
pub fn nexmark_golden(query: &str) -> anyhow::Result<(u64, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/nexmark");
    for file in ["golden-200k/SUMMARY.tsv", "duckdb.tsv"] {
        let path = format!("{folder}/{file}");
        let results = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        for line in results.lines() {
            let mut fields = line.split('\t');
            if let (Some(name), Some(rows), Some(checksum)) = (fields.next(), fields.next(), fields.next())
                && name == query
            {
                return Ok((rows.parse()?, checksum.to_owned()));
            }
        }
    }
    anyhow::bail!("{folder} has no {query}")
}
