//! The state tree: last record per topic, as a fold of the journal.
