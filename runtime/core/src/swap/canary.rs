//! Which keys get a new version first.

/// The share of the key groups that a new version gets before all the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    percent: u32,
}

impl Canary {
    /// So many percent of the key groups, rounded up; `None`: that is none of them, or all.
    #[must_use]
    pub fn new(percent: u32) -> Option<Self> {
        (1..100).contains(&percent).then_some(Self { percent })
    }

    /// Whether a key group is among them. They are spread evenly, so that most subtasks have some.
    #[must_use]
    pub fn has(self, group: u32) -> bool {
        let below = |group: u64| (group * u64::from(self.percent)).div_ceil(100);
        below(u64::from(group) + 1) > below(u64::from(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_so_many_of_any_number_of_groups_and_never_none() {
        for percent in 1..100 {
            let canary = Canary::new(percent).unwrap();
            for groups in 1..300 {
                let has = (0..groups).filter(|group| canary.has(*group)).count() as u32;
                assert_eq!(has, (groups * percent).div_ceil(100), "{percent} % of {groups}");
            }
        }
        assert_eq!([0, 100, 101].map(Canary::new), [None; 3]);
    }
}
