//! What may be set of Spark for a job, and what a local run sets itself.

use anyhow::bail;

/// What a job on Spark depends on, and why.
const FIXED: [(&str, &str); 14] = [
    ("spark.master", "--target says where the job runs"),
    (
        "spark.submit.deployMode",
        "the driver runs beside this command and ends with it: to have it in the cluster, run weir submit on a machine of the cluster",
    ),
    ("spark.app.name", "the job has the name of its pipeline, by which `weir ps` knows it"),
    ("spark.speculation", "a task that runs twice would read other rows"),
    (
        "spark.task.maxFailures",
        "a task that runs again would read other rows: Weir starts the job again from its last checkpoint",
    ),
    ("spark.stage.maxConsecutiveAttempts", "a stage that runs again would read other rows"),
    ("spark.locality.wait", LOCALITY),
    ("spark.locality.wait.process", LOCALITY),
    ("spark.locality.wait.node", LOCALITY),
    ("spark.locality.wait.rack", LOCALITY),
    ("spark.shuffle.reduceLocality.enabled", LOCALITY),
    (
        "spark.dynamicAllocation.enabled",
        "executors have the state of subtasks between micro-batches: spark.executor.instances says how many there are",
    ),
    ("spark.scheduler.minRegisteredResourcesRatio", "subtasks stay where they began"),
    ("spark.serializer", "elements are bytes already"),
];

const LOCALITY: &str = "tasks run where the state of their subtasks is";

/// What every job sets, if it is not given: what sinks have prepared goes through the driver, and its memory is the limit.
const DEFAULTS: [(&str, &str); 1] = [("spark.driver.maxResultSize", "0")];

/// What a local run sets besides, if it is not given: it is alone on its machine, and only its own lines are of interest.
const LOCAL: [(&str, &str); 4] = [
    ("spark.log.level", "WARN"),
    ("spark.ui.enabled", "false"),
    ("spark.driver.bindAddress", "127.0.0.1"),
    ("spark.driver.host", "127.0.0.1"),
];

const JAVA_OPTIONS: &str = "spark.driver.extraJavaOptions";
/// What components log is printed by a local run.
const LOG: &str = "-Dweir.log=stderr";

/// Refuses what a job depends on.
pub(super) fn check(given: &[(String, String)]) -> anyhow::Result<()> {
    for (key, value) in given {
        if let Some((_, reason)) = FIXED.iter().find(|(fixed, _)| fixed == key) {
            bail!("-D {key}={value}: Weir sets it, since {reason}");
        }
        // spark-submit would ignore it.
        if !key.starts_with("spark.") {
            bail!("-D {key}={value}: keys of Spark begin with \"spark.\"; --set changes the pipeline");
        }
    }
    Ok(())
}

/// All settings of a job.
pub(super) fn all(given: &[(String, String)], is_local: bool) -> Vec<(String, String)> {
    let mut all = given.to_vec();
    let local: &[_] = if is_local { &LOCAL } else { &[] };
    let defaults = DEFAULTS.iter().chain(local).filter(|(key, _)| given.iter().all(|(other, _)| other != key));
    all.extend(defaults.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    if is_local {
        match all.iter_mut().find(|(key, _)| key == JAVA_OPTIONS) {
            Some((_, options)) => *options = format!("{LOG} {options}"),
            None => all.push((JAVA_OPTIONS.to_owned(), LOG.to_owned())),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(key: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), "1".to_owned())]
    }

    #[test]
    fn what_a_job_depends_on_is_refused() {
        let refusal = |key: &str| check(&given(key)).unwrap_err().to_string();
        assert!(refusal("spark.speculation").starts_with("-D spark.speculation=1: Weir sets it"));
        assert!(refusal("spark.submit.deployMode").contains("run weir submit on a machine of the cluster"));
        assert!(refusal("parallelism").contains("--set changes the pipeline"));
        assert!(check(&given("spark.executor.cores")).is_ok());
    }

    #[test]
    fn what_is_given_is_not_set_otherwise() {
        let is_set = |key: &str| {
            let all = all(&given(key), true);
            all.iter().filter(|(other, _)| other == key).map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        assert_eq!(is_set("spark.ui.enabled"), ["1"]);
        assert_eq!(is_set("spark.executor.cores"), ["1"]);
        assert_eq!(is_set(JAVA_OPTIONS), ["-Dweir.log=stderr 1"]);
        assert_eq!(is_set("spark.driver.maxResultSize"), ["1"]);
        let on_a_cluster = all(&given("spark.executor.cores"), false);
        assert_eq!(on_a_cluster[1..], [("spark.driver.maxResultSize".to_owned(), "0".to_owned())]);
    }
}
