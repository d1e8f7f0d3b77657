//! Reading a channel's table: what all kinds have in common, and errors that name the key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use spica_clock::SharedClock;
use spica_settings::{FilePath, Secret, Span};
use toml::{Table, Value};

use crate::error::SettingError;

/// Shortest and longest time-out.
const TIMEOUT: [Span; 2] = [Span::from_millis(100), Span::from_secs(60)];
/// The usual one.
const USUAL_TIMEOUT: Span = Span::from_secs(10);
/// Most places.
const PARALLEL: i64 = 64;
/// The usual number.
const USUAL_PARALLEL: i64 = 4;
/// The longest file of a secret, in bytes; more than any secret has.
const SECRET_FILE_BYTES: u64 = 8_192;

/// What every kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Common {
    /// After so long, a message that got no answer is to be tried again.
    pub(crate) timeout: Duration,
    /// How many messages may be under way at once.
    pub(crate) parallel: usize,
}

/// What a kind is opened with, beside its settings.
pub(crate) struct Context<'a> {
    pub(crate) name: &'a str,
    pub(crate) common: Common,
    /// Relative paths count from here.
    pub(crate) base: &'a Path,
    pub(crate) clock: &'a SharedClock,
}

/// Takes what all kinds have out of a table, and leaves the rest.
pub(crate) fn common(table: &mut Table) -> Result<Common, SettingError> {
    table.remove("kind");
    let timeout = match table.remove("timeout") {
        None => USUAL_TIMEOUT,
        Some(value) => value.try_into::<Span>().map_err(|error| {
            let reason = error.message().to_owned();
            SettingError::new("timeout", reason)
        })?,
    };
    let [least, most] = TIMEOUT;
    if timeout < least || timeout > most {
        let reason = format!("{timeout} is not allowed; allowed is {least} to {most}");
        return Err(SettingError::new("timeout", reason));
    }
    let parallel = match table.remove("parallel") {
        None => USUAL_PARALLEL,
        Some(Value::Integer(count)) if (1..=PARALLEL).contains(&count) => count,
        Some(other) => {
            let reason = format!("{other} is not allowed; allowed is 1 to {PARALLEL}");
            return Err(SettingError::new("parallel", reason));
        }
    };
    Ok(Common {
        timeout: timeout.as_duration(),
        parallel: usize::try_from(parallel).unwrap_or(1),
    })
}

/// Reads what is special about a kind.
pub(crate) fn read<T: DeserializeOwned>(table: Table) -> Result<T, SettingError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().message().to_owned();
        match quoted(&message) {
            // serde stands at the table when a key is unknown or missing: the key is in its words.
            Some(key) if path == "." => SettingError::new(key, message.clone()),
            _ => SettingError::new(path, message),
        }
    })
}

/// The first name between backquotes.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// A secret that stands in the table as `key`, or in a file that `<key>_file` names.
pub(crate) fn secret(
    key: &str,
    inline: Option<Secret>,
    file: Option<&FilePath>,
    base: &Path,
) -> Result<Option<Secret>, SettingError> {
    let file_key = format!("{key}_file");
    match (inline, file) {
        (Some(_), Some(_)) => {
            let reason = format!("stands beside `{key}`; only one of them is allowed");
            Err(SettingError::new(file_key, reason))
        }
        (inline, None) => Ok(inline),
        (None, Some(file)) => {
            let bad = |reason: String| SettingError::new(&file_key, reason);
            let text = file_text(&file.resolve(base), SECRET_FILE_BYTES).map_err(bad)?;
            let secret = text.trim_end_matches(['\r', '\n']).parse::<Secret>();
            Ok(Some(secret.map_err(|error| bad(error.to_string()))?))
        }
    }
}

/// A secret without which the channel cannot be.
pub(crate) fn required(key: &str, secret: Option<Secret>) -> Result<Secret, SettingError> {
    secret.ok_or_else(|| {
        let reason = format!("is missing; give `{key}`, or `{key}_file` with the path of a file");
        SettingError::new(key, reason)
    })
}

