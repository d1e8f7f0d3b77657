//! Checks on the repository itself: layers, documents, sizes.
