//! Many sessions at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use spica_model::Place;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::meter::Meter;
use super::socket::{Crowd, Socket, Speaks};

/// Sessions that are opened at the same time.
const AT_ONCE: usize = 200;
/// How long all of them may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(2);

impl Crowd {
    pub(super) fn new(address: SocketAddr, speaks: Speaks) -> Arc<Self> {
        Arc::new(Self {
            address,
            speaks,
            meter: Meter::new(),
            began: Instant::now(),
        })
    }
}

/// Sessions that read until this is dropped.
pub(super) struct Sessions {
    readers: Vec<JoinHandle<Option<Place>>>,
    stop: CancellationToken,
}

impl Sessions {
    /// Opens so many, and waits until all are complete.
    pub(super) async fn open(crowd: &Arc<Crowd>, count: usize) -> Result<Self> {
        Self::all(crowd, vec![None; count]).await
    }

    /// Opens one for each place, from which it goes on, and waits until all are complete.
    pub(super) async fn come_back(crowd: &Arc<Crowd>, places: Vec<Option<Place>>) -> Result<Self> {
        Self::all(crowd, places).await
    }

    async fn all(crowd: &Arc<Crowd>, places: Vec<Option<Place>>) -> Result<Self> {
        let ready = crowd.meter.ready.load(Ordering::Relaxed) + places.len() as u64;
        let stop = CancellationToken::new();
        let readers = stream::iter(places)
            .map(|after| {
                let (crowd, stop) = (Arc::clone(crowd), stop.clone());
                async move {
                    let mut socket = Socket::open(crowd, after).await?;
                    anyhow::Ok(tokio::spawn(async move {
                        tokio::select! {
                            () = socket.run() => {}
                            () = stop.cancelled() => {}
                        }
                        socket.place
                    }))
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
            .context("a session cannot be opened")?;
        settle(
            || crowd.meter.ready.load(Ordering::Relaxed) >= ready,
            DEADLINE,
        )
        .await;
        let come = crowd.meter.ready.load(Ordering::Relaxed);
        ensure!(
            come >= ready,
            "only {come} of {ready} sessions are complete"
        );
        Ok(Self { readers, stop })
    }

    /// Ends them; says up to where each has everything.
    pub(super) async fn places(mut self) -> Vec<Option<Place>> {
        self.stop.cancel();
        let mut places = Vec::with_capacity(self.readers.len());
        for reader in std::mem::take(&mut self.readers) {
            places.push(reader.await.ok().flatten());
        }
        places
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Waits until something is so, at most so long.
pub(super) async fn settle(is: impl Fn() -> bool, most: Duration) {
    let end = Instant::now() + most;
    while !is() && Instant::now() < end {
        tokio::time::sleep(LOOK).await;
    }
}
