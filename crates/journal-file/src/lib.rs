//! The journal on files: two lanes, group commit, recovery, retention.
