//! The option `partitions`: which partitions of a topic a job reads, where several jobs share it. It asks no broker.

use serde::Deserialize;

/// More than a cluster of Kafka can have.
const PARTITIONS_MAX: usize = 1_000_000;
const FORM: &str = "`partitions` is a number, or numbers and ranges such as \"0-15\" or \"0, 2, 8-11\"";

/// The numbers of some partitions, ascending, at least one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PartitionsOption")]
pub(crate) struct Partitions(Vec<i32>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "`partitions` is a number, or numbers and ranges such as \"0-15\" or \"0, 2, 8-11\"")]
enum PartitionsOption {
    One(i64),
    Several(String),
}

impl TryFrom<PartitionsOption> for Partitions {
    type Error = String;

    fn try_from(option: PartitionsOption) -> Result<Self, String> {
        let text = match option {
            PartitionsOption::One(number) => number.to_string(),
            PartitionsOption::Several(text) => text,
        };
        let number = |text: &str, part: &str| {
            let number = text.trim().parse().ok().filter(|number: &i32| *number >= 0);
            number.ok_or_else(|| format!("{FORM}, not {part:?}"))
        };
        let mut all = Vec::<i32>::new();
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (number(first, part)?, number(last, part)?),
                None => (number(part, part)?, number(part, part)?),
            };
            if first > last {
                return Err(format!("`partitions`: {part:?} begins behind its end"));
            }
            if (last - first) as usize >= PARTITIONS_MAX - all.len() {
                return Err(format!("`partitions` has more than {PARTITIONS_MAX} of them"));
            }
            all.extend(first..=last);
        }
        all.sort_unstable();
        match all.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("`partitions` has {} twice", pair[0])),
            None => Ok(Self(all)),
        }
    }
}

impl Partitions {
    pub(crate) fn all(&self) -> &[i32] {
        &self.0
    }

    /// The place of a partition among them.
    pub(crate) fn place(&self, partition: i32) -> Option<usize> {
        self.0.binary_search(&partition).ok()
    }

    /// Those that a topic with this many partitions does not have.
    pub(crate) fn beyond(&self, count: usize) -> &[i32] {
        let there = self.0.partition_point(|partition| usize::try_from(*partition).is_ok_and(|number| number < count));
        &self.0[there..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<i32>, String> {
        Partitions::try_from(PartitionsOption::Several(text.to_owned())).map(|partitions| partitions.0)
    }

    #[test]
    fn numbers_and_ranges_are_read() {
        assert_eq!(parse("0-3"), Ok(vec![0, 1, 2, 3]));
        assert_eq!(parse("8 - 9, 2,0"), Ok(vec![0, 2, 8, 9]));
        assert_eq!(Partitions::try_from(PartitionsOption::One(3)), Ok(Partitions(vec![3])));
    }

    #[test]
    fn what_is_none_is_refused() {
        let one = |number| Partitions::try_from(PartitionsOption::One(number)).unwrap_err();
        for refused in ["", "a", "1-", "-1", "1,,2", "1..3", "99999999999"].map(|text| parse(text).unwrap_err()) {
            assert!(refused.starts_with("`partitions` is a number, or"), "{refused}");
        }
        assert!(one(-1).starts_with("`partitions` is a number, or"));
        assert_eq!(parse("3-1").unwrap_err(), "`partitions`: \"3-1\" begins behind its end");
        assert_eq!(parse("0-3,2").unwrap_err(), "`partitions` has 2 twice");
        assert_eq!(parse("0-2147483647").unwrap_err(), "`partitions` has more than 1000000 of them");
        assert_eq!(parse("0-999998,2000000-2147483647").unwrap_err(), "`partitions` has more than 1000000 of them");
    }

    #[test]
    fn a_topic_may_have_fewer() {
        let partitions = Partitions(vec![1, 3, 5]);
        assert_eq!(partitions.beyond(4), [5]);
        assert!(partitions.beyond(6).is_empty());
        assert_eq!((partitions.place(3), partitions.place(4)), (Some(1), None));
    }
}
