//! The arguments of `spica report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Hub;

/// How a report is written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For terminals
    Text,
    /// Tables, for other programs
    Csv,
    /// One page with plots
    Html,
}

impl ReportFormat {
    /// Its name in requests.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Html => "html",
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) hub: Hub,
    /// From when on (RFC 3339, UTC); a year before --to without it
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Before when; now without it
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// Time zone of days and hours, such as Europe/Zurich
    #[arg(long, default_value = "UTC")]
    pub(crate) zone: String,
    /// How many operators work at the same time
    #[arg(long, default_value_t = 1)]
    pub(crate) operators: u32,
    /// en or de
    #[arg(long, default_value = "en")]
    pub(crate) language: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
    /// Write it to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
