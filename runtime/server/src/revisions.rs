//! Revisions as people are told of them, each with the operators that it changes. It compares texts of pipelines, and checks none.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::catalog::{RevisionRow, RevisionState};
use crate::model::Revision;

/// The revisions of a job, oldest first. One whose forerunners are not kept any more says nothing of what it changed.
pub(crate) fn told(rows: Vec<RevisionRow>) -> Vec<Revision> {
    let mut before: Option<BTreeMap<String, Table>> = None;
    let mut told: Vec<Revision> = Vec::with_capacity(rows.len());
    for RevisionRow { number, cause, pipeline, state, reason, created_us } in rows {
        let now = operators(&pipeline);
        before = before.filter(|_| told.last().is_some_and(|last| last.number + 1 == number));
        let operators = before.as_ref().map_or_else(BTreeMap::new, |before| changes(before, &now));
        let name = match state {
            RevisionState::Trying => "trying",
            RevisionState::Kept => "kept",
            RevisionState::RolledBack => "rolled-back",
        };
        // What follows is compared with what has run.
        if state == RevisionState::Kept {
            before = Some(now);
        }
        told.push(Revision { number, cause, operators, state: name.to_owned(), reason, created_us });
    }
    told
}

/// The tables of the operators of a pipeline, and of the aggregates that are components.
fn operators(pipeline: &str) -> BTreeMap<String, Table> {
    let document: Table = pipeline.parse().unwrap_or_default();
    let tables = |of: Option<&Value>| of.and_then(Value::as_table).cloned().unwrap_or_default();
    let mut found: Vec<(String, Value)> = tables(document.get("operators")).into_iter().collect();
    for (step, table) in ["windows", "aggregates", "rolling"].into_iter().flat_map(|of| tables(document.get(of))) {
        let aggregates = tables(table.get("aggregates")).into_iter();
        found.extend(aggregates.map(|(aggregate, value)| (format!("{step}.{aggregate}"), value)));
    }
    let component = |(name, value): (String, Value)| match value {
        Value::Table(table) if table.contains_key("component") => Some((name, table)),
        _ => None,
    };
    found.into_iter().filter_map(component).collect()
}

fn changes(before: &BTreeMap<String, Table>, now: &BTreeMap<String, Table>) -> BTreeMap<String, String> {
    let removed =
        before.keys().filter(|name| !now.contains_key(*name)).map(|name| (name.clone(), "removed".to_owned()));
    let changed = now.iter().filter_map(|(name, now)| Some((name.clone(), change(before.get(name), now)?)));
    removed.chain(changed).collect()
}

/// `count@2`, `other config`, `count@2, other config, other limits`
fn change(before: Option<&Table>, now: &Table) -> Option<String> {
    // A table without anything is as good as none.
    let said = |table: &Table, key: &str| {
        table.get(key).filter(|value| value.as_table().is_none_or(|table| !table.is_empty())).cloned()
    };
    let differs = |key: &str| before.and_then(|before| said(before, key)) != said(now, key);
    let version = now.get("component").filter(|_| differs("component")).and_then(Value::as_str).map(str::to_owned);
    let others = ["config", "limits"].into_iter().filter(|key| before.is_some() && differs(key));
    let changed: Vec<String> = version.into_iter().chain(others.map(|key| format!("other {key}"))).collect();
    (!changed.is_empty()).then(|| changed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_says_what_it_changes_of_what_ran_before() {
        const FIRST: &str = "[operators.parse]\ncomponent = \"parse@1\"\n[operators.count]\ncomponent = \"count@1\"\n\
                             config = { a = 1 }\n[windows.w]\naggregates.n = \"count\"\n\
                             aggregates.q = { component = \"quantile@1\", config = { q = 0.5 } }\n\
                             [rolling.r.aggregates]\nt = { component = \"total@1\" }\n";
        let revision = |(number, (pipeline, state)): (u64, (String, RevisionState))| RevisionRow {
            number,
            cause: "swap".to_owned(),
            pipeline,
            state,
            reason: None,
            created_us: 0,
        };
        let (kept, rolled_back) = (RevisionState::Kept, RevisionState::RolledBack);
        let second = FIRST.replace("count@1", "count@2").replace("a = 1", "a = 2");
        let fourth = second
            .replace("q = 0.5", "q = 0.9")
            .replace("total@1", "total@2")
            .replace("[operators.parse]\ncomponent = \"parse@1\"\n", "");
        let pipelines = [
            (FIRST.to_owned(), kept),
            (FIRST.replace("parse@1", "parse@2"), rolled_back),
            (second.clone(), kept),
            (fourth, kept),
            (second.replace("a = 2 }", "a = 2 }\nlimits = {}"), kept),
        ];
        let rows: Vec<_> = (1..).zip(pipelines).map(revision).collect();
        let pruned = rows.iter().filter(|row| row.number != 2).cloned().collect();
        assert!(told(pruned)[1].operators.is_empty(), "what ran before it is not known");
        let told = told(rows);
        let told: Vec<String> = told.iter().map(|revision| format!("{:?}", revision.operators)).collect();
        assert_eq!(
            told,
            [
                "{}",
                "{\"parse\": \"parse@2\"}",
                "{\"count\": \"count@2, other config\"}",
                "{\"parse\": \"removed\", \"r.t\": \"total@2\", \"w.q\": \"other config\"}",
                "{\"parse\": \"parse@1\", \"r.t\": \"total@1\", \"w.q\": \"other config\"}",
            ]
        );
    }
}
