//! `bench pair`: records through the journal port of the active, each acknowledged when it is durable
//! on both nodes of a pair.
//!
//! Each node is a journal and its half of the link, in a process of its own, over mutual TLS on
//! loopback; the generator drives the active's journal through the port, in its process. As in
//! `bench ingest`, there are no stations, no views and no HTTP: what is measured is the pair.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;
use spica_clock::{SharedClock, SystemClock};
use spica_fixture::{Side, address, certify, free_ports, identity};
use spica_journal_file::FileJournal;
use spica_link_pair::{Deps, PairHandle, Settings, Shows};
use spica_model::{Lane, Seq, Timestamp, Topic};
use spica_objects::PictureStore;
use spica_role::Standing;

use crate::figures::{Usage, round};
use crate::ingest::{Load, drive};
use crate::{disk, hub};

/// How long the two may take to become a pair.
const DEADLINE: Duration = Duration::from_secs(120);
/// Pause between two looks at that.
const LOOK: Duration = Duration::from_millis(5);
/// Appends that measure the disk.
const DISK_ROUNDS: usize = 1_000;

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// Records in flight.
    pub in_flight: usize,
    /// Payload bytes of a record.
    pub size: usize,
    /// Acknowledged records.
    pub messages: usize,
    /// Acknowledged records per second.
    pub msgs_per_s: f64,
    /// Submission to acknowledgement, median, µs.
    pub ack_us_p50: f64,
    /// 99th percentile, µs.
    pub ack_us_p99: f64,
    /// Processor time of both processes, generator included, per million records.
    pub cpu_s_per_million: f64,
    /// What one append of 4 KiB and `fdatasync` took on the same disk just before, median, µs.
    pub disk_append_fdatasync_us_p50: f64,
}

/// One node, as far as this benchmark needs one.
pub(crate) struct Half {
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) pair: PairHandle,
}

/// The passive's process, which is killed when this is dropped.
pub(crate) struct Passive(Child);

/// Where the links of a pair in `dir` listen; both have their certificates.
pub(crate) struct Laid {
    pub(crate) own: SocketAddr,
    pub(crate) partner: SocketAddr,
}

/// Nothing is shown: the journals begin empty and never part, so nobody asks.
struct NoViews;

/// Measures in `dir`. `passive` is how this program is started as [`follow`], without its arguments.
///
/// # Errors
/// If the two do not become a pair, or do not stay one while they are measured.
pub fn run(dir: &Path, load: Load, passive: Command) -> Result<Report> {
    let disk = disk::run(dir, DISK_ROUNDS)?;
    let Laid { own, partner } = lay(dir)?;
    let passive = Passive::start(passive, &dir.join("backup"), partner, own)?;
    let half = Half::start(&dir.join("primary"), Side::Primary, own, partner)?;
    let epoch = half.complete()?.epoch;
    drive(&*half.journal, load, load.duration / 10)?;
    let before = (Usage::own(), Usage::of(passive.0.id())?);
    let begun = Instant::now();
    let latencies = drive(&*half.journal, load, load.duration)?;
    let elapsed = begun.elapsed();
    let after = (Usage::own(), Usage::of(passive.0.id())?);
    let standing = half.standing()?;
    ensure!(
        standing.epoch == epoch && is_complete(&standing),
        "the two were no pair all the while: {standing:?}"
    );
    let messages = latencies.count();
    let [ack_us_p50, ack_us_p99] = latencies.micros([0.5, 0.99]);
    let cpu_s = after.0.cpu_s - before.0.cpu_s + after.1.cpu_s - before.1.cpu_s;
    Ok(Report {
        in_flight: load.in_flight,
        size: load.size,
        messages,
        msgs_per_s: round(messages as f64 / elapsed.as_secs_f64()),
        ack_us_p50,
        ack_us_p99,
        cpu_s_per_million: round(cpu_s * 1e7 / messages.max(1) as f64) / 10.0,
        disk_append_fdatasync_us_p50: disk.append_fdatasync_us_p50,
    })
}

/// Prepares both nodes in `dir`.
pub(crate) fn lay(dir: &Path) -> Result<Laid> {
    for side in [Side::Primary, Side::Backup] {
        let tls = dir.join(side.as_str()).join("tls");
        certify(&dir.join("ca"), &tls, &identity(side))?;
    }
    let [own, partner] = free_ports(address())?;
    Ok(Laid { own, partner })
}

/// Is the passive of [`run`], with what that has laid in `dir`, until the standard input ends.
///
/// # Errors
/// If its half cannot begin.
pub fn follow(dir: &Path, listen: SocketAddr, partner: SocketAddr) -> Result<()> {
    let half = Half::start(dir, Side::Backup, listen, partner)?;
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    drop(half);
    Ok(())
}

impl Half {
    pub(crate) fn start(
        dir: &Path,
        side: Side,
        listen: SocketAddr,
        partner: SocketAddr,
    ) -> Result<Self> {
        let settings: Settings = serde_json::from_value(json!({
            "side": side.as_str(),
            "listen": listen,
            "partner": partner.to_string(),
            "tls": { "directory": dir.join("tls") },
        }))?;
        let journal_dir = dir.join("journal");
        let journal = hub::open_journal(&journal_dir)?;
        let pictures = dir.join("pictures");
        let pictures = PictureStore::open(
            &pictures.to_string_lossy(),
            &dir.join("incoming"),
            spica_objects::Limits::default(),
        )?;
        let deps = Deps {
            journal: Arc::clone(&journal),
            clock: Arc::new(SystemClock) as SharedClock,
            node: identity(side).node,
            data_dir: dir.to_owned(),
            journal_dir,
            pictures,
            shows: Arc::new(NoViews),
            base: dir.to_owned(),
            damaged: [None; 2],
        };
        let pair = PairHandle::start(&settings, deps)?;
        Ok(Self { journal, pair })
    }

    pub(crate) fn standing(&self) -> Result<Standing> {
        self.pair.role().standing().context("it is one of a pair")
    }

    /// Waits until the partner holds everything.
    pub(crate) fn complete(&self) -> Result<Standing> {
        self.stands(is_complete)
    }

    /// Waits until it stands so.
    pub(crate) fn stands(&self, is: impl Fn(&Standing) -> bool) -> Result<Standing> {
        let begun = Instant::now();
        loop {
            let standing = self.standing()?;
            if is(&standing) {
                return Ok(standing);
            }
            ensure!(
                begun.elapsed() < DEADLINE,
                "the pair does not come to stand as it should: {standing:?}"
            );
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.pair.stop();
        self.journal.close();
    }
}

pub(crate) fn is_complete(standing: &Standing) -> bool {
    standing.state == "active" && standing.gate == "pair" && standing.sync == "complete"
}

impl Passive {
    pub(crate) fn start(
        mut command: Command,
        dir: &Path,
        listen: SocketAddr,
        partner: SocketAddr,
    ) -> Result<Self> {
        let child = command
            .arg("--dir")
            .arg(dir)
            .args(["--listen", &listen.to_string()])
            .args(["--partner", &partner.to_string()])
            .stdin(Stdio::piped())
            .spawn();
        Ok(Self(child.context("cannot start the passive")?))
    }
}

impl Drop for Passive {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Shows for NoViews {
    fn applied(&self, _: Lane) -> Seq {
        Seq::ZERO
    }

    fn received(&self, _: &Topic) -> Option<Timestamp> {
        None
    }
}
