//! Programs that tests need and a machine may lack. Without one a test is skipped, which is said; with `WEIR_TEST_LANGUAGES=all` it fails
//! instead. It starts nothing.

/// Whether a test can run that lacks this program; `None`: it lacks nothing.
///
/// # Panics
/// If it cannot, and all have to.
#[must_use]
pub fn can_run(missing: Option<&str>) -> bool {
    let Some(program) = missing else { return true };
    let all = std::env::var("WEIR_TEST_LANGUAGES").is_ok_and(|languages| languages == "all");
    assert!(!all, "a test cannot run: there is no `{program}`");
    println!("skipped: there is no `{program}`");
    false
}
