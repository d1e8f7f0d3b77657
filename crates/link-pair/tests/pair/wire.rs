//! A wire to one half's link that can be cut: a proxy on loopback.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) struct Wire {
    /// Where it is dialled.
    pub(crate) address: SocketAddr,
    whole: watch::Sender<bool>,
    /// Where it leads.
    to: watch::Sender<Option<SocketAddr>>,
}

impl Wire {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (whole, is_whole) = watch::channel(true);
        let (to, target) = watch::channel(None);
        tokio::spawn(run(listener, is_whole, target));
        Self { address, whole, to }
    }

    pub(crate) fn lead_to(&self, address: SocketAddr) {
        self.to.send_replace(Some(address));
    }

    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn run(
    listener: TcpListener,
    mut whole: watch::Receiver<bool>,
    to: watch::Receiver<Option<SocketAddr>>,
) {
    loop {
        let (mut from, _) = listener.accept().await.unwrap();
        let to = *to.borrow();
        let (true, Some(to)) = (*whole.borrow_and_update(), to) else {
            continue;
        };
        let mut whole = whole.clone();
        tokio::spawn(async move {
            let Ok(mut stream) = TcpStream::connect(to).await else {
                return;
            };
            tokio::select! {
                _ = copy_bidirectional(&mut from, &mut stream) => {}
                _ = whole.wait_for(|whole| !whole) => {}
            }
        });
    }
}
