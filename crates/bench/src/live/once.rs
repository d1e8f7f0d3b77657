//! What is measured once: memory, coming back, a round trip, deltas.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::crowd::{Sessions, settle};
use super::publisher::{Publisher, Stream};
use super::target::{crowd_of, serve};
use super::{DRAIN, Deltas, Idle, Options, PingPong, Resume};
use crate::figures::{Latencies, Usage, round};

/// Memory of sessions that have subscribed and get nothing.
///
/// # Errors
/// As [`message`].
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
/// As [`message`].
pub async fn resume(dir: &Path, options: &Options) -> Result<Resume> {
    let hub = serve(dir)?;
    let before = crowd_of(&hub, true)?;
    let sessions = Sessions::open(&before, options.sessions).await?;
    let stream = Stream {
        rate: 100.0,
        size: options.size,
        topics: 0,
    };
    let mut publisher = Publisher::connect(&before, before.address).await?;
    let published = publisher.run(stream, Duration::from_secs(1)).await?;
    let wanted = published * options.sessions as u64;
    settle(
        || before.meter.rows.load(Ordering::Relaxed) >= wanted,
        DRAIN,
    )
    .await;
    let places = sessions.places().await;
    let published_meanwhile = publisher.run(stream, Duration::from_secs(1)).await?;
    let (launch, begun) = (hub.kill()?, Instant::now());
    let hub = launch.start()?;
    let serving = Instant::now();
    let after = crowd_of(&hub, true)?;
    let sessions = Sessions::come_back(&after, places).await?;
    let (done, meter) = (Instant::now(), &after.meter);
    let wanted = published_meanwhile * options.sessions as u64;
    settle(|| meter.rows.load(Ordering::Relaxed) >= wanted, DRAIN).await;
    drop(sessions);
    Ok(Resume {
        sessions: options.sessions,
        precise: meter.resumed.load(Ordering::Relaxed),
        resumed_s: done.duration_since(begun).as_secs_f64(),
        serving_to_resumed_s: done.duration_since(serving).as_secs_f64(),
        published_meanwhile,
        missing: wanted as i64 - meter.rows.load(Ordering::Relaxed) as i64,
    })
}

/// One client that publishes and waits for what it has published, again and again.
///
/// # Errors
/// As [`message`].
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
/// As [`message`].
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
