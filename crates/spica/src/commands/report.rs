//! `spica report`: response times and alarm rates, from the audit trail of a running node.

use anyhow::{Context, Result};

use crate::api::Api;
use crate::cli::Report;
use crate::out;

/// Runs the command.
///
/// # Errors
/// If nobody answers, the node refuses, or the file cannot be written.
pub(crate) async fn run(args: Report) -> Result<()> {
    let operators = args.operators.to_string();
    let mut query = vec![
        ("zone", args.zone.as_str()),
        ("operators", &operators),
        ("language", &args.language),
        ("format", args.format.as_str()),
    ];
    query.extend(args.from.as_deref().map(|from| ("from", from)));
    query.extend(args.to.as_deref().map(|to| ("to", to)));
    let report = Api::new(&args.hub)?.text(&["report"], &query).await?;
    match args.output {
        None => out::line(report.trim_end()),
        Some(file) => {
            std::fs::write(&file, report)
                .with_context(|| format!("cannot write {}", file.display()))?;
            out::note(format_args!("{} is written", file.display()));
        }
    }
    Ok(())
}
