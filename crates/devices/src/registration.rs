//! What an operator says about a device.

/// What an operator says about a device. Its limits are those of [`Registration::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// A name for people.
    pub name: Option<String>,
    /// Whether the device may talk to a station.
    pub enabled: bool,
    /// How often the device dials in at least, in minutes.
    pub check_in_minutes: u16,
    /// How long after its interval a check-in counts as missed, in minutes.
    pub grace_minutes: u16,
    /// Whose device it is.
    pub customer: Option<String>,
    /// Anything else.
    pub note: Option<String>,
    /// Software versions that may talk to a station; empty allows all.
    pub allowed_versions: Vec<String>,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            name: None,
            enabled: true,
            check_in_minutes: 30,
            grace_minutes: 5,
            customer: None,
            note: None,
            allowed_versions: Vec::new(),
        }
    }
}

/// A part of a registration that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value} is not allowed; {allowed}")]
pub struct RegistrationError {
    /// Which part, by its name in JSON and CSV.
    pub field: &'static str,
    /// What was given, shortened.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// Longest name and customer, in bytes.
const SHORT_TEXT_BYTES: usize = 200;
/// Longest note, in bytes.
const NOTE_BYTES: usize = 2_000;
/// Most software versions that can be allowed.
const VERSIONS: usize = 32;
/// Longest software version, in bytes: what the identity frame of a device has room for.
const VERSION_BYTES: usize = 8;

impl Registration {
    /// Checks every part.
    ///
    /// # Errors
    /// Names the first part that is not allowed: a check-in interval outside of 1 to 10,080 minutes
    /// (a week), a grace over a week, a text that is empty, too long or has control characters, more
    /// than 32 versions or one that is not 1 to 8 visible ASCII characters.
    pub fn check(&self) -> Result<(), RegistrationError> {
        minutes("check_in_minutes", self.check_in_minutes, 1)?;
        minutes("grace_minutes", self.grace_minutes, 0)?;
        text("name", self.name.as_deref(), SHORT_TEXT_BYTES)?;
        text("customer", self.customer.as_deref(), SHORT_TEXT_BYTES)?;
        text("note", self.note.as_deref(), NOTE_BYTES)?;
        versions(&self.allowed_versions)
    }

    /// Whether a device with this software may talk to a station.
    #[must_use]
    pub fn allows_version(&self, version: &str) -> bool {
        self.allowed_versions.is_empty() || self.allowed_versions.iter().any(|v| v == version)
    }
}

fn minutes(field: &'static str, value: u16, min: u16) -> Result<(), RegistrationError> {
    const WEEK: u16 = 7 * 24 * 60;
    if (min..=WEEK).contains(&value) {
        return Ok(());
    }
    let allowed = if min == 0 {
        "0 to 10080 (a week) is"
    } else {
        "1 to 10080 (a week) is"
    };
    Err(RegistrationError {
        field,
        value: value.to_string(),
        allowed,
    })
}

fn text(field: &'static str, value: Option<&str>, limit: usize) -> Result<(), RegistrationError> {
    let Some(value) = value else { return Ok(()) };
    // Line breaks make sense in a note only.
    let plain = |c: char| !c.is_control() || (field == "note" && matches!(c, '\n' | '\r' | '\t'));
    if !value.is_empty() && value.len() <= limit && value.chars().all(plain) {
        return Ok(());
    }
    let allowed = if field == "note" {
        "1 to 2000 bytes of text are, or none"
    } else {
        "1 to 200 bytes of text without control characters are, or none"
    };
    Err(RegistrationError {
        field,
        value: format!("{:?}", shortened(value)),
        allowed,
    })
}

fn versions(versions: &[String]) -> Result<(), RegistrationError> {
    let visible = |v: &String| {
        (1..=VERSION_BYTES).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_graphic())
    };
    let wrong = match versions.iter().find(|v| !visible(v)) {
        Some(version) => format!("{:?}", shortened(version)),
        None if versions.len() > VERSIONS => format!("{} versions", versions.len()),
        None => return Ok(()),
    };
    Err(RegistrationError {
        field: "allowed_versions",
        value: wrong,
        allowed: "up to 32 of 1 to 8 visible ASCII characters are",
    })
}

/// The first characters of a text, for messages.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_allowed_and_allows_every_version() {
        let registration = Registration::default();
        assert_eq!(registration.check(), Ok(()));
        assert!(registration.allows_version("1.0"));
    }

    #[test]
    fn only_listed_versions_are_allowed_when_some_are_listed() {
        let registration = Registration {
            allowed_versions: vec!["1.2".into(), "1.3".into()],
            ..Registration::default()
        };
        assert!(registration.allows_version("1.3"));
        assert!(!registration.allows_version("1.30"));
    }

    fn refused(change: impl FnOnce(&mut Registration)) -> String {
        let mut registration = Registration::default();
        change(&mut registration);
        registration.check().unwrap_err().to_string()
    }

    #[test]
    fn each_limit_says_what_is_allowed() {
        assert_eq!(
            refused(|r| r.check_in_minutes = 0),
            "check_in_minutes: 0 is not allowed; 1 to 10080 (a week) is"
        );
        assert!(refused(|r| r.grace_minutes = 10_081).starts_with("grace_minutes: 10081"));
        assert!(refused(|r| r.name = Some(String::new())).starts_with("name: \"\""));
        assert!(refused(|r| r.customer = Some("x".repeat(201))).starts_with("customer"));
        assert!(refused(|r| r.note = Some("a\u{7}".into())).starts_with("note"));
        assert!(refused(|r| r.allowed_versions = vec!["123456789".into()]).contains("123456789"));
        assert!(refused(|r| r.allowed_versions = vec!["1".into(); 33]).contains("33 versions"));
    }

    #[test]
    fn values_at_the_limits_are_allowed() {
        let registration = Registration {
            name: Some("x".repeat(200)),
            check_in_minutes: 10_080,
            grace_minutes: 0,
            note: Some("two\nlines".into()),
            allowed_versions: vec!["12345678".into(); 32],
            ..Registration::default()
        };
        assert_eq!(registration.check(), Ok(()));
    }
}
