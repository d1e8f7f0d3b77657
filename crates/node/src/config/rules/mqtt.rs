//! The access settings of the MQTT station, and its access file: all that is wrong with them is said
//! before anything starts.

use std::path::Path;

use spica_station_mqtt::{Gate, GateError};

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

impl Rules<'_> {
    pub(super) fn mqtt(&mut self) {
        let Some(settings) = &self.draft.value.mqtt else {
            return;
        };
        let Err(error) = Gate::check(&settings.access, Path::new("")) else {
            return;
        };
        let (code, key) = match &error {
            // That it cannot be read is said of every file.
            GateError::Read { .. } => return,
            GateError::Content { .. } => (Code::Path, "mqtt.access.file"),
            GateError::Anonymous(..) => (Code::Invalid, "mqtt.access.anonymous"),
            _ => (Code::Invalid, "mqtt.access"),
        };
        self.report(Breach {
            code,
            severity: Severity::Error,
            message: error.to_string(),
            help: "docs/mqtt.md describes access".to_owned(),
            keys: &[(key, "here".to_owned())],
        });
    }
}
