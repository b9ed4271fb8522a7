//! What the catalog says of jobs and their revisions, after a kill too.

use super::*;
use crate::catalog::OperatorRow;

fn catalog() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    (dir, catalog)
}

/// A revision that was on trial has started.
fn start(catalog: &Catalog, revision: u64) {
    let row = catalog.job("job").unwrap().unwrap();
    let (allow_dropped, newest) = (vec!["old".to_owned()], Some(7));
    catalog.put_job(&JobRow { revision, wanted: Wanted::Running, allow_dropped, newest, ..row }).unwrap();
    catalog.keep("job", revision, None).unwrap();
}

fn revision(operators: Vec<&(String, String)>) -> NewRevision<'_> {
    NewRevision { cause: "deploy", pipeline: "", operators, needless: Vec::new(), now_us: 1 }
}

#[test]
fn a_revision_is_to_run_when_its_trial_has_ended_well() {
    let (dir, catalog) = catalog();
    let first = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    assert_eq!(catalog.job("job").unwrap().unwrap().wanted, Wanted::Stopped, "it is only tried");
    start(&catalog, first);
    let second = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    let never = catalog.try_revision("other", &revision(Vec::new())).unwrap();
    assert_eq!((first, second, never), (1, 2, 1));
    // A server that is killed here knows nothing of the other job, and decides about this one when one of both has started.
    drop(catalog);
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    catalog.remove_unacknowledged_jobs().unwrap();
    let row = catalog.job("job").unwrap().unwrap();
    assert_eq!((row.revision, row.wanted, row.newest), (1, Wanted::Running, Some(7)));
    assert_eq!(row.allow_dropped, ["old"]);
    assert_eq!(catalog.job("other").unwrap(), None);
    let third = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    let trials = catalog.trials("job").unwrap().into_iter().map(|revision| revision.number);
    assert_eq!(trials.collect::<Vec<_>>(), [third, second]);
    catalog.keep("job", second, Some("why")).unwrap();
    catalog.keep("job", second, None).unwrap();
    let states = catalog.revisions("job").unwrap().into_iter().map(|row| (row.state, row.reason));
    let (why, undecided) = (Some("why".to_owned()), Some(UNDECIDED.to_owned()));
    let (kept, rolled_back) = (RevisionState::Kept, RevisionState::RolledBack);
    assert_eq!(states.collect::<Vec<_>>(), [(kept, None), (kept, why), (rolled_back, undecided)]);
    assert_eq!(catalog.job("job").unwrap().unwrap().revision, second);
}

#[test]
fn needless_revisions_go_with_the_coming_of_another() {
    let (_dir, catalog) = catalog();
    let first = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    start(&catalog, first);
    let tried = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    let ended = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    catalog.roll_back("job", ended, first, "why").unwrap();
    let needless = vec![first, tried, ended];
    let last = catalog.try_revision("job", &NewRevision { needless, ..revision(Vec::new()) }).unwrap();
    let left: Vec<_> = catalog.revisions("job").unwrap().into_iter().map(|revision| revision.number).collect();
    assert_eq!(left, [first, tried, last], "neither the one that runs nor one on trial");
}

#[test]
fn a_job_that_has_failed_is_not_stopped() {
    let (_dir, catalog) = catalog();
    let number = catalog.try_revision("job", &revision(Vec::new())).unwrap();
    start(&catalog, number);
    catalog.want("job", Wanted::Failed, Some("why")).unwrap();
    catalog.stop("job").unwrap();
    let row = catalog.job("job").unwrap().unwrap();
    assert_eq!((row.wanted, row.reason.as_deref()), (Wanted::Failed, Some("why")));
}

fn operator(digest: &str) -> OperatorRow {
    OperatorRow {
        name: "op".to_owned(),
        version: String::new(),
        digest: digest.to_owned(),
        bytes: 1,
        world: "keyed".to_owned(),
        created_us: 1,
    }
}

#[test]
fn a_removed_version_runs_nowhere_and_its_name_stays_taken() {
    let (_dir, catalog) = catalog();
    let added = |digest, version| catalog.add_operator(operator(digest), version).unwrap();
    assert_eq!(added("a", None).unwrap().version, "1");
    assert_eq!(added("a", None).unwrap_err().version, "1", "the same component");
    let second = added("b", None).unwrap();
    catalog.remove_operator(&second).unwrap();
    assert!(catalog.operator("op", "2").unwrap().is_none());
    assert_eq!(added("c", Some("2")).unwrap_err(), second);
    assert_eq!(added("c", None).unwrap().version, "3");
    let gone = ("op".to_owned(), "2".to_owned());
    let refused = catalog.try_revision("job", &revision(vec![&gone]));
    assert!(matches!(refused, Err(CatalogError::Gone(version)) if version == "op@2"));
    assert_eq!(added("b", None).unwrap(), second, "the same component brings it back");
    assert_eq!(catalog.operator("op", "2").unwrap(), Some(second));
    assert_eq!(added("b", Some("2")).unwrap_err().version, "2", "it is there already");
    let again = added("b", Some("again")).unwrap();
    catalog.remove_operator(&again).unwrap();
    assert_eq!(added("b", None).unwrap_err().version, "2", "nor does a removed one come back beside it");
}

#[test]
fn a_version_stays_while_one_that_is_about_to_start_may_make_way_for_it() {
    let (_dir, catalog) = catalog();
    let [old, new] = ["a", "b"].map(|digest| catalog.add_operator(operator(digest), None).unwrap().unwrap());
    let [of_old, of_new] = [&old, &new].map(|row| (row.name.clone(), row.version.clone()));
    start(&catalog, catalog.try_revision("job", &revision(vec![&of_old])).unwrap());
    let number = catalog.try_revision("job", &revision(vec![&of_new])).unwrap();
    let starting = JobRow { revision: number, ..catalog.job("job").unwrap().unwrap() };
    catalog.put_job(&starting).unwrap();
    assert_eq!(catalog.remove_operator(&old).unwrap(), ["job"]);
    assert_eq!(catalog.operator("op", &old.version).unwrap().as_ref(), Some(&old));
    catalog.keep("job", number, None).unwrap();
    assert!(catalog.remove_operator(&old).unwrap().is_empty());
    assert_eq!(catalog.remove_operator(&new).unwrap(), ["job"]);
}
