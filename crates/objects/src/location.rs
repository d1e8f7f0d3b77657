//! Where pictures are kept, as the configuration writes it.

use std::path::PathBuf;

use object_store::path::Path as Key;

use crate::OpenError;

/// A place for pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A local directory: a path, or `file://` and an absolute one.
    Directory(PathBuf),
    /// A bucket of an S3 server, and below which prefix; an empty one is the bucket itself.
    Bucket { bucket: String, prefix: Key },
}

impl Location {
    pub(crate) fn parse(text: &str) -> Result<Self, OpenError> {
        let unknown = || OpenError::Location {
            location: text.to_owned(),
        };
        match text.split_once("://") {
            None if text.is_empty() => Err(unknown()),
            None => Ok(Self::Directory(PathBuf::from(text))),
            Some(("file", path)) if path.starts_with('/') => {
                Ok(Self::Directory(PathBuf::from(path)))
            }
            Some(("s3", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = Key::parse(prefix).map_err(|_| unknown())?;
                if !is_bucket(bucket) {
                    return Err(unknown());
                }
                Ok(Self::Bucket {
                    bucket: bucket.to_owned(),
                    prefix,
                })
            }
            Some(_) => Err(unknown()),
        }
    }
}

/// Whether S3 could have a bucket of this name. What else it may not be is the server's to say.
fn is_bucket(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (3..=255).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(path: &str) -> Location {
        Location::Directory(PathBuf::from(path))
    }

    fn bucket(bucket: &str, prefix: &str) -> Location {
        Location::Bucket {
            bucket: bucket.to_owned(),
            prefix: Key::parse(prefix).unwrap(),
        }
    }

    #[test]
    fn directories_and_buckets_are_told_apart() {
        for (text, want) in [
            ("pictures", directory("pictures")),
            ("/var/lib/spica", directory("/var/lib/spica")),
            ("file:///var/lib/spica", directory("/var/lib/spica")),
            ("s3://pictures", bucket("pictures", "")),
            ("s3://pictures/", bucket("pictures", "")),
            ("s3://pictures/north/one", bucket("pictures", "north/one")),
            (
                "s3://my.bucket-1/Zürich & co/",
                bucket("my.bucket-1", "Zürich & co"),
            ),
        ] {
            assert_eq!(Location::parse(text).unwrap(), want, "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_and_said() {
        for bad in [
            "",
            "gs://bucket",
            "file://relative",
            "s3://",
            "s3://ab",
            "s3://user:secret@host/x",
            "s3://pictures/../other",
            "s3://pictures/one//two",
        ] {
            let error = Location::parse(bad).unwrap_err();
            assert!(matches!(error, OpenError::Location { .. }), "{bad}");
            assert!(error.to_string().contains("s3://bucket"), "{error}");
        }
    }
}