/// A short file, whole.
pub(crate) fn file_text(path: &PathBuf, most_bytes: u64) -> Result<String, String> {
    let said = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let bytes = std::fs::metadata(path).map_err(said)?.len();
    if bytes > most_bytes {
        let path = path.display();
        return Err(format!(
            "{path} has {bytes} bytes; at most {most_bytes} are read"
        ));
    }
    std::fs::read_to_string(path).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        url: String,
        #[serde(default)]
        wait: Option<Span>,
    }

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn what_all_kinds_have_is_taken_out_and_bounded() {
        let mut all = table("kind = \"x\"\ntimeout = \"2s\"\nparallel = 64\nurl = \"u\"");
        let found = common(&mut all).unwrap();
        assert_eq!(
            (found.timeout, found.parallel),
            (Duration::from_secs(2), 64)
        );
        assert_eq!(all.keys().collect::<Vec<_>>(), ["url"]);
        let usual = common(&mut table("")).unwrap();
        assert_eq!(
            (usual.timeout, usual.parallel),
            (Duration::from_secs(10), 4)
        );
        for (text, key, allowed) in [
            ("timeout = \"99ms\"", "timeout", "100ms to 1min"),
            ("timeout = \"61s\"", "timeout", "100ms to 1min"),
            ("timeout = 5", "timeout", "with its unit"),
            ("parallel = 0", "parallel", "1 to 64"),
            ("parallel = 65", "parallel", "1 to 64"),
            ("parallel = \"4\"", "parallel", "1 to 64"),
        ] {
            let error = common(&mut table(text)).unwrap_err();
            assert_eq!(error.key, key);
            assert!(error.reason.contains(allowed), "{}", error.reason);
        }
    }

    #[test]
    fn errors_name_the_key_and_what_is_allowed() {
        let read = |text: &str| read::<Sample>(table(text)).map_err(|e| (e.key, e.reason));
        let good = read("url = \"u\"\nwait = \"1s\"").unwrap();
        assert_eq!(
            (good.url.as_str(), good.wait),
            ("u", Some(Span::from_secs(1)))
        );
        let (key, reason) = read("url = \"u\"\nurk = 1").unwrap_err();
        assert_eq!(key, "urk");
        assert!(reason.contains("expected `url` or `wait`"), "{reason}");
        let (key, reason) = read("").unwrap_err();
        assert_eq!(
            (key.as_str(), reason.as_str()),
            ("url", "missing field `url`")
        );
        let (key, reason) = read("url = \"u\"\nwait = \"soon\"").unwrap_err();
        assert_eq!(key, "wait");
        assert!(reason.contains("one of ms, s, min, h, d"), "{reason}");
        assert_eq!(read("url = 5").unwrap_err().0, "url");
    }

    #[test]
    fn secrets_stand_in_the_table_or_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path();
        std::fs::write(base.join("token"), "hush\n").unwrap();
        std::fs::write(base.join("long"), "x".repeat(9_000)).unwrap();
        std::fs::write(base.join("empty"), "\n").unwrap();
        let from = |inline: Option<&str>, file: Option<&str>| {
            let inline = inline.map(|text| text.parse().unwrap());
            let file: Option<FilePath> = file.map(|text| text.parse().unwrap());
            let found = secret("token", inline, file.as_ref(), base);
            found.map_err(|error| (error.key, error.reason))
        };
        let expose = |found: Option<Secret>| found.map(|secret| secret.expose().to_owned());
        assert_eq!(expose(from(None, None).unwrap()), None);
        assert_eq!(expose(from(Some("a"), None).unwrap()), Some("a".to_owned()));
        assert_eq!(
            expose(from(None, Some("token")).unwrap()),
            Some("hush".to_owned())
        );
        for (inline, file, said) in [
            (Some("a"), "token", "beside `token`"),
            (None, "none", "cannot read"),
            (None, "long", "at most 8192"),
            (None, "empty", "1 to 4096 bytes"),
        ] {
            let (key, reason) = from(inline, Some(file)).unwrap_err();
            assert_eq!(key, "token_file");
            assert!(reason.contains(said), "{reason}");
        }
        let missing = required("token", None).unwrap_err();
        assert!(missing.reason.contains("token_file"), "{}", missing.reason);
    }
}
