//! Descriptors of the process: how many it may have, and how many it has. Sockets of the API get a part of them, so that files and
//! connections of jobs find the rest.

/// Connections are so small a part of the descriptors: the rest is for jobs.
const CONNECTIONS_PART: u64 = 4;
/// Connections at a time at most, by default: more than people and scripts of one server have open, and some MiB of buffers.
const CONNECTIONS_MAX_DEFAULT: u64 = 1024;
/// Connections at a time at least, however few descriptors there are.
const CONNECTIONS_MIN: u64 = 8;

/// Raises the soft limit of descriptors to the hard one; returns what holds now.
#[cfg(unix)]
pub(crate) fn raise_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let holds = if raised.is_ok() { limit.maximum } else { limit.current };
    holds.unwrap_or(u64::MAX)
}

/// What holds: this system has no such limit that is known here.
#[cfg(not(unix))]
pub(crate) fn raise_limit() -> u64 {
    u64::MAX
}

/// Connections that a server may have with a limit of descriptors.
pub(crate) fn connections_max(limit: u64) -> usize {
    let most = (limit / CONNECTIONS_PART).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX_DEFAULT);
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Descriptors that the process has; `None`: the system does not say.
pub(crate) fn open() -> Option<u64> {
    Some(std::fs::read_dir("/dev/fd").ok()?.count() as u64)
}

#[cfg(test)]
mod tests {
    use super::connections_max;

    #[test]
    fn most_descriptors_are_for_jobs() {
        assert_eq!([16, 1024, 4096, 1 << 20, u64::MAX].map(connections_max), [8, 256, 1024, 1024, 1024]);
    }
}
