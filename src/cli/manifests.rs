//! `recant manifests`: what to apply to a cluster before `recant run`.
//!
//! It never talks to a cluster: what it prints, a person or Flux applies.

use crate::manifests;
use anyhow::Context as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Prints what recant needs in a cluster: its kinds, its rights, its Deployment.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the files of a kustomize base into this directory instead.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints or writes the manifests.
///
/// # Errors
/// When the output, a directory or a file cannot be written.
pub fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    match &args.dir {
        None => out
            .write_all(manifests::stream().as_bytes())
            .context("cannot print the manifests"),
        Some(dir) => manifests::files()
            .iter()
            .try_for_each(|(path, text)| write_file(&dir.join(path), text, out)),
    }
}

/// Writes one file unless it holds that text already, and says which of the two it was.
fn write_file(path: &Path, text: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let before = fs::read_to_string(path).ok();
    let verb = match before.as_deref() {
        Some(same) if same == text => "unchanged",
        Some(_) => "configured",
        None => "created",
    };
    if verb != "unchanged" {
        let parent = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create the directory {}", parent.display()))?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    writeln!(out, "{} {verb}", path.display()).context("cannot print what was written")
}
