//! [`Objects`]: a folder or a bucket as a few blocking calls. Never knows what the objects hold, and never waits without the
//! caller waiting with it: there is no thread of its own that outlives a call.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::buffer::Buffer;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, WriteMultipart};
use tokio::runtime::Runtime;

use super::{CheckpointError, s3};

/// Larger objects go to a remote store in pieces: one request for all of it would outlast the client's time-out.
const WHOLE_BYTES_MAX: usize = 64 << 20;
/// Bytes of a piece. S3 takes at most 10,000 of them, and none below 5 MiB but the last.
const PIECE_BYTES: usize = 16 << 20;
/// Pieces that are under way at once.
const PIECES_MAX: usize = 4;

/// Objects by path.
#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// For messages.
    pub(super) name: String,
    /// Of a local store: the folder, where what a killed process left half-written can be seen.
    folder: Option<PathBuf>,
    /// Of a local store: free bytes of the disk below which nothing is written.
    pub(super) reserve_bytes: u64,
    runtime: Runtime,
}

impl Objects {
    /// A folder, which is made if it is missing, or `s3://BUCKET/PREFIX`.
    pub(super) fn open(location: &str) -> Result<Self, CheckpointError> {
        let fail = |reason: String| CheckpointError::Location { location: location.to_owned(), reason };
        let Some((scheme, rest)) = location.split_once("://") else {
            let folder = PathBuf::from(location);
            make_folder(&folder).map_err(|e| fail(format!("the folder cannot be made: {e}")))?;
            let store = LocalFileSystem::new_with_prefix(&folder).map_err(|e| fail(e.to_string()))?;
            let store = Arc::new(store.with_fsync(true));
            return Ok(Self { folder: Some(folder), ..Self::new(store, location.to_owned())? });
        };
        if scheme != "s3" {
            return Err(fail(format!("{scheme}:// is not known; give a folder or s3://BUCKET/PREFIX")));
        }
        Self::new(s3::open(rest).map_err(fail)?, location.to_owned())
    }

