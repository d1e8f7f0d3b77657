//! File, environment and arguments to a value of the configuration's type, with all that was found.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::document;
use super::finding::{Code, Finding, Findings};
use super::missing::missing;
use super::overrides::Overrides;
use super::resolve::resolve;
use super::secrets;
use super::shape::Shape;
use super::sift::Sieve;
use super::source::{Kind, Sources};
use super::tree::{KeyPath, Node, SourceId};
use super::typed::typed;

/// Bytes that a configuration file may have.
pub const FILE_BYTES: u64 = 1 << 20;

/// A configuration that was read, before its rules are checked.
pub(super) struct Draft<T> {
    pub(super) value: T,
    /// What was written, without what was wrong.
    pub(super) tree: Node,
    /// The keys where something was wrong: the value has the default there.
    pub(super) removed: Vec<KeyPath>,
    pub(super) sources: Sources,
    pub(super) findings: Findings,
}

/// Reads `file`, if there is one, with `overrides` on top.
pub(super) fn draft<T: DeserializeOwned + Serialize + Default>(
    root: Shape<'_>,
    file: Option<&Path>,
    overrides: &Overrides,
) -> Draft<T> {
    let mut sources = Sources::default();
    let mut findings = Findings::default();
    let mut removed = Vec::new();
    let mut layers = Vec::new();
    if let Some(source) = file.and_then(|path| read(path, &mut sources, &mut findings)) {
        let mut layer = document::document(source, &sources, &mut findings);
        // Absolute: whoever joins such a path to a directory of its own still finds the same file.
        let file = file.and_then(|file| std::path::absolute(file).ok());
        if let Some(base) = file.as_deref().and_then(Path::parent) {
            resolve(&mut layer, root, base);
        }
        layers.push(layer);
        if !findings.kept.is_empty() {
            secrets::hide_in_broken(source, root, &mut sources);
        }
    }
    layers.extend(overrides.layers(root, &mut sources, &mut findings));
    let mut tree = Node::empty(SourceId(0));
    for mut layer in layers {
        secrets::hide(&layer, root, &mut sources);
        let mut sieve = Sieve {
            root,
            findings: &mut findings,
            removed: &mut removed,
        };
        sieve.sift(&mut layer, root, &KeyPath::default());
        tree.merge(layer);
    }
    missing(&mut tree, root, &mut findings, &mut removed);
    findings.drop_echoes();
    let value = typed(&mut tree, root, &mut findings, &mut removed);
    Draft {
        value,
        tree,
        removed,
        sources,
        findings,
    }
}

fn read(path: &Path, sources: &mut Sources, findings: &mut Findings) -> Option<SourceId> {
    let name = path.display().to_string();
    let bytes = match bytes_of(path) {
        Ok(bytes) if bytes.len() as u64 <= FILE_BYTES => bytes,
        Ok(_) => {
            let message = format!("{name} is too large: a configuration has at most 1 MiB");
            findings.push(Finding::error(Code::TooLarge, message).help("is this the right file?"));
            return None;
        }
        Err(error) => {
            let message = format!("the configuration {name} cannot be read: {error}");
            let help = "check the path and that the node's user may read it; \
                        without --config the defaults hold";
            findings.push(Finding::error(Code::Unreadable, message).help(help));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(sources.add(Kind::File(name), text)),
        Err(error) => {
            let sound = error.utf8_error().valid_up_to();
            let line = error
                .as_bytes()
                .iter()
                .take(sound)
                .filter(|b| **b == b'\n')
                .count()
                + 1;
            let message = format!("{name} is not UTF-8: line {line} has a byte that is no text");
            let help = "save the file as UTF-8";
            findings.push(Finding::error(Code::Encoding, message).help(help));
            None
        }
    }
}

fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
