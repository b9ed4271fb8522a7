//! Components by what they are: a folder of files whose names are the digests of their bytes. An upload is in memory until it is
//! whole and was checked: before that nobody reaches it by a path.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use tempfile::NamedTempFile;
use tokio::time::{Instant, timeout_at};
use weir_core::limits::COMPONENT_BYTES_MAX;

use crate::problem::{Kind, Problem};

/// How the names of components end.
const ENDING: &str = ".wasm";

/// How fast an upload must come: it holds a place among those that are taken at a time.
pub(crate) struct Pace {
    /// How long it may stand still at its beginning, or be behind later.
    pub(crate) behind_max: Duration,
    /// Bytes per second that it needs on the whole.
    pub(crate) bytes_per_s_min: u64,
    /// How long it may take, whatever its size.
    pub(crate) time_max: Duration,
}

/// A slow line to the internet has 128 KiB/s, and some seconds are for what stands still on the way. Five minutes are for the largest.
pub(crate) const PACE: Pace =
    Pace { behind_max: Duration::from_secs(10), bytes_per_s_min: 128 << 10, time_max: Duration::from_secs(300) };

/// The components of a server.
#[derive(Debug)]
pub(crate) struct Components {
    dir: PathBuf,
    /// Components that are being written; whatever is in it at a start was left by a server that was killed.
    uploads: PathBuf,
}

/// An upload that is whole, and not visible yet.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Components {
    /// The components below a folder. What has none of these digests has lost its name, or never got one, when a server was killed:
    /// it is removed.
    pub(crate) fn open(data_dir: &Path, named: &BTreeSet<String>) -> std::io::Result<Self> {
        let (dir, uploads) = (data_dir.join("components"), data_dir.join("uploads"));
        std::fs::create_dir_all(&dir)?;
        if uploads.exists() {
            std::fs::remove_dir_all(&uploads)?;
        }
        std::fs::create_dir_all(&uploads)?;
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let digest = path.file_name().and_then(|name| name.to_str()?.strip_suffix(ENDING));
            if let Some(digest) = digest.filter(|digest| !named.contains(*digest)) {
                tracing::warn!(digest, "a component that no version names is removed");
                std::fs::remove_file(&path)?;
            }
        }
        Ok(Self { dir, uploads })
    }

    /// The file of a digest, whether there is one or not.
    pub(crate) fn path(&self, digest: &str) -> PathBuf {
        self.dir.join(format!("{digest}{ENDING}"))
    }

    /// Refuses a component whose bytes are not those of its digest any more. That there is none is found when it is loaded.
    pub(crate) fn check(&self, digest: &str) -> Result<(), Problem> {
        let path = self.path(digest);
        match std::fs::read(&path) {
            Ok(bytes) if blake3::hash(&bytes).to_hex().as_str() != digest => {
                let path = path.display();
                Err(Problem::new(
                    Kind::Internal,
                    format!("{path} was changed since it was pushed: push the component again"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Makes an upload visible that was checked. What is there under its digest already is the same.
    pub(crate) fn keep(&self, upload: &Upload) -> std::io::Result<()> {
        let path = self.path(&upload.digest);
        let mut file = NamedTempFile::new_in(&self.uploads)?;
        file.write_all(&upload.bytes)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        std::fs::File::open(&self.dir)?.sync_all()
    }

    /// Removes a component; that it is not there is no failure.
    pub(crate) fn remove(&self, digest: &str) -> std::io::Result<()> {
        match std::fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Upload {
    /// Takes an upload in, which must have the digest that its sender says, and come at this pace.
    pub(crate) async fn receive(body: Body, digest: &str, pace: &Pace) -> Result<Self, Problem> {
        let begun = Instant::now();
        let (mut hasher, mut bytes) = (blake3::Hasher::new(), Vec::new());
        let mut chunks = body.into_data_stream();
        loop {
            let expected = Duration::from_secs(bytes.len() as u64 / pace.bytes_per_s_min.max(1));
            let until = begun + (pace.behind_max + expected).min(pace.time_max);
            let chunk = timeout_at(until, chunks.next()).await.map_err(|_| too_slow(bytes.len(), pace))?;
            let Some(chunk) = chunk else { break };
            let chunk = chunk.map_err(|e| Problem::new(Kind::Invalid, format!("the upload was cut off: {e}")))?;
            if (bytes.len() + chunk.len()) as u64 > COMPONENT_BYTES_MAX {
                let limit = COMPONENT_BYTES_MAX >> 20;
                return Err(Problem::new(Kind::TooLarge, format!("a component may have {limit} MiB")));
            }
            hasher.update(&chunk);
            bytes.extend_from_slice(&chunk);
        }
        let found = hasher.finalize().to_hex().to_string();
        if found != digest {
            let detail =
                format!("the upload has the digest {found}, but its sender announced {digest:?}: send it again");
            return Err(Problem::new(Kind::Invalid, detail));
        }
        Ok(Self { digest: found, bytes })
    }
}

fn too_slow(bytes: usize, pace: &Pace) -> Problem {
    let Pace { behind_max, bytes_per_s_min, time_max } = pace;
    let detail = format!(
        "the upload is too slow: {bytes} bytes have come, and it needs {} KiB/s after the first {behind_max:?}, and {time_max:?} at most; \
         send it again over a faster line",
        bytes_per_s_min >> 10
    );
    Problem::new(Kind::Timeout, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(body: Body, pace: &Pace) -> Result<Upload, Problem> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(Upload::receive(body, blake3::hash(b"").to_hex().as_str(), pace))
    }

    #[test]
    fn an_upload_that_is_slow_is_given_up() {
        let pace = Pace {
            behind_max: Duration::from_millis(50),
            bytes_per_s_min: 64 << 20,
            time_max: Duration::from_millis(200),
        };
        let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![0; 1 << 10])]);
        let still = Body::from_stream(begun.chain(futures_util::stream::pending()));
        let problem = received(still, &pace).unwrap_err();
        let says = "too slow: 1024 bytes have come, and it needs 65536 KiB/s after the first 50ms, and 200ms at most";
        assert!(problem.kind == Kind::Timeout && problem.detail.contains(says), "{problem}");
        // They never stand still.
        for bytes in [1, 4 << 20] {
            let drops = futures_util::stream::unfold((), move |()| async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, std::io::Error>(vec![0; bytes]), ()))
            });
            assert_eq!(received(Body::from_stream(drops), &pace).unwrap_err().kind, Kind::Timeout, "{bytes} at a time");
        }
        assert!(received(Body::empty(), &pace).is_ok());
    }
}
