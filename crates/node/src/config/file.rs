//! The configuration file: its bytes, bounded, and the layer they make.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::document;
use super::finding::{Code, Finding, Findings};
use super::resolve::resolve;
use super::secrets;
use super::shape::Shape;
use super::source::{Kind, Sources};
use super::tree::{Node, SourceId};

/// Bytes that a configuration file may have.
pub const FILE_BYTES: u64 = 1 << 20;

/// A file as it was found.
#[derive(Debug)]
pub(super) struct FileRead {
    /// As it was asked for.
    path: PathBuf,
    /// At most one byte more than is allowed.
    bytes: io::Result<Vec<u8>>,
}

impl FileRead {
    /// Reads a file, or learns why it cannot be read.
    pub(super) fn open(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            bytes: bytes_of(path),
        }
    }

    /// A file with this content.
    #[cfg(test)]
    pub(super) fn with(path: &str, bytes: &[u8]) -> Self {
        let bytes = Ok(bytes.to_vec());
        let path = path.into();
        Self { path, bytes }
    }

    /// The layer that the file is, if it is a text.
    pub(super) fn layer(
        self,
        root: Shape<'_>,
        sources: &mut Sources,
        findings: &mut Findings,
    ) -> Option<Node> {
        // Absolute: whoever joins such a path to a directory of its own still finds the same file.
        let absolute = std::path::absolute(&self.path);
        let source = self.source(sources, findings)?;
        let mut layer = document::document(source, sources, findings);
        if let Some(base) = absolute.as_deref().ok().and_then(Path::parent) {
            resolve(&mut layer, root, base);
        }
        if !findings.kept.is_empty() {
            secrets::hide_in_broken(source, root, sources);
        }
        Some(layer)
    }

    fn source(self, sources: &mut Sources, findings: &mut Findings) -> Option<SourceId> {
        let name = self.path.display().to_string();
        let finding = match self.bytes {
            Ok(bytes) if bytes.len() as u64 <= FILE_BYTES => match String::from_utf8(bytes) {
                Ok(text) => return Some(sources.add(Kind::File(name), text)),
                Err(error) => not_utf8(&name, &error),
            },
            Ok(_) => {
                let message = format!("{name} is too large: a configuration has at most 1 MiB");
                Finding::error(Code::TooLarge, message).help("is this the right file?")
            }
            Err(error) => {
                let message = format!("the configuration {name} cannot be read: {error}");
                let help = "check the path and that the node's user may read it; \
                            without --config the defaults hold";
                Finding::error(Code::Unreadable, message).help(help)
            }
        };
        findings.push(finding);
        None
    }
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> Finding {
    let sound = error.utf8_error().valid_up_to();
    let before = error.as_bytes().iter().take(sound);
    let line = before.filter(|byte| **byte == b'\n').count() + 1;
    let message = format!("{name} is not UTF-8: line {line} has a byte that is no text");
    Finding::error(Code::Encoding, message).help("save the file as UTF-8")
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
