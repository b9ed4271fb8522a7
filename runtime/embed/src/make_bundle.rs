//! Makes bundles: reads a pipeline file and its components, lists the splits of its sources, and checks that it can run. Runs nothing.

use std::path::{Path, PathBuf};

use weir_core::limits::{COMPONENT_BYTES_MAX, PIPELINE_BYTES_MAX};

use crate::bundle::{Bundle, Component};
use crate::error::EmbedError;
use crate::opened::Opened;

impl Bundle {
    /// A pipeline file with its components, checked: `overrides` are dotted paths and values, as `--set` has them.
    ///
    /// # Errors
    /// If a file cannot be read, or the pipeline cannot run.
    pub fn read(
        pipeline: &Path,
        overrides: &[(String, String)],
        secrets_dir: Option<PathBuf>,
    ) -> Result<Self, EmbedError> {
        let bytes = std::fs::metadata(pipeline).map_err(file(pipeline))?.len();
        if bytes > PIPELINE_BYTES_MAX {
            let shown = pipeline.display();
            return Err(EmbedError::Pipeline(format!(
                "{shown} has {bytes} bytes; a pipeline file has {PIPELINE_BYTES_MAX} at most"
            )));
        }
        let text = std::fs::read_to_string(pipeline).map_err(file(pipeline))?;
        Self::of_text(pipeline, text, overrides, secrets_dir)
    }

    /// The same of a file that was read already: relative paths are relative to its folder.
    ///
    /// # Errors
    /// If a component cannot be read, or the pipeline cannot run.
    pub fn of_text(
        pipeline: &Path,
        text: String,
        overrides: &[(String, String)],
        secrets_dir: Option<PathBuf>,
    ) -> Result<Self, EmbedError> {
        let base = pipeline.parent().map(Path::to_path_buf).unwrap_or_default();
        let base = std::path::absolute(if base.as_os_str().is_empty() { Path::new(".") } else { &base });
        let mut bundle = Self {
            shown: pipeline.display().to_string(),
            base: base.map_err(file(pipeline))?,
            text,
            overrides: overrides.to_vec(),
            secrets_dir,
            components: Vec::new(),
            operators: Vec::new(),
            splits: Vec::new(),
        };
        let mut graph = bundle.graph()?;
        for (operator, component) in graph.components_mut() {
            let path = &component.value;
            let size = std::fs::metadata(path).map_err(file(path))?.len();
            if size > COMPONENT_BYTES_MAX {
                let shown = path.display();
                return Err(EmbedError::Pipeline(format!(
                    "{shown} has {size} bytes; a component has {COMPONENT_BYTES_MAX} at most"
                )));
            }
            let bytes = std::fs::read(path).map_err(file(path))?;
            let digest = blake3::hash(&bytes).to_hex().to_string();
            if bundle.components.iter().all(|known| known.digest != digest) {
                bundle.components.push(Component { name: path.display().to_string(), digest: digest.clone(), bytes });
            }
            bundle.operators.push((operator, digest));
        }
        bundle.listed()
    }

    /// The same with more overrides.
    ///
    /// # Errors
    /// If the pipeline cannot run with them.
    pub fn with(&self, overrides: &[(String, String)]) -> Result<Self, EmbedError> {
        let mut bundle = Self { splits: Vec::new(), ..self.clone() };
        bundle.overrides.extend(overrides.iter().cloned());
        bundle.listed()
    }

    /// With the splits of its sources as they are now.
    fn listed(mut self) -> Result<Self, EmbedError> {
        self.splits = Opened::check(&self)?.graph.splits;
        Ok(self)
    }
}

/// An error of a file.
fn file(path: &Path) -> impl FnOnce(std::io::Error) -> EmbedError {
    let path = path.display().to_string();
    move |error| EmbedError::File { path, error }
}