    /// Any store.
    pub(super) fn new(store: Arc<dyn ObjectStore>, name: String) -> Result<Self, CheckpointError> {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => Ok(Self { store, name, folder: None, reserve_bytes: 0, runtime }),
            Err(e) => Err(CheckpointError::Location { location: name, reason: format!("no I/O is possible: {e}") }),
        }
    }

    /// All of an object; `None`: there is none.
    pub(super) fn get(&self, path: &Path) -> Result<Option<Buffer>, CheckpointError> {
        let read = async { self.store.get(path).await?.bytes().await };
        match self.runtime.block_on(read) {
            Ok(bytes) => Ok(Some(Buffer::from(bytes))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error("read", path, error)),
        }
    }

    /// Writes an object, over an older one if need be. It is durable when this returns.
    pub(super) fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), CheckpointError> {
        self.check_space(path)?;
        let write = async {
            if bytes.len() <= WHOLE_BYTES_MAX || self.folder.is_some() {
                return self.store.put(path, PutPayload::from(bytes)).await.map(drop);
            }
            let upload = self.store.put_multipart(path).await?;
            put_pieces(WriteMultipart::new_with_chunk_size(upload, PIECE_BYTES), PutPayload::from(bytes)).await
        };
        self.runtime.block_on(write).map_err(|error| self.error("write", path, error))
    }

    /// Writes an object unless there is one: `false`. It is durable when this returns; after an error it may be there or not.
    pub(super) fn create(&self, path: &Path, bytes: Vec<u8>) -> Result<bool, CheckpointError> {
        self.check_space(path)?;
        match self.runtime.block_on(self.store.put_opts(path, PutPayload::from(bytes), PutMode::Create.into())) {
            Ok(_) => Ok(true),
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.error("write", path, error)),
        }
    }

    /// The objects directly in a folder; none, if there is no such folder.
    pub(super) fn objects(&self, folder: &Path) -> Result<Vec<Path>, CheckpointError> {
        let listed = self.runtime.block_on(self.store.list_with_delimiter(Some(folder)));
        let listed = listed.map_err(|error| self.error("list", folder, error))?;
        Ok(listed.objects.into_iter().map(|object| object.location).collect())
    }

    /// The folders directly in a folder.
    pub(super) fn folders(&self, folder: &Path) -> Result<Vec<Path>, CheckpointError> {
        let listed = self.runtime.block_on(self.store.list_with_delimiter(Some(folder)));
        Ok(listed.map_err(|error| self.error("list", folder, error))?.common_prefixes)
    }

    /// Removes an object, if it is there.
    pub(super) fn remove(&self, path: &Path) -> Result<(), CheckpointError> {
        match self.runtime.block_on(self.store.delete(path)) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error("remove", path, error)),
        }
    }

    /// Removes a folder with all objects that are directly in it, and on a disk what a killed process left there half-written.
    pub(super) fn remove_folder(&self, folder: &Path) -> Result<(), CheckpointError> {
        let Some(root) = &self.folder else {
            return self.objects(folder)?.iter().try_for_each(|path| self.remove(path));
        };
        match std::fs::remove_dir_all(root.join(folder.as_ref())) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                let error = StoreError::Generic { store: "folder", source: Box::new(e) };
                Err(self.error("remove", folder, error))
            }
            _ => Ok(()),
        }
    }

    /// On a disk: removes what killed processes left half-written in a folder, of objects whose names come before this one.
    pub(super) fn remove_unfinished(&self, folder: &Path, before: &str) -> Result<(), CheckpointError> {
        let Some(root) = &self.folder else { return Ok(()) };
        let remove = || {
            for entry in std::fs::read_dir(root.join(folder.as_ref()))? {
                let (name, path) = entry.map(|e| (e.file_name(), e.path()))?;
                let name = name.to_string_lossy();
                // The store writes NAME as NAME#1 and gives it its name when it is whole.
                if name.split_once('#').is_some_and(|(name, _)| name < before) {
                    std::fs::remove_file(path)?;
                }
            }
            Ok(())
        };
        remove().map_err(|e: std::io::Error| {
            self.error("clean up", folder, StoreError::Generic { store: "folder", source: Box::new(e) })
        })
    }

    /// On a disk: refuses to write where too little is free.
    fn check_space(&self, path: &Path) -> Result<(), CheckpointError> {
        let Some(folder) = self.folder.as_ref().filter(|_| self.reserve_bytes > 0) else { return Ok(()) };
        let Ok(free) = weir_core::disk::free_bytes(folder) else { return Ok(()) };
        let reserve = self.reserve_bytes;
        if free >= reserve {
            return Ok(());
        }
        let message =
            format!("the disk has {free} bytes free, and checkpoints leave {reserve} (half of --disk-reserve)");
        let source = Box::new(std::io::Error::new(std::io::ErrorKind::StorageFull, message));
        Err(self.error("write", path, StoreError::Generic { store: "folder", source }))
    }

    fn error(&self, what: &'static str, path: &Path, error: StoreError) -> CheckpointError {
        let (location, error) = (self.name.clone(), Box::new(error));
        CheckpointError::Store { location, what, file: path.to_string(), error }
    }
}

/// A bucket's name is part of an address: nothing in it may end the host, or begin another.
async fn put_pieces(mut pieces: WriteMultipart, payload: PutPayload) -> Result<(), StoreError> {
    for mut bytes in payload {
        while !bytes.is_empty() {
            if let Err(e) = pieces.wait_for_capacity(PIECES_MAX).await {
                // What was uploaded costs money until it is given up; the first error is the one to tell.
                let _ = pieces.abort().await;
                return Err(e);
            }
            pieces.put(bytes.split_to(bytes.len().min(PIECE_BYTES)));
        }
    }
    pieces.finish().await.map(drop)
}

/// Makes a folder and those above it, so that they are there after a loss of power too.
fn make_folder(folder: &std::path::Path) -> std::io::Result<()> {
    let missing: Vec<PathBuf> = folder.ancestors().take_while(|f| !f.exists()).map(PathBuf::from).collect();
    std::fs::create_dir_all(folder)?;
    if cfg!(unix) {
        for made in missing {
            let above = made.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
            std::fs::File::open(above)?.sync_all()?;
        }
    }
    Ok(())
}
