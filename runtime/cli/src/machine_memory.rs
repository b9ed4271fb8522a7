//! How much memory the process can use: what the machine has, or the control group that it is in.

/// Bytes, if the system tells.
pub(crate) fn bytes() -> Option<u64> {
    let of_group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    [of_machine(), of_group].into_iter().flatten().min()
}

#[cfg(target_os = "linux")]
fn of_machine() -> Option<u64> {
    let rustix::system::Sysinfo { totalram, mem_unit, .. } = rustix::system::sysinfo();
    totalram.checked_mul(u64::from(mem_unit))
}

#[cfg(not(target_os = "linux"))]
fn of_machine() -> Option<u64> {
    None
}
