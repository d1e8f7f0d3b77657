//! One module per command.

mod alert;
mod ban;
mod bench;
mod ca;
mod case;
mod config;
mod demo;
mod device;
mod handler;
mod journal;
mod mqtt;
mod pair;
mod report;
mod rules;
mod serve;
mod simulate;
mod token;
mod topology;
mod watch;
mod witness;

use std::future::Future;

use anyhow::{Context, Result};
use clap::CommandFactory;
use spica_node::Exit;

use crate::cli::{Cli, Command};

/// Runs the command and says with which code the program ends.
///
/// # Errors
/// If the command fails; the error is for the operator.
pub(crate) fn run(cli: Cli) -> Result<Exit> {
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Bench(bench) => bench::run(bench),
        Command::Device(device) => block_on(device::run(device)),
        Command::Watch(watch) => block_on(watch::run(watch)),
        Command::Case(case) => block_on(case::run(case)),
        Command::Alert(alert) => block_on(alert::run(alert)),
        Command::Handler(handler) => block_on(handler::run(handler)),
        Command::Mqtt(mqtt) => block_on(mqtt::run(mqtt)),
        Command::Rules(rules) => rules::run(rules),
        Command::Report(report) => block_on(report::run(report)),
        Command::Token(token) => block_on(token::run(token)),
        Command::Ban(ban) => block_on(ban::run(ban)),
        Command::Ca(ca) => ca::run(ca),
        Command::Pair(pair) => block_on(pair::run(pair)),
        Command::Topology(topology) => topology::run(&topology),
        Command::Witness(witness) => block_on(witness::run(witness)),
        Command::Journal(journal) => journal::run(journal),
        Command::Config(config) => config::run(config),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "spica", &mut std::io::stdout());
            Ok(Exit::Success)
        }
    }
}

/// Runs a client command on a small runtime.
fn block_on(work: impl Future<Output = Result<()>>) -> Result<Exit> {
    install_crypto();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(work)?;
    Ok(Exit::Success)
}

/// Runs a node, or what drives one, on a runtime with a worker per core.
fn block_on_all_cores<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    install_crypto();
    small_pages();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("spica-worker")
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(work)
}

/// Memory comes in small pages. Connections come and go, and each leaves a hole: a huge page with one
/// byte in use is held whole, which doubled what an idle connection costs, and made nothing faster.
fn small_pages() {
    // A system that knows no huge pages has none.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// TLS has one provider of cryptography in the whole program.
fn install_crypto() {
    // An error says that it is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
