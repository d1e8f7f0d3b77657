//! Live sessions as a state machine: matching, conflation, windows, recovery, limits.
