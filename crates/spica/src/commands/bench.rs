//! `spica bench`: measure this machine and this build.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use spica_bench::hub::{scratch, serve, serve_guarded};
use spica_bench::ingest::Load;
use spica_bench::{
    alert, catch_up, critical, disk, failover, handlers, http, ingest, live, mqtt, pair, stations,
};
use spica_journal_file::Priorities;
use spica_model::Lane;
use spica_node::Exit;

use super::block_on_all_cores;
use crate::cli::{Bench, BenchCommon, LiveMode, MqttMode, Via};
use crate::out;

/// Updates of the document of `bench live --mode deltas`.
const DOCUMENTS: u64 = 200;

/// Runs the command.
///
/// # Errors
/// If the measurement fails.
pub(crate) fn run(bench: Bench) -> Result<Exit> {
    match bench {
        Bench::Disk { common, rounds } => in_scratch(&common, |dir| disk::run(dir, rounds)),
        Bench::Ingest {
            common,
            in_flight,
            size,
            via,
            duration,
        } => {
            let load = Load {
                in_flight,
                size,
                duration,
                lane: Lane::Normal,
            };
            in_scratch(&common, |dir| match via {
                Via::Port => ingest::run(dir, load),
                Via::Http => {
                    let hub = serve(dir)?;
                    block_on_all_cores(http::run(&hub, load))
                }
            })
        }
        Bench::PhoneHome {
            common,
            devices,
            at_once,
            duration,
        } => in_scratch(&common, |dir| {
            let hub = serve(dir)?;
            block_on_all_cores(stations::phone_home(&hub, devices, at_once, duration))
        }),
        Bench::Burst {
            common,
            devices,
            idle,
        } => in_scratch(&common, |dir| {
            let hub = serve(dir)?;
            block_on_all_cores(stations::burst(&hub, devices, idle))
        }),
        Bench::Alert {
            common,
            rounds,
            devices,
        } => in_scratch(&common, |dir| {
            block_on_all_cores(alert::alert(dir, rounds, devices))
        }),
        Bench::Idle {
            common,
            connections,
        } => in_scratch(&common, |dir| {
            let hub = serve(dir)?;
            block_on_all_cores(stations::idle(&hub, connections))
        }),
        Bench::Hostile {
            common,
            devices,
            per_visit,
            duration,
        } => in_scratch(&common, |dir| {
            let hub = serve_guarded(dir)?;
            block_on_all_cores(stations::hostile(&hub, devices, per_visit, duration))
        }),
        Bench::Pair {
            common,
            in_flight,
            size,
            duration,
        } => {
            let load = Load {
                in_flight,
                size,
                duration,
                lane: Lane::Normal,
            };
            let program = std::env::current_exe()?;
            in_scratch(&common, |dir| pair::run(dir, load, passive(&program)))
        }
        Bench::Live {
            common,
            mode,
            sessions,
            size,
            rates,
            duration,
        } => live(
            &common,
            mode,
            &live::Options {
                sessions,
                size,
                rates,
                step: duration,
            },
        ),
        Bench::Mqtt {
            common,
            targets,
            modes,
            size,
            duration,
            subscribers,
            connections,
            sessions,
            queued,
        } => {
            let options = mqtt::Options {
                targets,
                modes: modes.into_iter().map(mqtt_mode).collect(),
                size,
                duration,
                subscribers,
                connections,
                sessions,
                queued,
            };
            in_scratch(&common, |dir| mqtt::run(dir, &options))
        }
        Bench::CatchUp {
            common,
            behind,
            in_flight,
            size,
        } => {
            let load = Load {
                in_flight,
                size,
                duration: Duration::ZERO,
                lane: Lane::Normal,
            };
            let program = std::env::current_exe()?;
            in_scratch(&common, |dir| {
                catch_up::run(dir, load, behind, || passive(&program))
            })
        }
        Bench::PairPassive {
            dir,
            listen,
            partner,
        } => {
            pair::follow(&dir, listen, partner)?;
            Ok(Exit::Success)
        }
        Bench::Failover { common, rounds } => in_scratch(&common, |dir| {
            block_on_all_cores(failover::run(dir, rounds))
        }),
        Bench::Handlers {
            common,
            records,
            topics,
            rate,
            duration,
        } => {
            let load = handlers::Load {
                records,
                topics,
                rate,
                duration,
            };
            in_scratch(&common, |dir| handlers::run(dir, load))
        }
        Bench::CriticalUnderLoad {
            common,
            duration,
            alike,
        } => in_scratch(&common, |dir| {
            let priorities = if alike {
                Priorities::Alike
            } else {
                Priorities::Auto
            };
            critical::run(dir, duration, priorities)
        }),
    }
}

const fn mqtt_mode(mode: MqttMode) -> mqtt::Mode {
    match mode {
        MqttMode::Qos1 => mqtt::Mode::Qos1,
        MqttMode::Qos1Wide => mqtt::Mode::Qos1Wide,
        MqttMode::Cycles => mqtt::Mode::Cycles,
        MqttMode::FanOut => mqtt::Mode::FanOut,
        MqttMode::Idle => mqtt::Mode::Idle,
        MqttMode::Restart => mqtt::Mode::Restart,
    }
}

fn live(common: &BenchCommon, mode: LiveMode, options: &live::Options) -> Result<Exit> {
    match mode {
        LiveMode::Message => in_scratch(common, |dir| {
            block_on_all_cores(live::message(dir, options))
        }),
        LiveMode::Nats => in_scratch(common, |dir| {
            block_on_all_cores(live::beside_nats(dir, options))
        }),
        LiveMode::Conflated => in_scratch(common, |dir| {
            block_on_all_cores(live::conflated(dir, options))
        }),
        LiveMode::Ramp => in_scratch(common, |dir| block_on_all_cores(live::ramp(dir, options))),
        LiveMode::Idle => in_scratch(common, |dir| {
            block_on_all_cores(live::idle(dir, options.sessions))
        }),
        LiveMode::Resume => {
            in_scratch(common, |dir| block_on_all_cores(live::resume(dir, options)))
        }
        LiveMode::TakeOver => in_scratch(common, |dir| {
            block_on_all_cores(live::take_over(dir, options))
        }),
        LiveMode::PingPong => in_scratch(common, |dir| {
            block_on_all_cores(live::ping_pong(dir, options))
        }),
        LiveMode::Deltas => in_scratch(common, |dir| {
            block_on_all_cores(live::deltas(dir, options.size, DOCUMENTS))
        }),
    }
}

/// The passive of a benchmark in a process of its own.
fn passive(program: &Path) -> Command {
    let mut passive = Command::new(program);
    passive.args(["bench", "pair-passive"]);
    passive
}

/// Runs `measure` in a fresh directory on the disk in question and prints what it gives.
fn in_scratch<T: Serialize>(
    common: &BenchCommon,
    measure: impl FnOnce(&Path) -> Result<T>,
) -> Result<Exit> {
    let dir = scratch(&common.dir)?;
    let report = serde_json::to_value(measure(dir.path())?)?;
    if common.json {
        out::json(&report)?;
    } else {
        for (key, value) in report.as_object().into_iter().flatten() {
            out::line(format_args!("{key:<28} {value}"));
        }
    }
    Ok(Exit::Success)
}
