//! What is measured once: memory, coming back, a round trip, deltas.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use spica_fixture::Plan;
use spica_model::Place;

use super::crowd::{Sessions, settle};
use super::publisher::{Publisher, Stream};
use super::socket::{Crowd, Socket};
use super::target::{GENEROUS, crowd_at, crowd_of, serve};
use super::{DRAIN, Deltas, Idle, Options, PingPong, Resume};
use crate::figures::{Latencies, Usage, round};

/// Memory of sessions that have subscribed and get nothing.
///
/// # Errors
/// As [`message`](super::message).
pub async fn idle(dir: &Path, sessions: usize) -> Result<Idle> {
    let hub = serve(dir)?;
    let crowd = crowd_of(&hub, true)?;
    let before = Usage::of(hub.pid())?.rss_bytes;
    let begun = Instant::now();
    let open = Sessions::open(&crowd, sessions).await?;
    let opened_s = begun.elapsed().as_secs_f64();
    let grown = Usage::of(hub.pid())?.rss_bytes.saturating_sub(before);
    let cut = crowd.meter.cut.load(Ordering::Relaxed);
    ensure!(cut == 0, "{cut} sessions were cut");
    drop(open);
    Ok(Idle {
        sessions,
        rss_bytes_per_session: round(grown as f64 / sessions as f64),
        opened_s: round(opened_s * 10.0) / 10.0,
    })
}

/// All sessions come back after the node was killed and started again.
///
/// # Errors
/// As [`message`](super::message).
pub async fn resume(dir: &Path, options: &Options) -> Result<Resume> {
    let hub = serve(dir)?;
    let left = Left::of(crowd_of(&hub, true)?, options).await?;
    let (launch, begun) = (hub.kill()?, Instant::now());
    let hub = launch.start()?;
    left.come_back(&crowd_of(&hub, true)?, begun).await
}

/// All sessions of the active of a pair come back to its partner after it was killed.
///
/// # Errors
/// As [`message`](super::message), or if the two do not become a pair.
pub async fn take_over(dir: &Path, options: &Options) -> Result<Resume> {
    let binary = std::env::current_exe()?;
    let plan = Plan::new(binary, dir);
    let mut pair = GENEROUS
        .iter()
        .fold(plan, |plan, line| plan.config(line))
        .start()
        .await?;
    let active = pair.complete().await?;
    let token = pair.token()?;
    let crowd = |side| crowd_at(pair.http(side), token.clone(), true);
    let (before, after) = (crowd(active)?, crowd(active.other())?);
    let left = Left::of(before, options).await?;
    pair.kill(active)?;
    left.come_back(&after, Instant::now()).await
}

/// Sessions that have gone, and what they are to get when they come back.
struct Left {
    places: Vec<Option<Place>>,
    published_meanwhile: u64,
}

impl Left {
    /// Opens sessions, lets them get something, and go before more is published.
    async fn of(crowd: Arc<Crowd>, options: &Options) -> Result<Self> {
        let sessions = Sessions::open(&crowd, options.sessions).await?;
        let stream = Stream {
            rate: 100.0,
            size: options.size,
            topics: 0,
        };
        let mut publisher = Publisher::connect(&crowd, crowd.address).await?;
        let published = publisher.run(stream, Duration::from_secs(1)).await?;
        let wanted = published * options.sessions as u64;
        settle(|| crowd.meter.rows.load(Ordering::Relaxed) >= wanted, DRAIN).await;
        let places = sessions.places().await;
        let published_meanwhile = publisher.run(stream, Duration::from_secs(1)).await?;
        Ok(Self {
            places,
            published_meanwhile,
        })
    }

