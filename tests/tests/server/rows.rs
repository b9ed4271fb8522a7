//! What the counting pipeline has written, checked.

use std::collections::BTreeMap;

use crate::server::{Home, lines};

/// By key, the tags of its rows in the order of their numbers.
pub(crate) struct Counted {
    pub(crate) tags: Vec<Vec<u32>>,
    /// All rows.
    pub(crate) rows: usize,
}

impl Counted {
    /// Reads what is in `out`. Fails if a number is missing or there twice.
    pub(crate) fn read(home: &Home) -> Self {
        let lines = lines(&home.files().join("out"));
        let mut keys: BTreeMap<&str, Vec<(usize, u32)>> = BTreeMap::new();
        for line in &lines {
            let [key, number, tag, _] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
            keys.entry(key).or_default().push((number.parse().unwrap(), tag.parse().unwrap()));
        }
        let in_order = |(key, mut rows): (&str, Vec<(usize, u32)>)| {
            rows.sort_unstable();
            let numbers = rows.iter().map(|(number, _)| *number);
            assert!(numbers.eq(1..=rows.len()), "the numbers of {key} have gaps, or some are there twice");
            rows.into_iter().map(|(_, tag)| tag).collect()
        };
        Self { tags: keys.into_iter().map(in_order).collect(), rows: lines.len() }
    }

    /// The tags of a key, each once per change.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Vec<u32>> {
        self.tags.iter().map(|tags| {
            let mut tags = tags.clone();
            tags.dedup();
            tags
        })
    }
}
