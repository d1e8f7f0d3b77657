//! Configuration to running parts: start, supervise, stop.
