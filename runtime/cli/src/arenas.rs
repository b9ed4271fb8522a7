//! Bounds the arenas of the C library's allocator. It never decides what is allocated.
//!
//! GNU's gives new threads arenas of their own, up to eight per core, and keeps in each what was freed there. A server on which jobs start and
//! end all the time holds twice the memory that way, and the more the longer it runs. With one arena per core nothing grows, but threads that
//! exchange rows wait for each other: some 5 percent of q5, q7 and q11 at two subtasks. So there are two.

/// Two arenas per core from now on, if the environment does not say how many. To be called before threads are started; where the C library is
/// another one, nothing happens.
pub(crate) fn bound() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        #[allow(unsafe_code, reason = "a process cannot say it to its allocator in another way")]
        // SAFETY: it takes two numbers, and changes nothing but how many arenas are made later.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, i32::try_from(2 * cores).unwrap_or(i32::MAX));
        }
    }
}
