//! Files that are whole or not there: names, bounded reading, atomic writing.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The authority's certificate: public, on every node.
pub const CA_CERTIFICATE: &str = "ca.crt";
/// The authority's key: it never leaves the authority's directory.
pub const CA_KEY: &str = "ca.key";
/// The list of revoked certificates: public, on every node.
pub const CRL: &str = "ca.crl";
/// What the authority has issued.
pub const INDEX: &str = "index.json";
/// A node's certificate.
pub const NODE_CERTIFICATE: &str = "node.crt";
/// A node's key: it never leaves the node.
pub const NODE_KEY: &str = "node.key";

/// For everybody to read.
pub(crate) const PUBLIC: u32 = 0o644;
/// For the owner only.
pub(crate) const PRIVATE: u32 = 0o600;

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses to read it.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system refuses to write it; what was there before still is.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is larger than any file of its kind.
    #[error("{} has more than {limit} bytes: it is not what it should be", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is a private key that others may read.
    #[error(
        "everyone on this machine may use the private key {} (mode {mode:o}): `chmod o= {}`, and if \
         somebody may have read it, revoke its certificate and issue a new one",
        path.display(), path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    read_open(&file, path, limit)
}

/// Reads a private key: a file that is nobody else's.
pub(crate) fn read_private(path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    // A group may share a key on purpose, as Debian's ssl-cert does; everyone may not.
    if mode & 0o007 != 0 {
        return Err(FileError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    read_open(&file, path, limit)
}

fn read_open(file: &File, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| FileError::Read {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}

/// Makes a directory for the owner only, with those above it, unless it is there.
pub(crate) fn make_directory(path: &Path) -> Result<(), FileError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| FileError::Write {
            path: path.to_owned(),
            source,
        })
}

/// Puts a file in the place of the one before it, so that a crash leaves one of the two, whole.
pub(crate) fn replace(dir: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let path = dir.join(name);
    write(dir, &path, bytes, mode).map_err(|source| FileError::Write { path, source })
}

fn write(dir: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_its_mode_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), "key", b"old", PRIVATE).unwrap();
        replace(dir.path(), "key", b"new", PRIVATE).unwrap();
        let path = dir.path().join("key");
        assert_eq!(read(&path, 3).unwrap(), b"new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_over_the_limit_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), "key", b"four", PUBLIC).unwrap();
        let path = dir.path().join("key");
        assert!(read(&path, 4).is_ok());
        assert!(matches!(
            read(&path, 3),
            Err(FileError::TooLarge { limit: 3, .. })
        ));
    }

    #[test]
    fn a_key_that_everyone_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), "key", b"x", PUBLIC).unwrap();
        let path = dir.path().join("key");
        let error = read_private(&path, 9).unwrap_err();
        assert!(matches!(error, FileError::Exposed { mode: 0o644, .. }));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(read_private(&path, 9).is_ok());
    }
}
