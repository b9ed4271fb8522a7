//! The queries that are measured, and what is particular about each.

use std::path::{Path, PathBuf};

/// A Nexmark query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    /// Every bid, as it is.
    Q0,
    /// Every bid, its price converted.
    Q1,
    /// The bids on some auctions.
    Q2,
    /// The auctions with the most bids, in sliding windows.
    Q5,
    /// The highest bids, in tumbling windows.
    Q7,
    /// Bids of a bidder, in sessions.
    Q11,
}

impl Query {
    /// All of them, in the order in which they run.
    pub(crate) const ALL: [Self; 6] = [Self::Q0, Self::Q1, Self::Q2, Self::Q5, Self::Q7, Self::Q11];

    /// As the command line and the pipeline files call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Q0 => "q0",
            Self::Q1 => "q1",
            Self::Q2 => "q2",
            Self::Q5 => "q5",
            Self::Q7 => "q7",
            Self::Q11 => "q11",
        }
    }

    /// The query of a name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|query| query.name() == name)
    }

    /// Events if the command line does not say: enough for a run of about a second, so that starting up does not count.
    pub(crate) fn events_default(self) -> u64 {
        match self {
            Self::Q0 | Self::Q1 | Self::Q2 | Self::Q7 => 20_000_000,
            Self::Q5 | Self::Q11 => 10_000_000,
        }
    }

    /// Its pipeline file.
    pub(crate) fn pipeline(self) -> PathBuf {
        examples().join(format!("{}.toml", self.name()))
    }
}

/// The folder of the pipelines and of their components.
pub(crate) fn examples() -> PathBuf {
    root().join("examples/nexmark")
}

/// Compiled components, kept from run to run.
pub(crate) fn cache() -> PathBuf {
    root().join("target/weir-cache")
}

/// The project.
pub(crate) fn root() -> &'static Path {
    let bench = Path::new(env!("CARGO_MANIFEST_DIR"));
    bench.parent().unwrap_or(bench)
}
