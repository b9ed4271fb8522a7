//! [`Bundle`]: a pipeline with all that it needs, as one piece of bytes that every task opens. It has no secret: those are read where it
//! runs.
//!
//! ```text
//! "WEIRBNDL" | u32 LE: version | BLAKE3 of what follows, 32 bytes | postcard of the rest
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use weir_core::graph::{LogicalGraph, NodeKind};
use weir_core::pipeline::{Palette, parse};

use crate::error::EmbedError;

const MAGIC: &[u8; 8] = b"WEIRBNDL";
/// The version of the layout that this Weir writes, and the only one that it reads.
pub const VERSION: u32 = 1;
const HEAD_BYTES: usize = MAGIC.len() + size_of::<u32>() + blake3::OUT_LEN;

/// A pipeline with all that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// What a person calls its file.
    pub(crate) shown: String,
    /// The folder of its file where it was submitted: relative paths are relative to it, on every machine.
    pub(crate) base: PathBuf,
    /// The file.
    pub(crate) text: String,
    /// What is changed in it: dotted paths and values.
    pub(crate) overrides: Vec<(String, String)>,
    /// The folder of secrets where it runs.
    pub(crate) secrets_dir: Option<PathBuf>,
    /// Components, by digest.
    pub(crate) components: Vec<Component>,
    /// By operator: the digest of its component.
    pub(crate) operators: Vec<(String, String)>,
    /// The splits of each source, listed once for all tasks.
    pub(crate) splits: Vec<(String, Vec<String>)>,
}

/// The bytes of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Component {
    /// What its file was called, for messages.
    pub(crate) name: String,
    /// BLAKE3, hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Bundle {
    /// The bytes.
    ///
    /// # Errors
    /// None that is known of.
    pub fn encode(&self) -> Result<Vec<u8>, EmbedError> {
        let body =
            postcard::to_allocvec(self).map_err(|error| EmbedError::Bundle(format!("cannot be written: {error}")))?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&body).as_bytes());
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// Reads [`Bundle::encode`].
    ///
    /// # Errors
    /// [`EmbedError::Bundle`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EmbedError> {
        let (version, digest, body) = parts(bytes)?;
        if version != VERSION {
            return Err(EmbedError::Bundle(format!(
                "has version {version}, and this library reads version {VERSION}: use the library of the Weir that wrote it"
            )));
        }
        if blake3::hash(body) != digest {
            return Err(EmbedError::Bundle("does not have the checksum that was written".to_owned()));
        }
        postcard::from_bytes(body).map_err(|error| EmbedError::Bundle(format!("cannot be understood: {error}")))
    }

    /// What tells bundles apart, without reading all of one.
    ///
    /// # Errors
    /// [`EmbedError::Bundle`].
    pub fn id(bytes: &[u8]) -> Result<[u8; blake3::OUT_LEN], EmbedError> {
        Ok(*parts(bytes)?.1.as_bytes())
    }

    /// What tells pipelines apart that may not do the same: a hash of the file with what is changed in it, and of the components, whatever
    /// their files are called.
    ///
    /// # Errors
    /// If the text is no pipeline.
    pub fn digest(&self) -> Result<String, EmbedError> {
        let mut graph = self.graph()?;
        let mut files: Vec<_> = graph.components_mut().into_iter().filter_map(|(_, file)| file.span.clone()).collect();
        files.sort_by_key(|span| std::cmp::Reverse(span.start));
        let mut text = graph.text.to_string();
        files.into_iter().for_each(|span| text.replace_range(span, ""));
        let mut operators = self.operators.clone();
        operators.sort();
        let bytes = postcard::to_allocvec(&(text, &self.base, &self.secrets_dir, operators));
        let bytes = bytes.map_err(|error| EmbedError::Bundle(format!("cannot be written: {error}")))?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }

    /// The pipeline, with what is changed in it; its components are those of the files.
    pub(crate) fn graph(&self) -> Result<LogicalGraph, EmbedError> {
        let parsed = parse(&self.text, &self.base, &self.overrides);
        let mut graph = parsed.map_err(|error| EmbedError::Pipeline(error.render(&self.shown, &Palette::PLAIN)))?;
        graph.keeps_exchanges = true;
        for node in &mut graph.nodes {
            if let NodeKind::Source(source) = &mut node.kind {
                source.splits = self.splits.iter().find(|(name, _)| *name == node.name).map(|(_, ids)| ids.clone());
            }
        }
        Ok(graph)
    }
}

fn parts(bytes: &[u8]) -> Result<(u32, blake3::Hash, &[u8]), EmbedError> {
    let is_none = || EmbedError::Bundle("does not begin as one: it is another file".to_owned());
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(is_none)?;
    let (version, rest) = rest.split_first_chunk().ok_or_else(is_none)?;
    let (digest, body) = rest.split_first_chunk().ok_or_else(is_none)?;
    Ok((u32::from_le_bytes(*version), blake3::Hash::from_bytes(*digest), body))
}
