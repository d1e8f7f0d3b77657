//! The views of a node: state tree, registry and command queue folded from the journal, checkpointed.
