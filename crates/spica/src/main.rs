//! The spica binary: a highly-available telemetry hub in one program.
//!
//! This crate is the command line only. What runs is put together in `spica-node`.

mod api;
mod cli;
mod commands;
mod logging;
mod out;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code as u8),
        Err(error) => {
            out::error(&error);
            ExitCode::from(spica_node::Exit::of(&error) as u8)
        }
    }
}
