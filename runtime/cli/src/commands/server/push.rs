//! `weir push`: a component into a server's catalog.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use weir_core::limits::COMPONENT_BYTES_MAX;
use weir_server::model::Pushed;

use crate::client::{ServerArgs, part};
use crate::{figures, json, terminal, waiting};

/// Options of `weir push`.
#[derive(clap::Args)]
#[command(
    after_help = "A version never changes. Without --version its name is the next number. Pushing the same component twice makes one version.

Examples:
  weir push target/count.wasm --name count
  weir push count.wasm --name count --version 1.2.0"
)]
pub(crate) struct Args {
    /// The component, as `weir build` makes it
    component: PathBuf,
    /// The operator's name in the catalog [default: the name of the file]
    #[arg(long)]
    name: Option<String>,
    /// The name of the version [default: the next number]
    #[arg(long)]
    version: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Sends it; an error if the server refuses it.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let shown = args.component.display();
    let name = match &args.name {
        Some(name) => name.clone(),
        None => args.component.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    ensure!(!name.is_empty(), "an operator needs a name: use --name NAME");
    let cannot = || format!("cannot read {shown}");
    let bytes = std::fs::metadata(&args.component).with_context(cannot)?.len();
    let limit = COMPONENT_BYTES_MAX >> 20;
    ensure!(bytes <= COMPONENT_BYTES_MAX, "{shown} has {bytes} bytes; a component may have {limit} MiB");
    let digest = digest(&args.component).with_context(cannot)?;
    let file = File::open(&args.component).with_context(cannot)?;

    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan} {bytes} of {total_bytes}  {msg}") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message("sending");
    let mut query = vec![("digest", digest.as_str())];
    query.extend(args.version.as_deref().map(|version| ("version", version)));
    let upload = Upload { file, bar: bar.clone(), is_sent: false };
    let path = format!("/v1/operators/{}", part(&name));
    let pushed = args.server.client()?.upload::<Pushed>(&path, &query, upload, bytes);
    bar.finish_and_clear();
    let Pushed { operator, is_new } = pushed?;
    if args.json {
        let told = Pushed { operator, is_new };
        return json::print(&told);
    }
    let (world, size, short) = (&operator.world, figures::bytes(operator.bytes), &operator.digest[..12]);
    let reference = terminal::bold(&format!("{}@{}", operator.name, operator.version));
    terminal::print(&match is_new {
        true => format!("pushed {reference}: {world}, {size}, digest {short}\n"),
        false => format!("{reference} already has this component: nothing has changed\n"),
    });
    Ok(())
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// A file that shows how much of it is read.
struct Upload {
    file: File,
    bar: ProgressBar,
    is_sent: bool,
}

impl Read for Upload {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        self.bar.inc(bytes as u64);
        if bytes == 0 && !self.is_sent {
            self.is_sent = true;
            waiting::show_time(&self.bar, "the server is compiling it".to_owned());
        }
        Ok(bytes)
    }
}
