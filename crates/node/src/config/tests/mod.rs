//! Tests of the configuration as an operator meets it: text in, diagnostics or values out.

mod cases;
mod config_tests;
mod hostile;
mod sample;
mod sample_tests;
