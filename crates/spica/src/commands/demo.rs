//! `spica demo`: a node and a small fleet in one process, in a fresh directory, open on loopback.
//! Simulated people are told of alarms, and work on them.

mod books;
mod operators;
mod plan_file;
mod seen;

use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;
use spica_fleet::{Hub, Outcome, Pictures, Plan, Trouble, books as fleet_books};
use spica_node::config::Config;
use spica_node::{Access, Exit, Node};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::books::Alarms;
use self::operators::Operators;
use self::seen::Seen;
use super::simulate::{run_fleet, with_alarms};
use crate::api::Api;
use crate::cli::{self, Demo};
use crate::{logging, out};

/// Share of events that are alarms: enough to see some within seconds.
const ALARMS: f64 = 0.1;
/// Share of check-ins that bring a picture.
const PICTURES: f64 = 0.2;
/// Closed cases that the node keeps: the books are checked against them.
const CLOSED_CASES: usize = 1_000_000;
/// How often is looked whether the operators have finished, and how far apart.
const ROUNDS: usize = 80;
const PAUSE: Duration = Duration::from_millis(250);

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
    let config = config(&args, dir.path())?;
    logging::start(&config.log)?;
    super::block_on_all_cores(demo(config, args))
}

fn config(args: &Demo, dir: &Path) -> Result<Config> {
    let mut config = Config::default();
    config.node.data_dir = dir.join("data").display().to_string().parse()?;
    config.http.listen = args.http;
    config.identicom.listen = ([127, 0, 0, 1], 0).into();
    // The fleet's devices share this machine: no cap per source.
    config.identicom.admission.trusted = vec!["127.0.0.0/8".parse()?];
    config.mqtt.get_or_insert_default().listen = Some(([127, 0, 0, 1], 0).into());
    config.alarms.plans = plan_file::write(args, dir)?;
    config.alarms.cases.max_closed = CLOSED_CASES;
    config.log.level = "warn".into();
    Ok(config)
}

async fn demo(config: Config, args: Demo) -> Result<Exit> {
    let signal = super::serve::stop_signal()?;
    let path = config.node.path.to_string();
    let told = config.alarms.plans.is_some();
    let node = Node::start(config, Access::Open).await?;
    let addresses = node.addresses().clone();
    let base = format!("http://{}", addresses.http);
    welcome(&base, addresses.mqtt, told);

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
    let play = Play { base, hub, told };
    let outcome = play.run(&plan, fleet_stop, args.json).await;
    // The node may have ended by itself already: then the join below says why.
    let _ = node_stop.send(());
    running.await??;
    outcome
}

fn welcome(base: &str, mqtt: Option<SocketAddr>, told: bool) {
    let alarms = if told {
        "Alarms go out to Anna, and to Bob if she does not acknowledge."
    } else {
        "Alarms are shown on that page only; --smtp and --webhook send them out."
    };
    out::note(format_args!(
        "Spica demo: open {base}/ in a browser. {alarms} Press Ctrl-C to end it."
    ));
    if let Some(mqtt) = mqtt {
        out::note(format_args!("MQTT clients are welcome at {mqtt}."));
    }
}

/// A running node, and whether it tells anybody of alarms.
struct Play {
    base: String,
    hub: Hub,
    told: bool,
}

/// What the books say: of the fleet, and of the alarms.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    fleet: fleet_books::Report,
    #[serde(flatten)]
    alarms: Alarms,
}

impl Play {
    /// Lets the fleet and the operators do their work, checks the books, prints the report.
    async fn run(&self, plan: &Plan, stop: CancellationToken, json: bool) -> Result<Exit> {
        let go_home = CancellationToken::new();
        let _at_an_error = go_home.clone().drop_guard();
        let operators = Operators::new(self.api()?, self.told, plan.seed);
        let operators = tokio::spawn(operators.work(go_home.clone()));
        let (outcome, fleet) = run_fleet(plan, &self.hub, stop).await?;
        self.at_rest(&outcome).await?;
        go_home.cancel();
        let done = operators.await?;
        let alarms = Alarms::check(&outcome, &done, &self.seen(&outcome).await?, self.told);
        let mut report = Report { fleet, alarms };
        if json {
            report.fleet.passed &= report.alarms.passed();
            out::json(&report)?;
        } else {
            out::line(report.fleet.to_string().trim_end());
            out::line(&report.alarms);
        }
        Ok(if report.fleet.passed && report.alarms.passed() {
            Exit::Success
        } else {
            Exit::Failure
        })
    }

    /// Waits until every alarm has its case and every case is closed, or it takes too long: what is
    /// missing then is for the books to say.
    async fn at_rest(&self, outcome: &Outcome) -> Result<()> {
        for _ in 0..ROUNDS {
            let seen = self.seen(outcome).await?;
            if Alarms::check(outcome, &[], &seen, self.told).is_at_rest() {
                break;
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn seen(&self, outcome: &Outcome) -> Result<Seen> {
        Seen::read(&self.api()?, &self.hub, outcome.started).await
    }

    fn api(&self) -> Result<Api> {
        Api::new(&cli::Hub {
            servers: vec![self.base.clone()],
            token: None,
        })
    }
}

/// The signal, or the time, whichever comes first.
async fn end(signal: impl Future<Output = ()>, duration: Option<Duration>) {
    let time = async {
        match duration {
            Some(duration) => sleep(duration).await,
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
