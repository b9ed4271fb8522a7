//! A store with somebody between it and its user, who delays, refuses, tears, and forgets what was not synced.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use weir_state::CheckpointStore;
use weir_state::checkpoint::object_store::memory::InMemory;
use weir_state::checkpoint::object_store::path::Path;
use weir_state::checkpoint::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What is about to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Put(String),
    Create(String),
    Get(String),
    List(String),
    Delete,
    /// What was [`Verdict::Late`] arrives now, if this goes.
    Arrive,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    /// It fails before anything is done.
    Fail,
    /// It is done, and the answer is lost.
    Lost,
    /// It is done, the answer is lost, and the store's client tries again.
    Twice,
    /// Of what is written, only half is there, and the answer is lost.
    Torn,
    /// It is under way for so long that its user gives up, and done some time later.
    Late,
    /// Everybody sees it, but the machine fails before it is synced, and the answer is lost.
    Unsynced,
}

type Between = dyn Fn(&Operation) -> Verdict + Send + Sync;
/// What was in the places that changed, in the order of the changes.
type Changes = Vec<(Path, Option<PutPayload>)>;

pub(crate) struct Hooked {
    pub(crate) inner: Arc<InMemory>,
    between: Box<Between>,
    /// Puts that are still under way.
    late: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
    /// What changed since its folder was synced.
    unsynced: Arc<Mutex<Changes>>,
}

/// A checkpoint store over a memory, with somebody between.
pub(crate) fn hooked(
    inner: &Arc<InMemory>,
    between: impl Fn(&Operation) -> Verdict + Send + Sync + 'static,
) -> CheckpointStore {
    Hooked::new(inner, between).1
}

impl Hooked {
    /// The store, and checkpoints in it.
    pub(crate) fn new(
        inner: &Arc<InMemory>,
        between: impl Fn(&Operation) -> Verdict + Send + Sync + 'static,
    ) -> (Arc<Self>, CheckpointStore) {
        let (inner, between) = (Arc::clone(inner), Box::new(between));
        let store = Arc::new(Self { inner, between, late: Mutex::default(), unsynced: Arc::default() });
        (store.clone(), CheckpointStore::new(store, "memory").unwrap())
    }

    /// The machine loses its power: what was not synced is as it was before.
    pub(crate) fn lose_power(&self) {
        for (path, before) in self.unsynced.lock().unwrap().drain(..).rev() {
            match before {
                Some(before) => drop(wait(self.inner.put(&path, before)).unwrap()),
                None => wait(self.inner.delete(&path)).unwrap(),
            }
        }
    }

    /// Whether something is there that a loss of power would take.
    pub(crate) fn has_unsynced_puts(&self) -> bool {
        self.unsynced.lock().unwrap().iter().any(|(_, before)| before.is_none())
    }

    async fn arrive(&self) {
        let late = !self.late.lock().unwrap().is_empty();
        if late && (self.between)(&Operation::Arrive) == Verdict::Go {
            let (path, payload, options) = self.late.lock().unwrap().remove(0);
            // Nobody waits for the answer.
            let _ = self.put(&path, payload, options).await;
        }
    }

    /// Writes an object and syncs its folder, as a local store does.
    async fn put(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let put = self.inner.put_opts(path, payload, options).await?;
        let folder = |path: &Path| path.as_ref().rsplit_once('/').map(|(folder, _)| folder.to_owned());
        self.unsynced.lock().unwrap().retain(|(changed, _)| folder(changed) != folder(path));
        Ok(put)
    }
}

async fn content(store: &InMemory, path: &Path) -> Option<PutPayload> {
    Some(store.get(path).await.ok()?.bytes().await.ok()?.into())
}

/// A checkpoint store over a memory that does as it is told.
pub(crate) fn plain(inner: &Arc<InMemory>) -> CheckpointStore {
    CheckpointStore::new(Arc::clone(inner) as Arc<dyn ObjectStore>, "memory").unwrap()
}

/// Runs what a store does, here and now.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The paths of all objects.
pub(crate) fn paths(store: &Arc<InMemory>) -> Vec<String> {
    let mut folders = vec![Path::default()];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        let listed = wait(store.list_with_delimiter(Some(&folder))).unwrap();
        folders.extend(listed.common_prefixes);
        paths.extend(listed.objects.into_iter().map(|object| object.location.to_string()));
    }
    paths.sort();
    paths
}

/// An object's bytes.
pub(crate) fn read(store: &Arc<InMemory>, path: &str) -> Vec<u8> {
    let path = Path::from(path);
    wait(async { store.get(&path).await.unwrap().bytes().await.unwrap().to_vec() })
}

/// Puts an object.
pub(crate) fn write(store: &Arc<InMemory>, path: &str, bytes: Vec<u8>) {
    wait(store.put(&Path::from(path), PutPayload::from(bytes))).unwrap();
}

fn refused(what: &str) -> Error {
    Error::Generic { store: "hooked", source: what.into() }
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooked")
    }
}

impl fmt::Display for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hooked")
    }
}

#[async_trait]
impl ObjectStore for Hooked {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.arrive().await;
        let create = options.mode == PutMode::Create;
        let name = location.to_string();
        match (self.between)(&if create { Operation::Create(name) } else { Operation::Put(name) }) {
            Verdict::Go => self.put(location, payload, options).await,
            Verdict::Fail => Err(refused("failed")),
            Verdict::Lost => {
                self.put(location, payload, options).await?;
                Err(refused("the answer is lost"))
            }
            Verdict::Twice => {
                let _ = self.put(location, payload.clone(), options.clone()).await;
                self.put(location, payload, options).await
            }
            Verdict::Torn => {
                let bytes: Vec<u8> = payload.iter().flat_map(|b| b.to_vec()).collect();
                let half = PutPayload::from(bytes[..bytes.len() / 2].to_vec());
                self.put(location, half, options).await?;
                Err(refused("torn"))
            }
            Verdict::Late => {
                self.late.lock().unwrap().push((location.clone(), payload, options));
                Err(refused("timed out"))
            }
            Verdict::Unsynced => {
                let before = content(&self.inner, location).await;
                self.inner.put_opts(location, payload, options).await?;
                self.unsynced.lock().unwrap().push((location.clone(), before));
                Err(refused("not synced"))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match (self.between)(&Operation::Get(location.to_string())) {
            Verdict::Go => self.inner.get_opts(location, options).await,
            _ => Err(refused("failed")),
        }
    }

    /// As a local store does, it syncs no folder.
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, unsynced) = (self.inner.clone(), self.unsynced.clone());
        let delete = move |location: Result<Path>| {
            let (inner, unsynced) = (inner.clone(), unsynced.clone());
            async move {
                let location = location?;
                let before = content(&inner, &location).await;
                inner.delete(&location).await?;
                unsynced.lock().unwrap().push((location.clone(), before));
                Ok(location)
            }
        };
        match (self.between)(&Operation::Delete) {
            Verdict::Go => locations.then(delete).boxed(),
            _ => Box::pin(futures_util::stream::once(async { Err(refused("failed")) })),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.arrive().await;
        match (self.between)(&Operation::List(prefix.map(ToString::to_string).unwrap_or_default())) {
            Verdict::Go => self.inner.list_with_delimiter(prefix).await,
            _ => Err(refused("failed")),
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
