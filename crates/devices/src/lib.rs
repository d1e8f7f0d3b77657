//! The registry of devices and the life cycle of commands, as folds of records.
