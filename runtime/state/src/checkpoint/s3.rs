//! Checkpoints in a bucket: the store, and which hosts it asks. The bucket is the pipeline's; everything else is said by the variables
//! `AWS_*` of the process.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key};
use object_store::path::Path;
use object_store::prefix::PrefixStore;

/// The metadata service of a machine, which is asked for credentials where nothing else gives them.
const METADATA: &str = "http://169.254.169.254";

/// The store at `BUCKET/PREFIX`. Nothing is asked of it yet.
///
/// # Errors
/// What is wrong with the names, or with the variables.
pub(super) fn open(place: &str) -> Result<Arc<dyn ObjectStore>, String> {
    // Fails if the program has installed another, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    check_bucket(bucket)?;
    let prefix = Path::parse(prefix).map_err(|e| e.to_string())?;
    let store = AmazonS3Builder::from_env().with_bucket_name(bucket).build().map_err(|e| e.to_string())?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

fn check_bucket(bucket: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_legal = (1..=255).contains(&bucket.len()) && bucket.bytes().all(legal) && !bucket.starts_with(['.', '-']);
    if is_legal { Ok(()) } else { Err(format!("{bucket:?} cannot be the name of a bucket")) }
}

/// Hosts and ports that are asked for checkpoints at a place, and for the credentials that this takes; none, if it is a folder.
#[must_use]
pub fn reached(location: &str) -> Vec<(String, u16)> {
    let Some(rest) = location.strip_prefix("s3://") else { return Vec::new() };
    let bucket = rest.split('/').next().unwrap_or_default();
    let builder = AmazonS3Builder::from_env();
    let set = |key: Key| builder.get_config_value(&key);
    let is_true = |key: Key| set(key).is_some_and(|value| matches!(value.as_str(), "1" | "true" | "on" | "yes" | "y"));
    let region = set(Key::Region).unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = set(Key::S3Endpoint).or_else(|| set(Key::Endpoint)).unwrap_or_else(|| {
        match is_true(Key::VirtualHostedStyleRequest) {
            true => format!("https://{bucket}.s3.{region}.amazonaws.com"),
            false => format!("https://s3.{region}.amazonaws.com"),
        }
    });
    let mut asked = vec![endpoint];
    let has_keys = set(Key::AccessKeyId).is_some() || set(Key::SecretAccessKey).is_some();
    if !has_keys && !is_true(Key::SkipSignature) {
        let full_uri =
            || set(Key::ContainerCredentialsFullUri).filter(|_| set(Key::ContainerAuthorizationTokenFile).is_some());
        asked.push(if set(Key::WebIdentityTokenFile).is_some() && set(Key::RoleArn).is_some() {
            set(Key::StsEndpoint).unwrap_or_else(|| format!("https://sts.{region}.amazonaws.com"))
        } else if set(Key::ContainerCredentialsRelativeUri).is_some() {
            "http://169.254.170.2".to_owned()
        } else if let Some(uri) = full_uri() {
            uri
        } else {
            set(Key::MetadataEndpoint).unwrap_or_else(|| METADATA.to_owned())
        });
    }
    asked.iter().filter_map(|url| endpoint_of(url)).collect()
}

/// Of a URL.
fn endpoint_of(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let default = if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 };
    let (host, port) = weir_core::allow_connect::host_and_port(authority, default)?;
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_a_port() {
        for (url, expected) in [
            ("http://127.0.0.1:9000", Some(("127.0.0.1", 9000))),
            ("http://minio", Some(("minio", 80))),
            ("https://a.b/c?d", Some(("a.b", 443))),
            ("https://user:word@a.b:1/c", Some(("a.b", 1))),
            ("http://[::1]:9000/x", Some(("::1", 9000))),
            ("minio", Some(("minio", 443))),
            ("http://:9", None),
        ] {
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(endpoint_of(url), expected, "{url}");
        }
    }

    #[test]
    fn a_folder_asks_nobody() {
        assert_eq!(reached("/a/s3/b"), []);
    }
}
