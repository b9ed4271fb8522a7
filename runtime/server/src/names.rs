//! Names of operators, versions and jobs. They become names of files and parts of addresses, so they are plain words.

use crate::problem::{Kind, Problem};

/// Letters of a name at most: with what is added to it, it must be a name of a file.
const NAME_BYTES_MAX: usize = 64;

/// Refuses a name that is no word of letters, digits, `-`, `_` and `.`, begun by a letter or a digit.
pub(crate) fn check(what: &str, name: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(plain) {
        return Ok(());
    }
    let rule =
        format!("use letters, digits, '-', '_' and '.', begin with a letter or a digit, {NAME_BYTES_MAX} at most");
    Err(Problem::new(Kind::Invalid, format!("{name:?} cannot be the name of {what}: {rule}")))
}

/// Names that no new job gets: the word behind `weir dlq` would be read as one of its commands.
const NOT_OF_JOBS: [&str; 5] = ["list", "show", "replay", "drop", "help"];

/// As [`check`], of a job that is deployed.
pub(crate) fn check_new_job(name: &str) -> Result<(), Problem> {
    check("a job", name)?;
    if NOT_OF_JOBS.contains(&name) {
        let detail =
            format!("{name:?} cannot be the name of a job: `weir dlq {name}` would be a command; choose another");
        return Err(Problem::new(Kind::Invalid, detail));
    }
    Ok(())
}

/// `NAME@VERSION` in its parts.
pub(crate) fn reference(text: &str) -> Result<(&str, &str), Problem> {
    let Some((name, version)) = text.split_once('@') else {
        return Err(Problem::new(
            Kind::Invalid,
            format!("{text:?} is not a version of an operator: write NAME@VERSION, and push it first with `weir push`"),
        ));
    };
    check("an operator", name)?;
    check("a version", version)?;
    Ok((name, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_words() {
        for name in ["a", "count-orders", "v1.2.3", "A_b", "9"] {
            assert!(check("a job", name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "-a", "ä", "a b", "a\0", &"x".repeat(65)] {
            assert!(check("a job", name).is_err(), "{name}");
        }
    }

    #[test]
    fn commands_are_no_names_of_new_jobs() {
        for name in NOT_OF_JOBS {
            assert!(check("a job", name).is_ok() && check_new_job(name).is_err(), "{name}");
        }
        assert!(check_new_job("lists").is_ok() && check_new_job("..").is_err());
    }

    #[test]
    fn a_reference_has_two_names() {
        assert_eq!(reference("count@2").ok(), Some(("count", "2")));
        for text in ["count", "count@", "@2", "count@2@3", "../count@2", "count.wasm"] {
            assert!(reference(text).is_err(), "{text}");
        }
    }
}
