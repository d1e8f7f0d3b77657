//! `spica config`: check and show configuration.

use std::sync::Arc;

use anyhow::Result;
use spica_node::config::{Config as Settings, Diagnostics, Loaded, Overrides, Secrets, Style};
use spica_node::{Exit, NodeError, ReadConfig};

use crate::cli::{Config, ConfigSource};
use crate::out;

/// Runs the command.
///
/// # Errors
/// If the configuration is wrong.
pub(crate) fn run(command: Config) -> Result<Exit> {
    match command {
        Config::Check { source, json } => check(&source, json),
        Config::Show { source } => {
            let loaded = read(&source)?;
            out::line(loaded.show(Secrets::Redacted).trim_end());
            Ok(Exit::Success)
        }
        Config::Reference => {
            out::line(Settings::reference().trim_end());
            Ok(Exit::Success)
        }
    }
}

fn check(source: &ConfigSource, json: bool) -> Result<Exit> {
    let (diagnostics, exit) = match Settings::load(source.config.as_deref(), &overrides(source)) {
        Ok(loaded) => (loaded.warnings, Exit::Success),
        Err(diagnostics) => (diagnostics, Exit::Config),
    };
    if json {
        out::json(&diagnostics.to_json())?;
        return Ok(exit);
    }
    let text = diagnostics.render(style());
    if !text.is_empty() {
        out::note(text.trim_end());
    }
    out::line(diagnostics.summary());
    Ok(exit)
}

/// Reads the configuration for a node that is to run; says on stderr what is wrong or odd.
pub(super) fn load_to_run(source: &ConfigSource) -> Result<Settings> {
    let loaded = read(source)?;
    show(&loaded.warnings);
    Ok(loaded.config)
}

/// Reads the configuration of a running node again, from where it was read first.
pub(super) fn reader(source: &ConfigSource) -> ReadConfig {
    let source = source.clone();
    Arc::new(move || {
        let loaded = Settings::load(source.config.as_deref(), &overrides(&source));
        let loaded = loaded.map_err(|diagnostics| {
            let errors = diagnostics.errors();
            errors
                .map(|finding| match diagnostics.location(finding) {
                    Some(place) => format!("{place}: {}", finding.message()),
                    None => finding.message().to_owned(),
                })
                .collect::<Vec<_>>()
        })?;
        Ok(loaded.config)
    })
}

/// Reads the configuration for a command that only wants to know where things are. What is odd about
/// it matters to who runs a node: `serve` and `config check` say it.
pub(super) fn load(source: &ConfigSource) -> Result<Settings> {
    Ok(read(source)?.config)
}

/// Reads the configuration; says on stderr what is wrong.
fn read(source: &ConfigSource) -> Result<Loaded> {
    Settings::load(source.config.as_deref(), &overrides(source)).map_err(|diagnostics| {
        show(&diagnostics);
        NodeError::Config.into()
    })
}

fn show(diagnostics: &Diagnostics) {
    let text = diagnostics.render(style());
    if !text.trim().is_empty() {
        out::note(text.trim_end());
    }
}

fn overrides(source: &ConfigSource) -> Overrides {
    Overrides::of_process(source.set.clone())
}

fn style() -> Style {
    if out::is_watched() {
        Style::Colour
    } else {
        Style::Plain
    }
}
