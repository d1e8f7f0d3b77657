//! `bench failover`: how long clients of a pair wait when its active is killed.
//!
//! Two nodes of the real binary with default settings (100 ms heartbeats, gone after 300 ms), and
//! Lazy Pirate clients that write over HTTP with keys, 1,000 records a second together. Each round the
//! active is killed with `kill -9`, every fifth one it is told to hand over instead; the figure of a
//! round is its longest time between two acknowledgements, which counts the return of the dead one,
//! too. At the end both journals are compared with what was acknowledged.
//!
//! Both nodes flush to the same disk, and nothing can be acknowledged while that takes its time. A
//! bystander flushes to it as well, and the figures are also given without what it had to wait for.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use spica_fixture::{Ack, Pair, Plan, Side, Traffic, audit};

use crate::Latencies;
use crate::bystander::{Bystander, Stall, stalled};
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
    /// The 99th percentile of the gaps without the time in which the disk let a bystander wait, ms.
    pub own_ms_p99: f64,
    /// The longest of these, ms.
    pub own_ms_max: f64,
    /// The longest planned one without it, ms.
    pub own_planned_ms_max: f64,
    /// The longest that one append of 4 KiB and `fdatasync` of the bystander took, ms.
    pub disk_ms_max: f64,
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
    let bystander = Bystander::start(dir)?;
    let mut gaps = Vec::with_capacity(rounds);
    for number in 1..=rounds {
        let first = traffic.count();
        let is_planned = number.is_multiple_of(PLANNED);
        once(&mut pair, &mut traffic, is_planned)
            .await
            .with_context(|| format!("round {number}"))?;
        gaps.extend(longest_gap(traffic.since(first)).map(|gap| (is_planned, gap)));
    }
    let stalls = bystander.finish()?;
    let acked = traffic.finish().await?;
    pair.flush().await?;
    pair.kill(Side::Backup)?;
    pair.kill(Side::Primary)?;
    let audit = audit(&pair, &acked)?;
    let [kills, planned] = [false, true].map(|is_planned| {
        let gaps = gaps.iter().filter(|(planned, _)| *planned == is_planned);
        figures(gaps.map(|(_, gap)| *gap), &stalls)
    });
    let (kill_count, planned_count) = (kills.all.count(), planned.all.count());
    let [p50, p99, max] = kills.all.micros([0.5, 0.99, 1.0]).map(ms);
    let [own_ms_p99, own_ms_max] = kills.own.micros([0.99, 1.0]).map(ms);
    let [planned_ms_max] = planned.all.micros([1.0]).map(ms);
    let [own_planned_ms_max] = planned.own.micros([1.0]).map(ms);
    let longest = stalls.iter().map(|stall| stall.ended - stall.begun).max();
    Ok(Report {
        kills: kill_count,
        switch_overs: planned_count,
        gap_ms_p50: p50,
        gap_ms_p99: p99,
        gap_ms_max: max,
        planned_ms_max,
        own_ms_p99,
        own_ms_max,
        own_planned_ms_max,
        disk_ms_max: longest.map_or(0.0, |longest| ms(longest.as_secs_f64() * 1e6)),
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
    pair.complete().await?;
    traffic.goes_on(AROUND).await?;
    // A disk that stalls for long may have parted the two meanwhile: then nobody is there to take over.
    let active = pair.complete().await?;
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

/// Gaps as they were, and without the disk's part.
#[derive(Default)]
struct Figures {
    all: Latencies,
    own: Latencies,
}

fn figures(gaps: impl Iterator<Item = Gap>, stalls: &[Stall]) -> Figures {
    let mut figures = Figures::default();
    for Gap { from, to } in gaps {
        figures.all.add(to - from);
        let own = (to - from).saturating_sub(stalled(stalls, from, to));
        figures.own.add(own);
    }
    figures
}

/// A time without acknowledgements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    from: Instant,
    to: Instant,
}

fn longest_gap(mut acks: Vec<Ack>) -> Option<Gap> {
    acks.sort_by_key(|ack| ack.at);
    let gaps = acks.windows(2).map(|two| Gap {
        from: two[0].at,
        to: two[1].at,
    });
    gaps.max_by_key(|gap| gap.to - gap.from)
}

fn ms(micros: f64) -> f64 {
    round(micros / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_longest_gap_is_that_between_neighbours_in_time() {
        let origin = Instant::now();
        let ack = |ms| Ack {
            key: String::new(),
            at: origin + Duration::from_millis(ms),
        };
        let acks = vec![ack(5), ack(0), ack(105), ack(110)];
        let gap = longest_gap(acks).unwrap();
        assert_eq!((gap.from, gap.to), (ack(5).at, ack(105).at));
        assert_eq!(longest_gap(vec![ack(1)]), None);
    }

    #[test]
    fn what_the_disk_let_others_wait_is_not_the_pairs() {
        let origin = Instant::now();
        let at = |ms| origin + Duration::from_millis(ms);
        let (from, to) = (at(0), at(500));
        let stall = Stall {
            begun: at(200),
            ended: at(450),
        };
        let figures = figures([Gap { from, to }].into_iter(), &[stall]);
        assert_eq!(figures.all.micros([1.0]).map(ms), [500.0]);
        assert_eq!(figures.own.micros([1.0]).map(ms), [250.0]);
    }
}
