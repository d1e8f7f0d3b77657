//! Rules, bridges and Sparkplug: all that is wrong with them is said before anything starts.

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

impl Rules<'_> {
    pub(super) fn automation(&mut self) {
        let file = self.draft.value.rules.file.clone();
        if let Some(Err(error)) = file.map(|file| spica_rule_engine::load(file.as_path())) {
            self.report(Breach {
                code: Code::Path,
                severity: Severity::Error,
                message: error.to_string(),
                help: "docs/rules.md describes rules files".to_owned(),
                keys: &[("rules.file", "this file".to_owned())],
            });
        }
        if let Err(error) = spica_bridge::check(&self.draft.value.bridges) {
            self.report(Breach {
                code: Code::Limits,
                severity: Severity::Error,
                message: error.to_string(),
                help: "docs/bridge.md describes bridges".to_owned(),
                keys: &[("bridge", "these bridges".to_owned())],
            });
        }
        let sparkplug = self.draft.value.sparkplug.as_ref();
        if let Some(Err(error)) = sparkplug.map(spica_sparkplug_host::Settings::check) {
            self.report(Breach {
                code: Code::Limits,
                severity: Severity::Error,
                message: error.to_string(),
                help: "docs/sparkplug.md says what it is for".to_owned(),
                keys: &[("sparkplug.host", "this name".to_owned())],
            });
        }
    }
}
