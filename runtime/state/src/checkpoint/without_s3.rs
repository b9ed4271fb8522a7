//! What a build without the feature `s3` says of checkpoints in a bucket.

use std::sync::Arc;

use object_store::ObjectStore;

/// There is no store.
pub(super) fn open(_place: &str) -> Result<Arc<dyn ObjectStore>, String> {
    Err("this weir was built without S3; build it with `--features s3`, or keep checkpoints in a folder".to_owned())
}
