//! How much stack the calling thread has left. A guest that recurses traps when it has used what it may; on a stack that is smaller it would
//! hit its end first, and take the process with it.

use weir_embed::process::STACK_BYTES;

/// Stack that a call needs: what guests may use, and as much for the host and the guard pages that a JVM keeps at the end.
pub const NEEDED_BYTES: usize = 2 * STACK_BYTES;

/// Refuses a call on a thread that has too little left.
///
/// # Errors
/// What to do about it.
pub(crate) fn check() -> Result<(), String> {
    let here = 0_u8;
    let left = (std::ptr::from_ref(&here) as usize).saturating_sub(end());
    match left >= NEEDED_BYTES {
        true => Ok(()),
        false => Err(format!(
            "the thread {:?} has {} KiB of stack left, and operators need {} KiB: start the JVM with -Xss1m or more",
            std::thread::current().name().unwrap_or("(no name)"),
            left >> 10,
            NEEDED_BYTES >> 10
        )),
    }
}

/// The lowest address of this thread's stack; 0 if the system does not tell.
fn end() -> usize {
    thread_local! {
        static END: usize = find_end();
    }
    END.with(|end| *end)
}

#[cfg(target_os = "linux")]
fn find_end() -> usize {
    // SAFETY: the attributes are filled by the first call, read by the second and freed by the third, and used nowhere else.
    unsafe {
        let mut attributes = std::mem::zeroed();
        if libc::pthread_getattr_np(libc::pthread_self(), &raw mut attributes) != 0 {
            return 0;
        }
        let (mut start, mut size) = (std::ptr::null_mut(), 0);
        let found = libc::pthread_attr_getstack(&raw const attributes, &raw mut start, &raw mut size);
        libc::pthread_attr_destroy(&raw mut attributes);
        if found == 0 { start as usize } else { 0 }
    }
}

#[cfg(not(target_os = "linux"))]
fn find_end() -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_stack_is_refused() {
        let on = |bytes: usize| {
            let thread = std::thread::Builder::new().name("small".to_owned()).stack_size(bytes);
            thread.spawn(check).unwrap().join().unwrap()
        };
        assert_eq!(on(4 * NEEDED_BYTES), Ok(()));
        let error = on(NEEDED_BYTES - (64 << 10)).unwrap_err();
        assert!(error.starts_with("the thread \"small\" has ") && error.ends_with("-Xss1m or more"), "{error}");
    }
}
