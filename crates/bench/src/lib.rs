//! Benchmarks that print JSON: disk, ingest, phone-home, burst, idle, critical-under-load.
