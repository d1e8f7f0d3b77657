//! A proxy that cuts connections.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy before one server.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// How many bytes more the server may send on a connection, and how often that was said.
    limit: Arc<watch::Sender<(usize, u64)>>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Cuts nothing at first.
    pub(crate) async fn start(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind((server.ip(), 0)).await?;
        let address = listener.local_addr()?;
        let limit = Arc::new(watch::Sender::new((usize::MAX, 0)));
        let limits = Arc::clone(&limit);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Both ends are dropped with it.
                tokio::spawn(carry(client, server, limits.subscribe()));
            }
        });
        Ok(Self {
            address,
            limit,
            task,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that are open now are cut when the server has sent so many bytes more.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.limit.send_modify(|(limit, said)| {
            *limit = bytes;
            *said += 1;
        });
    }
}

async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    limits: watch::Receiver<(usize, u64)>,
) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    let (mut from_client, to_client) = client.split();
    let (from_server, mut to_server) = server.split();
    tokio::select! {
        end = pour(from_server, to_client, limits) => end,
        _ = copy(&mut from_client, &mut to_server) => None,
    }
}

/// What the server sends, to the end or the cut.
async fn pour(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut limits: watch::Receiver<(usize, u64)>,
) -> Option<()> {
    // What was said before this connection is for those before it.
    limits.mark_unchanged();
    let mut left = usize::MAX;
    let mut bytes = [0; 1024];
    loop {
        let read = from.read(&mut bytes).await.ok().filter(|n| *n > 0)?;
        if limits.has_changed().ok()? {
            left = limits.borrow_and_update().0;
        }
        // In the middle of a frame, most often.
        to.write_all(&bytes[..read.min(left)]).await.ok()?;
        left = left.checked_sub(read)?;
    }
}
