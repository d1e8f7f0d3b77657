//! `bench failover`: how long clients of a pair wait when its active is killed.
//!
//! Two nodes of the real binary with default settings (100 ms heartbeats, gone after 300 ms), and
//! Lazy Pirate clients that write over HTTP with keys, 1,000 records a second together. Each round the
//! active is killed with `kill -9`, every fifth one it is told to hand over instead; the figure of a
//! round is its longest time between two acknowledgements, which counts the return of the dead one,
//! too. At the end both journals are compared with what was acknowledged.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use spica_fixture::{Ack, Pair, Plan, Side, Traffic, audit};

use crate::Latencies;
use crate::figures::round;

/// Records per second of all clients together.
const RATE: u32 = 1_000;
/// As many that one alone never has to wait for another.
const CLIENTS: u32 = 16;
/// Acknowledgements before, and after, what happens in a round.
const AROUND: usize = 500;
/// In every so manieth round the active hands over.
const PLANNED: usize = 5;

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// Rounds in which the active was killed.
    pub kills: usize,
    /// Rounds in which it was told to hand over.
    pub switch_overs: usize,
    /// Longest gap between two acknowledgements of a round with a kill: the median of these, ms.
    pub gap_ms_p50: f64,
    /// Their 99th percentile, ms.
    pub gap_ms_p99: f64,
    /// The longest of all, ms.
    pub gap_ms_max: f64,
    /// Longest gap in a round with a planned switch-over, ms; 0 if there was none.
    pub planned_ms_max: f64,
    /// Acknowledged records.
    pub acked: usize,
    /// Those that a journal lacks at the end.
    pub acked_lost: usize,
    /// Keys of which a journal has more than one record.
    pub duplicated: usize,
    /// Whether both journals hold the same, record by record.
    pub journals_agree: bool,
}

/// Runs the rounds on a fresh pair in `dir`.
///
/// # Errors
/// If the pair does not heal in a round.
pub async fn run(dir: &Path, rounds: usize) -> Result<Report> {
    ensure!(rounds > 0, "there must be a round");
    let binary = std::env::current_exe().context("cannot find this program")?;
    let plan = Plan::new(binary, dir).config("log.level = \"warn\"");
    let mut pair = plan.start().await?;
    let mut traffic = Traffic::start(&pair.pirate()?, "failover", CLIENTS, Some(RATE));
    let (mut kills, mut planned) = (Latencies::default(), Latencies::default());
    for number in 1..=rounds {
        let first = traffic.count();
        let is_planned = number.is_multiple_of(PLANNED);
        once(&mut pair, &mut traffic, is_planned)
            .await
            .with_context(|| format!("round {number}"))?;
        let gap = longest_gap(traffic.since(first));
        if is_planned {
            planned.add(gap);
        } else {
            kills.add(gap);
        }
    }
    let acked = traffic.finish().await?;
    pair.flush().await?;
    pair.kill(Side::Backup)?;
    pair.kill(Side::Primary)?;
    let audit = audit(&pair, &acked)?;
    let (kill_count, planned_count) = (kills.count(), planned.count());
    let [p50, p99, max] = kills.micros([0.5, 0.99, 1.0]).map(ms);
    let [planned_ms_max] = planned.micros([1.0]).map(ms);
    Ok(Report {
        kills: kill_count,
        switch_overs: planned_count,
        gap_ms_p50: p50,
        gap_ms_p99: p99,
        gap_ms_max: max,
        planned_ms_max,
        acked: acked.len(),
        acked_lost: audit.lost.len(),
        duplicated: audit.duplicated.len(),
        journals_agree: audit.differ.is_empty(),
    })
}

/// How often a switch-over is ordered again that the pair could not carry out at that moment.
const ORDERS: usize = 5;

/// One round: what happens, with traffic before and after, until the pair is complete again.
async fn once(pair: &mut Pair, traffic: &mut Traffic, planned: bool) -> Result<()> {
    let active = pair.complete().await?;
    traffic.goes_on(AROUND).await?;
    if planned {
        // The disk may stall between the look and the order, and the pair part for a moment.
        let mut ordered = pair.switch_over().await;
        for _ in 0..ORDERS {
            if ordered.is_ok() {
                break;
            }
            pair.complete().await?;
            ordered = pair.switch_over().await;
        }
        ordered?;
    } else {
        pair.kill(active)?;
    }
    traffic.goes_on(AROUND).await?;
    if !planned {
        pair.start(active)?;
    }
    pair.complete().await?;
    traffic.goes_on(AROUND).await
}

fn longest_gap(mut acks: Vec<Ack>) -> Duration {
    acks.sort_by_key(|ack| ack.at);
    let gaps = acks.windows(2).map(|two| two[1].at - two[0].at);
    gaps.max().unwrap_or_default()
}

fn ms(micros: f64) -> f64 {
    round(micros / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_longest_gap_is_that_between_neighbours_in_time() {
        let origin = Instant::now();
        let ack = |ms| Ack {
            key: String::new(),
            at: origin + Duration::from_millis(ms),
        };
        let acks = vec![ack(5), ack(0), ack(105), ack(110)];
        assert_eq!(longest_gap(acks), Duration::from_millis(100));
        assert_eq!(longest_gap(vec![ack(1)]), Duration::ZERO);
    }
}
