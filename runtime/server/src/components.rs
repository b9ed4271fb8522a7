//! Components by what they are: a folder of files whose names are the digests of their bytes. An upload is hidden until it is
//! whole, checked, and on the disk.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use tempfile::NamedTempFile;
use weir_core::limits::COMPONENT_BYTES_MAX;

use crate::problem::{Kind, Problem};

/// How the names of components end.
const ENDING: &str = ".wasm";
/// How long an upload may stand still: it holds a place among those that are taken at a time.
pub(crate) const UPLOAD_STILL_MAX: Duration = Duration::from_secs(30);

/// The components of a server.
#[derive(Debug)]
pub(crate) struct Components {
    dir: PathBuf,
    /// Uploads that are under way; whatever is in it at a start was left by a server that was killed.
    uploads: PathBuf,
}

/// An upload that is whole, and not visible yet.
pub(crate) struct Upload {
    pub(crate) digest: String,
    pub(crate) bytes: u64,
    file: NamedTempFile,
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

    /// Takes an upload in, which must have the digest that its sender says, and never stand still for so long.
    pub(crate) async fn receive(&self, body: Body, digest: &str, still_max: Duration) -> Result<Upload, Problem> {
        let stalled = format!("nothing has come of the upload for {still_max:?}: send it again");
        let stalled = |_| Problem::new(Kind::Invalid, stalled.clone());
        let broken = |error: std::io::Error| Problem::internal("the upload cannot be written", &error);
        let mut file = NamedTempFile::new_in(&self.uploads).map_err(broken)?;
        let (mut hasher, mut bytes) = (blake3::Hasher::new(), 0u64);
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = tokio::time::timeout(still_max, chunks.next()).await.map_err(stalled)? {
            let chunk = chunk.map_err(|e| Problem::new(Kind::Invalid, format!("the upload was cut off: {e}")))?;
            bytes += chunk.len() as u64;
            if bytes > COMPONENT_BYTES_MAX {
                let limit = COMPONENT_BYTES_MAX >> 20;
                return Err(Problem::new(Kind::TooLarge, format!("a component has {limit} MiB at most")));
            }
            hasher.update(&chunk);
            file.as_file_mut().write_all(&chunk).map_err(broken)?;
        }
        let found = hasher.finalize().to_hex().to_string();
        if found != digest {
            let detail = format!("the upload has the digest {found}, and its sender says {digest:?}: send it again");
            return Err(Problem::new(Kind::Invalid, detail));
        }
        Ok(Upload { digest: found, bytes, file })
    }

    /// Makes an upload visible. What is there under its digest already is the same.
    pub(crate) fn keep(&self, upload: Upload) -> std::io::Result<()> {
        let path = self.path(&upload.digest);
        upload.file.as_file().sync_all()?;
        upload.file.persist(&path)?;
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
    /// Where its bytes are until it is kept.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_that_stands_still_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let components = Components::open(dir.path(), &BTreeSet::new()).unwrap();
        let begun = futures_util::stream::iter([Ok::<_, std::io::Error>("some")]);
        let body = Body::from_stream(begun.chain(futures_util::stream::pending()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let received = runtime.block_on(components.receive(body, "", Duration::from_millis(1)));
        let problem = received.err().unwrap();
        assert_eq!(problem.detail, "nothing has come of the upload for 1ms: send it again");
        assert_eq!(std::fs::read_dir(dir.path().join("uploads")).unwrap().count(), 0, "nothing of it is kept");
    }
}
