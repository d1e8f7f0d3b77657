//! A pair's name as a store's key.

/// Longest key.
pub(crate) const KEY_BYTES: usize = 200;

/// A pair's name, and the key that stands for it in every kind of store: `root/s1` is `root.s1`.
///
/// Letters, digits, `-` and `_` stand for themselves, `/` is a dot, every other byte is `=` and two
/// hexadecimal digits. So a key is one path component, one segment of a URL and a valid subject, and
/// no two names have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairName {
    name: String,
    key: String,
}

/// A text that can be no pair's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or with an empty part.
    #[error("{0:?} is no pair's name: it has an empty part; a name is a path such as root/s1")]
    EmptyPart(String),
    /// Too long.
    #[error(
        "the pair's name has {bytes} bytes as a key, and a witness takes {KEY_BYTES}: choose a \
         shorter path (characters other than a-z, A-Z, 0-9, - and _ count three for each byte)"
    )]
    Long {
        /// How many the key would have.
        bytes: usize,
    },
}

impl PairName {
    pub(crate) fn new(name: &str) -> Result<Self, NameError> {
        if name.split('/').any(str::is_empty) {
            return Err(NameError::EmptyPart(name.to_owned()));
        }
        let key = key_of(name);
        if key.len() > KEY_BYTES {
            return Err(NameError::Long { bytes: key.len() });
        }
        let name = name.to_owned();
        Ok(Self { name, key })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }
}

fn key_of(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => key.push(char::from(byte)),
            b'/' => key.push('.'),
            other => key.push_str(&format!("={other:02X}")),
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_key_of_its_own() {
        let key = |name| PairName::new(name).unwrap().key().to_owned();
        assert_eq!(key("root/s1"), "root.s1");
        assert_eq!(key("root.s1"), "root=2Es1");
        assert_eq!(key("root/ü =x"), "root.=C3=BC=20=3Dx");
        assert_eq!(key(".."), "=2E=2E");
    }

    #[test]
    fn what_is_no_name_is_refused_at_the_limit() {
        for name in ["", "/", "/root", "root/", "a//b"] {
            let error = PairName::new(name).unwrap_err();
            assert_eq!(error, NameError::EmptyPart(name.to_owned()));
        }
        assert!(PairName::new(&"x".repeat(KEY_BYTES)).is_ok());
        let error = PairName::new(&"x".repeat(KEY_BYTES + 1)).unwrap_err();
        assert_eq!(error, NameError::Long { bytes: 201 });
    }
}
