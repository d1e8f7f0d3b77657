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
use spica_node::{Exit, NodeError};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let exit = commands::run(cli).unwrap_or_else(|error| {
        out::error(&error);
        exit_of(&error)
    });
    ExitCode::from(exit as u8)
}

fn exit_of(error: &anyhow::Error) -> Exit {
    error
        .downcast_ref::<NodeError>()
        .map_or(Exit::Failure, NodeError::exit)
}
