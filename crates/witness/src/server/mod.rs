//! A witness of our own, for a third machine: `spica witness serve`.
//!
//! A register with conditional writes over HTTP, and nothing else:
//!
//! ```text
//!  GET /v1/witness/<key>   200 with ETag | 404
//!  PUT /v1/witness/<key>   If-Match: <ETag> | If-None-Match: *
//!                          204 with ETag once it is on disk | 412 | 428 without a condition
//! ```
//!
//! Every request needs the bearer token. What it holds is in one file, which is replaced as a whole.
//!
//! What is not here: the rule of witnesses (those who ask apply it), TLS (put a proxy in front).

mod connections;
mod routes;
mod store;

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;

use spica_settings::Secret;
use tokio::net::TcpListener;

pub use connections::CONNECTIONS;
pub use store::{FILE, KEYS, OpenStoreError};

/// A witness that is ready to serve.
#[derive(Debug)]
pub struct Server {
    state: Arc<routes::State>,
}

impl Server {
    /// Takes up what was recorded in `directory` (made if it is missing), for whoever has `token`.
    ///
    /// # Errors
    /// If another process serves it, or what is there is damaged: it does not begin anew then, since
    /// it would permit what it has refused.
    pub fn open(directory: &Path, token: &Secret) -> Result<Self, OpenStoreError> {
        let store = store::Store::open(directory)?;
        let state = Arc::new(routes::State::new(store, token));
        Ok(Self { state })
    }

    /// How many keys it holds, the one that clients try it on among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.store.len()
    }

    /// Whether it holds nothing yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Serves until `stop` resolves, then lets requests in hand end.
    ///
    /// # Errors
    /// If the listener fails for good.
    pub async fn run(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        connections::serve(listener, routes::router(self.state), stop).await
    }
}
