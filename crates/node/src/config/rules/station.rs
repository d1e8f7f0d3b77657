//! The Identicom station's profile, and how long its devices may take.

use std::path::Path;

use super::{Breach, Rules};
use crate::config::finding::{Code, Severity};

impl Rules<'_> {
    pub(super) fn station(&mut self) {
        let settings = &self.draft.value.identicom;
        // Paths in the file were made absolute; the others count from where the process runs.
        let profile = match settings.load_profile(Path::new("")) {
            Ok(profile) => profile,
            Err(error) => {
                return self.report(Breach {
                    code: Code::Path,
                    severity: Severity::Error,
                    message: error.to_string(),
                    help: "without a profile, the built-in one is used".to_owned(),
                    keys: &[("identicom.profile", "this profile".to_owned())],
                });
            }
        };
        let times = [
            (
                "identicom.timeouts.identity_request",
                profile.timeouts.identity_request,
            ),
            ("identicom.timeouts.idle", profile.timeouts.idle),
            ("identicom.timeouts.session", profile.timeouts.session),
        ];
        for pair in times.windows(2) {
            let [(key, time), (longer_key, longer)] = pair else {
                continue;
            };
            if time >= longer {
                self.report(Breach {
                    code: Code::Limits,
                    severity: Severity::Error,
                    message: format!(
                        "`{key}` ({time:?}) must be less than `{longer_key}` ({longer:?})"
                    ),
                    help: "what is not set is as the profile has it".to_owned(),
                    keys: &[
                        (key, format!("allowed: less than {longer:?}")),
                        (longer_key, format!("allowed: more than {time:?}")),
                    ],
                });
            }
        }
    }
}
