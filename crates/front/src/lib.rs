//! What stands before any station: who may connect, how the bytes come, and how it all ends.
//!
//! ```text
//!  listener ─▶ admission ─▶ (PROXY header) ─▶ vote ─▶ (TLS) ─▶ (WebSocket) ─▶ Arrival ─▶ station
//! ```
//!
//! A station gives a [`Front`] its listeners and a function that makes an [`Arrival`] a future; the
//! front runs it as a task. In that task the station owns the connection: [`Io`] for its bytes,
//! [`Connection`] for its place among all, [`Stopping`] for the moment when it is to end.
//!
//! Invariants: an idle connection owns no buffer (bytes are read into a buffer of the worker thread,
//! [`with_buffers`]); whoever is silent, slow or hostile before the station sees it costs one small
//! task until the front's patience ends; a connection gives its slot back however it ends; nothing
//! that begins in one reign of the node goes on in another.
//!
//! What is not here: any protocol's own bytes, and how long a connection may be idle. Those are the
//! station's. Certificates are read once: new ones are taken up by a restart.

mod admission_metrics;
mod buffers;
mod certificate;
mod connection;
mod deframe;
mod entrance;
mod front;
mod io;
mod listener;
mod metrics;
mod pipe;
mod prelude;
mod stop;
mod tls;
mod upgrade;

pub use admission_metrics::AdmissionCollector;
pub use buffers::{Buffers, with_buffers};
pub use certificate::ClientCertificate;
pub use connection::Connection;
pub use front::{Arrival, Front, FrontDeps, Listen, ListenError, Rules, Stopped};
pub use io::Io;
pub use metrics::Metrics;
pub use pipe::{Pipe, pipe};
pub use stop::{Phase, Stopping};
pub use tls::{ClientRoots, TlsError, TlsFiles};
pub use upgrade::WebSocket;
