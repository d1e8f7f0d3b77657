//! `spica witness`: be a witness, or ask one.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use spica_node::config::Log;
use spica_settings::Secret;
use spica_witness::Settings;
use spica_witness::server::Server;
use tokio::net::TcpListener;

use crate::cli::Witness;
use crate::{logging, out};

/// Runs the command.
///
/// # Errors
/// If it cannot serve, or the witness does not answer.
pub(crate) async fn run(command: Witness) -> Result<()> {
    match command {
        Witness::Serve {
            listen,
            dir,
            token_file,
        } => serve(listen, &dir, &token_file).await,
        Witness::Show {
            pair,
            url,
            user,
            token_file,
            ca,
            timeout,
            json,
        } => {
            let mut settings = Settings::new(url);
            settings.user = user;
            settings.token = token_file.as_deref().map(token).transpose()?;
            settings.ca = ca.map(|ca| ca.to_string_lossy().parse()).transpose()?;
            settings.timeout = timeout;
            show(&settings, &pair, json).await
        }
    }
}

async fn serve(listen: SocketAddr, dir: &Path, token_file: &Path) -> Result<()> {
    logging::start(&Log::default())?;
    let stop = super::serve::stop_signal()?;
    let server = Server::open(dir, &token(token_file)?)?;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    tracing::info!(%address, keys = server.len(), "the witness serves");
    out::line(format_args!("http://{address}/v1/witness"));
    Ok(server.run(listener, stop).await?)
}

async fn show(settings: &Settings, pair: &str, as_json: bool) -> Result<()> {
    let witness = spica_witness::open(settings)?;
    let epoch = witness.recorded(pair).await?.map(|epoch| epoch.0);
    match epoch {
        _ if as_json => out::line(json!({ "pair": pair, "epoch": epoch })),
        Some(epoch) => out::line(format_args!("{pair}: epoch {epoch}")),
        None => out::line(format_args!("{pair}: nothing is recorded yet")),
    }
    Ok(())
}

/// The secret on the one line of a file.
fn token(file: &Path) -> Result<Secret> {
    let read = || anyhow::Ok(std::fs::read_to_string(file)?.trim().parse()?);
    read().with_context(|| format!("cannot take the token from {}", file.display()))
}
