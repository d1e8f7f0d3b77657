//! `spica simulate`: a fleet of devices against any node.

use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use spica_fleet::books::Report;
use spica_fleet::{
    Arrival, Fleet, Hub, Outcome, Pictures, Plan, Progress, Status, Trouble, Weight,
};
use spica_node::Exit;
use tokio_util::sync::CancellationToken;

use crate::cli::Simulate;
use crate::out;

/// Runs the command.
///
/// # Errors
/// If the plan cannot be carried out, or the node cannot be asked.
pub(crate) fn run(args: Simulate) -> Result<Exit> {
    super::block_on_all_cores(simulate(args))
}

async fn simulate(args: Simulate) -> Result<Exit> {
    let hub = Hub::of_pair(&args.hub.servers, args.hub.token.as_deref(), &args.node)?;
    let plan = plan(&args);
    if !args.registered {
        hub.register(plan.serials())
            .await
            .context("cannot register the fleet's devices")?;
    }
    fleet(&plan, &hub, args.json, stop_on_signal()).await
}

fn plan(args: &Simulate) -> Plan {
    let defaults = Plan::default();
    Plan {
        endpoints: args.station.clone(),
        devices: args.devices,
        seed: args.seed,
        arrival: if args.burst {
            Arrival::Burst
        } else {
            Arrival::Spread
        },
        rounds: args.burst.then_some(1),
        interval: args.interval,
        duration: Some(args.duration),
        mix: with_alarms(&defaults.mix, args.alarms),
        pictures: Pictures {
            share: args.pictures,
            ..defaults.pictures
        },
        trouble: Trouble {
            slow: args.slow,
            torn: args.torn,
            hostile: args.hostile,
            ..defaults.trouble
        },
        ..defaults
    }
}

/// The mix with alarms at `share` of all events, the others as they were to each other.
pub(super) fn with_alarms(mix: &[Weight], share: f64) -> Vec<Weight> {
    let sum = |critical: bool| -> f64 {
        let those = mix
            .iter()
            .filter(|weight| weight.event.is_critical() == critical);
        those.map(|weight| f64::from(weight.weight)).sum()
    };
    let (alarms, others) = (sum(true).max(1.0), sum(false).max(1.0));
    let scale = |weight: &Weight| {
        let part = if weight.event.is_critical() {
            share / alarms
        } else {
            (1.0 - share) / others
        };
        (f64::from(weight.weight) * part * 1e6).round() as u32
    };
    mix.iter()
        .map(|weight| Weight {
            weight: scale(weight),
            ..*weight
        })
        .collect()
}

/// Runs the fleet, compares its books with what the node shows, prints the report.
async fn fleet(plan: &Plan, hub: &Hub, json: bool, stop: CancellationToken) -> Result<Exit> {
    let (_, report) = run_fleet(plan, hub, stop).await?;
    if json {
        out::json(&report)?;
    } else {
        out::line(report.to_string().trim_end());
    }
    Ok(if report.passed {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// Runs the fleet, and compares its books with what the node shows.
pub(super) async fn run_fleet(
    plan: &Plan,
    hub: &Hub,
    stop: CancellationToken,
) -> Result<(Outcome, Report)> {
    let bar = Bar::new(plan);
    let outcome = Fleet::run_until(plan, &bar, stop).await?;
    bar.0.finish_and_clear();
    let report = spica_fleet::books::compare(&outcome, hub).await?;
    Ok((outcome, report))
}

/// Cancelled by the first SIGINT: devices then only deliver what they hold.
pub(super) fn stop_on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let cancel = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancel.cancel();
        }
    });
    stop
}

/// A progress bar on stderr; invisible when nobody watches.
struct Bar(ProgressBar);

impl Bar {
    fn new(plan: &Plan) -> Self {
        let bar = ProgressBar::new(plan.visits_expected());
        let style = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }
}

impl Progress for Bar {
    fn update(&self, status: &Status) {
        self.0.set_position(status.totals.visits);
        self.0.set_message(format!(
            "{} connected, {}/{} events durable, {}/{} pictures",
            status.connected,
            status.events_told,
            status.events,
            status.pictures_told,
            status.pictures
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_keeps_its_shape_at_any_share_of_alarms() {
        for share in [0.0, 0.01, 0.5, 1.0] {
            let mix = with_alarms(&Plan::default().mix, share);
            let all: f64 = mix.iter().map(|weight| f64::from(weight.weight)).sum();
            let alarms = mix.iter().filter(|weight| weight.event.is_critical());
            let alarms: f64 = alarms.map(|weight| f64::from(weight.weight)).sum();
            assert!(
                (alarms / all - share).abs() < 1e-3,
                "{share}: {alarms} of {all}"
            );
        }
    }
}
