//! Value types of the configuration: durations, byte sizes, secrets, each with its syntax and limits.
