//! The files of the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::manifest::Manifest;

/// A text file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Its path from the root of the workspace, with `/`.
    pub path: String,
    /// What it holds.
    pub content: String,
}

/// Extensions of files that people write. Corpora and recordings have others.
const WRITTEN: [&str; 10] = [
    "rs", "toml", "md", "py", "sh", "yml", "yaml", "html", "js", "css",
];

/// The root of the workspace that this crate stands in.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// The manifests of all members, in the order of their names.
///
/// # Errors
/// If a file cannot be read or is no manifest.
pub fn manifests() -> anyhow::Result<Vec<Manifest>> {
    let mut manifests = Vec::new();
    for crate_name in crate_names()? {
        let path = root().join("crates").join(&crate_name).join("Cargo.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        manifests.push(Manifest::parse(&crate_name, &text)?);
    }
    Ok(manifests)
}

/// The names of the folders below `crates/`.
///
/// # Errors
/// If the folder cannot be read.
pub fn crate_names() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("crates"))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// One file by its path from the root.
///
/// # Errors
/// If it cannot be read.
pub fn text(path: &str) -> anyhow::Result<Text> {
    let content = fs::read_to_string(root().join(path)).with_context(|| path.to_owned())?;
    let path = path.to_owned();
    Ok(Text { path, content })
}

/// All files that people wrote, in the order of their paths: no build output, nothing hidden but
/// `.ci`, `.cargo` and `.github`.
///
/// # Errors
/// If something cannot be read.
pub fn texts() -> anyhow::Result<Vec<Text>> {
    let mut texts = Vec::new();
    collect("", &mut texts)?;
    texts.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(texts)
}

fn collect(below: &str, texts: &mut Vec<Text>) -> anyhow::Result<()> {
    let directory = root().join(below);
    let entries = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        let hidden = name.starts_with('.') && ![".ci", ".cargo", ".github"].contains(&&*name);
        if hidden {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() && !["target", "node_modules"].contains(&&*name) {
            collect(&path, texts)?;
        } else if kind.is_file() && is_written(&path, below) {
            texts.push(text(&path)?);
        }
    }
    Ok(())
}

/// By the extension; without one, scripts at the root and for the CI.
fn is_written(path: &str, below: &str) -> bool {
    match Path::new(path).extension().and_then(|e| e.to_str()) {
        Some(extension) => WRITTEN.contains(&extension),
        None => matches!(below, "" | ".ci"),
    }
}
