//! Removes what no checkpoint needs any more. Never a checkpoint that is pinned, what a checkpoint that stays names, never parts of a newer generation, and
//! never those of an attempt that may still become a checkpoint.

use std::collections::HashSet;

use object_store::path::Path;

use super::manifest::{Entry, StoredFile};
use super::snapshots::PARTS;
use super::{CheckpointError, CheckpointStore, MANIFESTS, entry_path};

/// As [`super::Lease::retain`]; `completed` is the generation's last complete attempt.
pub(super) fn retain(
    store: &CheckpointStore,
    generation: u64,
    completed: Option<u64>,
    keep: usize,
) -> Result<usize, CheckpointError> {
    let numbers = store.numbers()?;
    let Kept { gone, unpinned, attempts, damaged_pin } = kept(store, &numbers, keep.max(1))?;
    unpinned.iter().try_for_each(|number| store.unpin(*number))?;
    let mut removed = 0;
    // Oldest first, so that whatever interrupts it leaves the newest; the manifest before its parts, so that a reader never finds
    // one whose parts are gone.
    for number in gone.iter().rev() {
        removed += usize::from(!matches!(store.entry(*number), Ok(Some(Entry::Claim(_)) | None)));
        store.objects.remove(&entry_path(*number))?;
    }
    if let Some(newest) = numbers.first().and_then(|n| entry_path(*n).filename().map(str::to_owned)) {
        store.objects.remove_unfinished(&Path::from(MANIFESTS), &newest)?;
    }
    if let Some(error) = damaged_pin {
        return Err(error);
    }
    let Some(attempts) = attempts else { return Ok(removed) };
    for folder in store.objects.folders(&Path::from(PARTS))? {
        let Some(of) = attempt_of(&folder) else { continue };
        let over = of.0 < generation || (of.0 == generation && completed.is_some_and(|last| of.1 <= last));
        if over && !attempts.contains(folder.as_ref()) {
            store.objects.remove_folder(&folder)?;
            removed += 1;
        }
    }
    Ok(removed)
}

struct Kept {
    /// The numbers that go, newest first.
    gone: Vec<u64>,
    /// Those that are pinned and claims: no checkpoint has them any more.
    unpinned: Vec<u64>,
    /// The folders of the parts of those that stay; `None`: not known.
    attempts: Option<HashSet<String>>,
    /// One that cannot be read, and does not go by itself.
    damaged_pin: Option<CheckpointError>,
}

/// The newest `keep` checkpoints stay, and those that are pinned. While one among them cannot be read nobody knows which parts it
/// names, so all parts stay.
fn kept(store: &CheckpointStore, numbers: &[u64], keep: usize) -> Result<Kept, CheckpointError> {
    let pins = store.pinned()?;
    let mut kept = Kept { gone: Vec::new(), unpinned: Vec::new(), attempts: Some(HashSet::new()), damaged_pin: None };
    let mut count = 0;
    for number in numbers {
        if count == keep && !pins.contains(number) {
            kept.gone.push(*number);
            continue;
        }
        match store.entry(*number) {
            Ok(Some(Entry::Checkpoint(manifest))) => {
                count += usize::from(count < keep);
                if let Some(attempts) = &mut kept.attempts {
                    attempts.extend(manifest.files().filter_map(folder_of));
                }
            }
            Ok(Some(Entry::Claim(_))) if pins.contains(number) => kept.unpinned.push(*number),
            Ok(Some(Entry::Claim(_)) | None) => {}
            Err(e) if e.is_damage() => {
                kept.attempts = None;
                if pins.contains(number) {
                    kept.damaged_pin = Some(CheckpointError::DamagedPin { checkpoint: *number, error: Box::new(e) });
                }
            }
            Err(e) => return Err(e),
        }
    }
    Ok(kept)
}

fn folder_of(file: &StoredFile) -> Option<String> {
    file.path.rsplit_once('/').map(|(folder, _)| folder.to_owned())
}

/// Generation and attempt of a folder of parts.
fn attempt_of(folder: &Path) -> Option<(u64, u64)> {
    let (generation, attempt) = folder.filename()?.split_once('-')?;
    Some((generation.parse().ok()?, attempt.parse().ok()?))
}
