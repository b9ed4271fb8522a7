//! The generators of bindings for C, Go and Rust, in the version that Cargo.lock pins, with the options of the `wit-bindgen` command: for the scripts
//! that make the bindings of these SDKs. It writes nothing but what it generates.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

/// Generates bindings.
#[derive(Parser)]
enum Command {
    /// For C
    C {
        #[command(flatten)]
        options: wit_bindgen_c::Opts,
        #[command(flatten)]
        common: Common,
    },
    /// For Go
    Go {
        #[command(flatten)]
        options: wit_bindgen_go::Opts,
        #[command(flatten)]
        common: Common,
    },
    /// For Rust
    Rust {
        #[command(flatten)]
        options: Box<wit_bindgen_rust::Opts>,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
struct Common {
    /// The folder of the WIT package
    wit: PathBuf,
    /// The world
    #[arg(short, long)]
    world: String,
    /// A package with the world, as text, beside that of the folder
    #[arg(long)]
    inline: Option<String>,
    /// Where the files go
    #[arg(long)]
    out_dir: PathBuf,
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::C { options, common } => generate(options.build(), &common),
        Command::Go { options, common } => generate(options.build(), &common),
        Command::Rust { options, common } => generate(Box::new(options.build()), &common),
    }
}

fn generate(mut generator: Box<dyn WorldGenerator>, common: &Common) -> anyhow::Result<()> {
    let mut resolve = Resolve::default();
    let (folder, _) = resolve.push_path(&common.wit)?;
    let package = match &common.inline {
        Some(text) => resolve.push_str("inline.wit", text)?,
        None => folder,
    };
    let world = resolve.select_world(&[package], Some(&common.world))?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    for (name, content) in files.iter() {
        let path = common.out_dir.join(name);
        let folder = path.parent().unwrap_or(&common.out_dir);
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
