//! The other side of a channel: a server that does with each message what it is told.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use spica_notify::SharedChannel;
use spica_notify::contract::{Does, Harness};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What all connections share.
pub(crate) struct Script {
    next: Mutex<VecDeque<Does>>,
    identities: watch::Sender<Vec<String>>,
}

impl Script {
    /// A message has come: what is to be done with it.
    pub(crate) fn came(&self, identity: String) -> Does {
        let does = self.next.lock().pop_front().unwrap_or(Does::Take);
        self.identities
            .send_modify(|identities| identities.push(identity));
        does
    }
}

/// How a protocol serves one connection, to its end.
pub(crate) type Serve = fn(TcpStream, Arc<Script>) -> BoxFuture<'static, ()>;

/// A server and two channels to it.
pub(crate) struct OtherSide {
    script: Arc<Script>,
    channels: [SharedChannel; 2],
    address: &'static str,
}

impl OtherSide {
    /// Listens, and opens the channels to the port.
    pub(crate) async fn new(
        serve: Serve,
        address: &'static str,
        open: impl FnOnce(u16) -> [SharedChannel; 2],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Script {
            next: Mutex::default(),
            identities: watch::Sender::default(),
        });
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            script,
            channels: open(port),
            address,
        }
    }
}

impl Harness for OtherSide {
    fn patient(&self) -> SharedChannel {
        Arc::clone(&self.channels[0])
    }

    fn hasty(&self) -> SharedChannel {
        Arc::clone(&self.channels[1])
    }

    fn next(&self, does: &[Does]) {
        self.script.next.lock().extend(does);
    }

    fn received(&self, count: usize) -> BoxFuture<'_, ()> {
        let mut identities = self.script.identities.subscribe();
        let received = async move {
            identities.wait_for(|all| all.len() >= count).await.unwrap();
        };
        received.boxed()
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        let is_up = |channel: &SharedChannel| {
            let health = channel.health();
            health.paths.iter().all(|path| path.up == Some(true))
        };
        let ready = async move {
            while !self.channels.iter().all(is_up) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        ready.boxed()
    }

    fn identities(&self) -> Vec<String> {
        self.script.identities.borrow().clone()
    }

    fn address(&self) -> &str {
        self.address
    }
}