    /// They come to `crowd`'s node, which may not serve yet: then the first one tries again, which is
    /// a vote.
    async fn come_back(self, crowd: &Arc<Crowd>, begun: Instant) -> Result<Resume> {
        while Socket::open(Arc::clone(crowd), None).await.is_err() {
            ensure!(begun.elapsed() < DRAIN, "nobody serves");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (serving, count) = (Instant::now(), self.places.len());
        let sessions = Sessions::come_back(crowd, self.places).await?;
        let (done, meter) = (Instant::now(), &crowd.meter);
        let wanted = self.published_meanwhile * count as u64;
        settle(|| meter.rows.load(Ordering::Relaxed) >= wanted, DRAIN).await;
        drop(sessions);
        Ok(Resume {
            sessions: count,
            precise: meter.resumed.load(Ordering::Relaxed),
            resumed_s: round(done.duration_since(begun).as_secs_f64() * 100.0) / 100.0,
            serving_to_resumed_s: round(done.duration_since(serving).as_secs_f64() * 100.0) / 100.0,
            published_meanwhile: self.published_meanwhile,
            missing: wanted as i64 - meter.rows.load(Ordering::Relaxed) as i64,
        })
    }
}

/// One client that publishes and waits for what it has published, again and again.
///
/// # Errors
/// As [`message`](super::message).
pub async fn ping_pong(dir: &Path, options: &Options) -> Result<PingPong> {
    let hub = serve(dir)?;
    let crowd = crowd_of(&hub, true)?;
    let sessions = Sessions::open(&crowd, 1).await?;
    let mut publisher = Publisher::connect(&crowd, crowd.address).await?;
    let stream = Stream {
        rate: 1.0,
        size: options.size,
        topics: 0,
    };
    let (mut latencies, mut rows) = (Latencies::default(), 0);
    let end = Instant::now() + options.step;
    while Instant::now() < end {
        let begun = Instant::now();
        publisher.one(stream).await?;
        rows += 1;
        while crowd.meter.rows.load(Ordering::Relaxed) < rows {
            ensure!(begun.elapsed() < DRAIN, "what was published did not come");
            tokio::task::yield_now().await;
        }
        latencies.add(begun.elapsed());
    }
    drop(sessions);
    let [p50, p99] = latencies.micros([0.5, 0.99]);
    Ok(PingPong {
        size: options.size,
        round_trip_us_p50: p50,
        round_trip_us_p99: p99,
    })
}

/// A document of which one field changes, to one session with deltas and to one without.
///
/// # Errors
/// As [`message`](super::message).
pub async fn deltas(dir: &Path, bytes: usize, updates: u64) -> Result<Deltas> {
    let hub = serve(dir)?;
    let client = hub.client()?;
    let mut sent = [0; 2];
    let crowds = [crowd_of(&hub, true)?, crowd_of(&hub, false)?];
    let mut open = Vec::new();
    for crowd in &crowds {
        open.push(Sessions::open(crowd, 1).await?);
    }
    let mut document = serde_json::Map::new();
    for field in 0..bytes.div_ceil(32) {
        document.insert(
            format!("measurement_{field:04}"),
            format!("{field:012}").into(),
        );
    }
    let mut size = 0;
    for update in 0..updates {
        document.insert("measurement_0007".into(), format!("{update:012}").into());
        let value = serde_json::Value::Object(document.clone());
        size = serde_json::to_vec(&value)?.len();
        let body = serde_json::json!([{ "topic": "root/bench/document", "value": value }]);
        client
            .write(reqwest::Method::POST, "/v1/records", &body)
            .await?;
        let come = || {
            crowds
                .iter()
                .all(|crowd| crowd.meter.rows.load(Ordering::Relaxed) > update)
        };
        settle(come, DRAIN).await;
        ensure!(come(), "update {update} did not come");
        if update == 0 {
            sent = crowds
                .each_ref()
                .map(|crowd| crowd.meter.bytes.load(Ordering::Relaxed));
        }
    }
    let bytes = |at: usize| crowds[at].meter.bytes.load(Ordering::Relaxed) - sent[at];
    let (bytes_sent, bytes_full) = (bytes(0), bytes(1));
    Ok(Deltas {
        document_bytes: size,
        updates: updates - 1,
        bytes_sent,
        bytes_full,
        bytes_saved_ratio: round(bytes_full as f64 / bytes_sent as f64),
    })
}
