//! `spica demo`: a node and a small fleet in one process, in a fresh directory, open on loopback.

use std::future::pending;
use std::time::Duration;

use anyhow::{Result, ensure};
use spica_fleet::{Hub, Pictures, Plan, Trouble};
use spica_node::config::Config;
use spica_node::{Access, Exit, Node};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::simulate::{fleet, with_alarms};
use crate::cli::Demo;
use crate::{logging, out};

/// Share of events that are alarms: enough to see some within seconds.
const ALARMS: f64 = 0.1;
/// Share of check-ins that bring a picture.
const PICTURES: f64 = 0.2;

/// Runs the command.
///
/// # Errors
/// If the node does not start, or fails.
pub(crate) fn run(args: Demo) -> Result<Exit> {
    ensure!(
        args.http.ip().is_loopback(),
        "a demo is open to everyone, so it listens on loopback only"
    );
    let dir = tempfile::Builder::new().prefix("spica-demo-").tempdir()?;
    let mut config = Config::default();
    config.node.data_dir = dir.path().join("data").display().to_string().parse()?;
    config.http.listen = args.http;
    config.identicom.listen = ([127, 0, 0, 1], 0).into();
    // The fleet's devices share this machine: no cap per source.
    config.identicom.admission.trusted = vec!["127.0.0.0/8".parse()?];
    config.log.level = "warn".into();
    logging::start(&config.log)?;
    super::block_on_all_cores(demo(config, args))
}

async fn demo(config: Config, args: Demo) -> Result<Exit> {
    let signal = super::serve::stop_signal()?;
    let path = config.node.path.to_string();
    let node = Node::start(config, Access::Open).await?;
    let addresses = node.addresses().clone();
    let base = format!("http://{}", addresses.http);
    out::note(format_args!(
        "Spica demo: open {base}/ in a browser. Press Ctrl-C to end it."
    ));

    let (node_stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(node.run(async {
        // An error means the sender is gone, which is as good a reason to stop.
        let _ = stopped.await;
    }));
    let hub = Hub::new(&base, None, &path)?;
    let plan = plan(
        &args,
        addresses.identicom.map(|address| address.to_string()),
    );
    hub.register(plan.serials()).await?;
    let fleet_stop = CancellationToken::new();
    let end = end(signal, args.duration);
    let cancel = fleet_stop.clone();
    tokio::spawn(async move {
        end.await;
        cancel.cancel();
    });
    let outcome = fleet(&plan, &hub, args.json, fleet_stop).await;
    // The node may have ended by itself already: then the join below says why.
    let _ = node_stop.send(());
    running.await??;
    outcome
}

/// The signal, or the time, whichever comes first.
async fn end(signal: impl Future<Output = ()>, duration: Option<Duration>) {
    let time = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => pending().await,
        }
    };
    tokio::select! {
        () = signal => {}
        () = time => {}
    }
}

fn plan(args: &Demo, station: Option<String>) -> Plan {
    let defaults = Plan::default();
    Plan {
        endpoints: station.into_iter().collect(),
        devices: args.devices,
        interval: Duration::from_secs(4),
        // The end comes by the signal or by the time.
        duration: Some(
            args.duration
                .unwrap_or(Duration::from_secs(u64::from(u32::MAX))),
        ),
        mix: with_alarms(&defaults.mix, ALARMS),
        pictures: Pictures {
            share: PICTURES,
            ..defaults.pictures
        },
        trouble: Trouble {
            torn: 0.05,
            slow: 0.02,
            ..defaults.trouble
        },
        ..defaults
    }
}
