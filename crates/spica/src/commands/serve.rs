//! `spica serve`: run a node until it is told to stop.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use spica_node::config::Config;
use spica_node::{Access, Ended, Exit, Node, ReadConfig, Reload};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Serve;
use crate::{logging, out};

/// Runs the command.
///
/// # Errors
/// If the node does not start, or ends by itself.
pub(crate) fn run(args: &Serve) -> Result<Exit> {
    let config = super::config::load_to_run(&args.source)?;
    logging::start(&config.log)?;
    let read = super::config::reader(&args.source);
    super::block_on_all_cores(serve(config, &read, args.admin_token_file.as_deref()))
}

async fn serve(config: Config, read: &ReadConfig, token_file: Option<&Path>) -> Result<Exit> {
    let mut stop = std::pin::pin!(stop_signal()?);
    // From here on, so that a hangup never ends the process.
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        let read = Some(Arc::clone(read));
        let mut node = Node::start_reading(config.clone(), Access::Tokens, read).await?;
        if let Some(token) = node.take_admin_token() {
            hand_over(&token, token_file)?;
        }
        let later = node.take_later_token().map(|token| {
            let file = token_file.map(Path::to_owned);
            tokio::spawn(async move {
                // The partner has made it, or an earlier life of this node.
                let Ok(token) = token.await else { return };
                if let Err(error) = hand_over(&token, file.as_deref()) {
                    tracing::error!("{error:#}");
                }
            })
        });
        let reload = node.reloader();
        let mut running = std::pin::pin!(node.run(&mut stop));
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended?,
                Some(()) = hangup.recv() => read_again(Arc::clone(&reload)),
            }
        };
        if let Some(later) = later {
            later.abort();
        }
        match ended {
            Ended::Stopped => return Ok(Exit::Success),
            Ended::Again(restart) => Node::mend(&config, &restart)?,
        }
    }
}

/// Reads the configuration again, beside what the node does.
#[expect(
    clippy::disallowed_methods,
    reason = "a file that an operator has written, and no acknowledgement waits for it"
)]
fn read_again(reload: Reload) {
    tracing::info!("SIGHUP: the configuration is read again");
    // One after the other: the station sees to that.
    drop(tokio::task::spawn_blocking(move || reload()));
}

/// Gives the first admin token to the operator: printed, or in a file that only the owner may read.
fn hand_over(token: &str, file: Option<&Path>) -> Result<()> {
    let Some(path) = file else {
        out::note("This is the admin token of this node. It is shown this once:");
        out::line(token);
        return Ok(());
    };
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{token}")?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write the admin token to {}", path.display()))
}

/// Resolves at SIGTERM or SIGINT. A second signal then ends the process at once: nothing that was
/// acknowledged is lost by that.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let first = async {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let name = first.await;
        tracing::info!(
            signal = name,
            "stopping: no new connections, finishing what is in hand"
        );
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("a second signal: ending at once");
            std::process::exit(Exit::Failure as i32);
        });
    })
}
