//! From the outside: load a configuration, show it.

use std::fmt;
use std::path::Path;

use serde_json::Value as Json;

use super::diagnostics::Diagnostics;
use super::file::FileRead;
use super::load::{Draft, draft};
use super::overrides::Overrides;
use super::root::Config;
use super::rules::{Machine, Rules};
use super::shape::Shape;
use super::show::{Secrets, Show};
use super::source::Sources;
use super::tree::Node;

/// A configuration without an error, and where its values come from.
#[derive(Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is odd about it. Nothing of it is an error.
    pub warnings: Diagnostics,
    written: Node,
    sources: Sources,
}

impl Config {
    /// Reads the configuration `file`, if there is one, with `overrides` on top, and checks it.
    /// Relative paths in the file count from its directory.
    ///
    /// # Errors
    /// Everything that is wrong, and every warning, if anything is wrong.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Diagnostics> {
        Self::load_on(Machine::this(), file.map(FileRead::open), overrides)
    }

    /// Loads as if on `machine`.
    pub(super) fn load_on(
        machine: Machine,
        file: Option<FileRead>,
        overrides: &Overrides,
    ) -> Result<Loaded, Diagnostics> {
        let (schema, defaults) = (Self::schema(), Self::default().to_json());
        let mut draft = draft::<Self>(Shape::new(&schema, &defaults), file, overrides);
        Rules {
            draft: &mut draft,
            machine,
        }
        .check();
        let Draft {
            value: config,
            tree: written,
            sources,
            findings,
            ..
        } = draft;
        let diagnostics = Diagnostics::new(findings, sources.clone());
        if diagnostics.has_errors() {
            return Err(diagnostics);
        }
        Ok(Loaded {
            config,
            warnings: diagnostics,
            written,
            sources,
        })
    }
}

impl fmt::Debug for Loaded {
    /// Without what was written: secrets may be in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut loaded = f.debug_struct("Loaded");
        loaded
            .field("config", &self.config)
            .field("warnings", &self.warnings);
        loaded.finish_non_exhaustive()
    }
}

impl Loaded {
    /// The configuration in force as TOML, each value with a comment that says where it comes from.
    #[must_use]
    pub fn show(&self, secrets: Secrets) -> String {
        let schema = Config::schema();
        let show = Show {
            root: Shape::new(&schema, &Json::Null),
            written: &self.written,
            sources: &self.sources,
            secrets,
        };
        show.text(&self.config.to_json())
    }
}
