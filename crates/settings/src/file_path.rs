//! Paths.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::text::text_type;

/// Longest path in bytes, as on Linux.
const BYTES: usize = 4_095;

const ALLOWED: &str = "A path of a file or directory: 1 to 4095 bytes of UTF-8 without NUL. A relative one counts from \
     the directory of the file that it stands in.";

/// The path of a file or directory, as it was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(String);

/// A text that is no [`FilePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseFilePathError {
    /// Empty, or too long.
    #[error("a path has 1 to {BYTES} bytes; this one has {0}")]
    Length(usize),
    /// With a NUL.
    #[error("{0:?} is no path: it contains a NUL")]
    Nul(String),
}

impl FilePath {
    /// The path as it was written.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// The path, counted from `base` if it is relative.
    #[must_use]
    pub fn resolve(&self, base: &Path) -> PathBuf {
        base.join(self.as_path())
    }
}

impl AsRef<Path> for FilePath {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for FilePath {
    type Err = ParseFilePathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > BYTES {
            return Err(ParseFilePathError::Length(text.len()));
        }
        if text.contains('\0') {
            return Err(ParseFilePathError::Nul(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

text_type!(FilePath, |path| path.0.clone(), ALLOWED, {
    "type": "string",
    "format": "file-path",
    "minLength": 1,
    "maxLength": BYTES,
    "pattern": "^[^\\x00]+$",
});

struct Visitor;

impl serde::de::Visitor<'_> for Visitor {
    type Value = FilePath;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path, as a text in quotes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<FilePath, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_count_from_a_base() {
        let resolved = |text: &str| {
            text.parse::<FilePath>()
                .unwrap()
                .resolve(Path::new("/etc/spica"))
        };
        assert_eq!(
            resolved("tls/cert.pem"),
            Path::new("/etc/spica/tls/cert.pem")
        );
        assert_eq!(resolved("/run/cert.pem"), Path::new("/run/cert.pem"));
    }

    #[test]
    fn what_is_no_path_is_told_what_is_allowed() {
        let error = |text: &str| text.parse::<FilePath>().unwrap_err().to_string();
        assert_eq!(error(""), "a path has 1 to 4095 bytes; this one has 0");
        assert_eq!(error("a\0"), "\"a\\0\" is no path: it contains a NUL");
        assert!("x".repeat(BYTES).parse::<FilePath>().is_ok());
        assert_eq!(
            "x".repeat(BYTES + 1).parse::<FilePath>(),
            Err(ParseFilePathError::Length(BYTES + 1))
        );
    }
}
