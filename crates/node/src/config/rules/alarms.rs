//! The plan file: all that is wrong with it is said before anything starts.

use std::sync::Arc;

use spica_clock::{SharedClock, SystemClock};

use super::{Breach, Rules};
use crate::alarms::load_plans;
use crate::config::finding::{Code, Severity};

impl Rules<'_> {
    pub(super) fn alarms(&mut self) {
        let settings = &self.draft.value.alarms;
        let clock: SharedClock = Arc::new(SystemClock);
        let file = settings.plans.as_ref().map(|file| file.as_path());
        if let Err(error) = load_plans(file, &clock) {
            self.report(Breach {
                code: Code::Path,
                severity: Severity::Error,
                message: error.to_string(),
                help: "docs/alerts.md describes plan files".to_owned(),
                keys: &[("alarms.plans", "this file".to_owned())],
            });
        }
    }
}
