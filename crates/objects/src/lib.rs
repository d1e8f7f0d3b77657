//! Large objects (pictures) beside the journal: stored by content address, resumable by block.
