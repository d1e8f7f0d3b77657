//! File, environment and arguments to a value of the configuration's type, with all that was found.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::file::FileRead;
use super::finding::Findings;
use super::missing::missing;
use super::overrides::Overrides;
use super::secrets;
use super::shape::Shape;
use super::sift::Sieve;
use super::source::Sources;
use super::tree::{KeyPath, Node, SourceId};
use super::typed::typed;

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

/// Makes a value of `file`, if there is one, with `overrides` on top.
pub(super) fn draft<T: DeserializeOwned + Serialize + Default>(
    root: Shape<'_>,
    file: Option<FileRead>,
    overrides: &Overrides,
) -> Draft<T> {
    let mut sources = Sources::default();
    let mut findings = Findings::default();
    let mut removed = Vec::new();
    let layer = file.and_then(|file| file.layer(root, &mut sources, &mut findings));
    let mut layers = Vec::from_iter(layer);
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
