//! A client of live sessions.
