//! Logs: for people or as JSON, on stderr, never with a secret in them.

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// Starts logging with the configured format and filter.
///
/// # Errors
/// If the filter cannot be read.
pub(crate) fn start(settings: &spica_node::config::Log) -> Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .with_context(|| format!("log.level {:?} is no filter", settings.level))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.format {
        spica_node::config::LogFormat::Human => builder.with_ansi(crate::out::is_watched()).init(),
        spica_node::config::LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
