//! The journal, or the node in another process, that a benchmark drives.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use spica_clock::SystemClock;
use spica_fixture::{Hub, Launch};
use spica_journal_file::{FileJournal, Options, Settings};
use tempfile::TempDir;

/// A fresh journal with default settings in `dir`.
///
/// # Errors
/// If it cannot be opened.
pub fn open_journal(dir: &Path) -> Result<Arc<FileJournal>> {
    open_journal_with(Settings::default(), dir)
}

/// A fresh journal with these settings in `dir`.
///
/// # Errors
/// If it cannot be opened.
pub fn open_journal_with(settings: Settings, dir: &Path) -> Result<Arc<FileJournal>> {
    let options = Options {
        settings,
        ..Options::default()
    };
    let (journal, _) = FileJournal::open(options, dir, Arc::new(SystemClock))?;
    Ok(journal)
}

/// A temporary directory in `dir`, on the disk that is to be measured.
///
/// # Errors
/// If it cannot be made.
pub fn scratch(dir: &Path) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("spica-bench-")
        .tempdir_in(dir)
        .with_context(|| format!("cannot make a directory in {}", dir.display()))
}

/// A node in a process of its own, with default settings but for what a load generator on one
/// machine needs: no cap per source, long timeouts for idle connections.
///
/// # Errors
/// If it does not start.
pub fn serve(dir: &Path) -> Result<Hub> {
    start(dir, GENERATOR)
}

/// A node in a process of its own, with default settings: it bans whom it would ban in the field.
///
/// # Errors
/// If it does not start.
pub fn serve_guarded(dir: &Path) -> Result<Hub> {
    start(dir, "")
}

fn start(dir: &Path, config: &str) -> Result<Hub> {
    let binary = std::env::current_exe().context("cannot find this program")?;
    Launch::new(binary, dir)
        .config("log.level = \"error\"")
        .config(config)
        .start()
}

const GENERATOR: &str = r#"
identicom.timeouts.idle = "10min"
identicom.timeouts.session = "30min"
identicom.admission.trusted = ["127.0.0.0/8"]
"#;
