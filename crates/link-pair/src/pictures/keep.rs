//! Takes pictures of the partner's, one at a time.

use bytes::{Bytes, BytesMut};
use spica_objects::{Address, PictureStore};
use spica_pair_proto::Control;
use tokio::sync::{mpsc, oneshot};

use crate::metrics::Metrics;

/// What comes.
#[derive(Debug)]
pub(crate) enum Keep {
    /// The partner offers a picture.
    Offer { address: Address, bytes: u64 },
    /// The next part of the one that it has offered.
    Part(Bytes),
    /// It does not have what was asked for.
    Unknown(Address),
    /// This node lacks a picture: who waits hears whether it has come.
    Want(Address, oneshot::Sender<bool>),
}

/// A picture on its way.
struct Coming {
    address: Address,
    bytes: usize,
    content: BytesMut,
}

struct Keeper {
    store: PictureStore,
    metrics: Metrics,
    says: mpsc::WeakSender<Control>,
    coming: Option<Coming>,
    wanted: Option<(Address, oneshot::Sender<bool>)>,
}

/// Takes pictures as long as the link is up.
pub(crate) async fn keep(
    store: PictureStore,
    metrics: Metrics,
    mut pieces: mpsc::Receiver<Keep>,
    says: mpsc::WeakSender<Control>,
) {
    let mut keeper = Keeper {
        store,
        metrics,
        says,
        coming: None,
        wanted: None,
    };
    while let Some(piece) = pieces.recv().await {
        let answer = match piece {
            Keep::Offer { address, bytes } => Some(keeper.offered(address, bytes).await),
            Keep::Part(part) => keeper.part(&part).await,
            Keep::Unknown(address) => {
                keeper.settle(&address, false);
                None
            }
            Keep::Want(address, done) => {
                let control = Control::ObjectMissing {
                    address: address.to_string(),
                };
                keeper.wanted = Some((address, done));
                Some(control)
            }
        };
        let (Some(answer), Some(says)) = (answer, keeper.says.upgrade()) else {
            continue;
        };
        if says.send(answer).await.is_err() {
            return;
        }
    }
}

impl Keeper {
    async fn offered(&mut self, address: Address, bytes: u64) -> Control {
        self.coming = None;
        // Known already, or both nodes have one store.
        if self
            .store
            .size(&address)
            .await
            .is_ok_and(|size| size == bytes)
        {
            return self.has(&address);
        }
        if bytes == 0 {
            return self.refuse(&address, "no picture is empty".to_owned());
        }
        if let Err(error) = self.store.check_size(bytes) {
            return self.refuse(&address, error.to_string());
        }
        let control = Control::ObjectTaken {
            address: address.to_string(),
            bytes: 0,
        };
        self.coming = Some(Coming {
            address,
            // Below the limit of pictures, which is a u32.
            bytes: bytes as usize,
            content: BytesMut::new(),
        });
        control
    }

    /// A part of a picture that is no longer taken is passed over.
    async fn part(&mut self, part: &[u8]) -> Option<Control> {
        let coming = self.coming.as_mut()?;
        coming.content.extend_from_slice(part);
        let taken = coming.content.len();
        if taken < coming.bytes {
            return Some(Control::ObjectTaken {
                address: coming.address.to_string(),
                bytes: taken as u64,
            });
        }
        let Coming {
            address, content, ..
        } = self.coming.take()?;
        let bytes = content.len();
        Some(match self.store.keep(&address, content.freeze()).await {
            Ok(()) => {
                self.metrics.picture_came(bytes);
                self.has(&address)
            }
            Err(error) => self.refuse(&address, error.to_string()),
        })
    }

    fn has(&mut self, address: &Address) -> Control {
        self.settle(address, true);
        Control::ObjectKept {
            address: address.to_string(),
        }
    }

    fn refuse(&mut self, address: &Address, reason: String) -> Control {
        tracing::error!("pair: a picture of the partner's is not kept: {reason}");
        self.settle(address, false);
        Control::ObjectRefused {
            address: address.to_string(),
            reason,
        }
    }

    /// Tells who waits for a picture whether it has come.
    fn settle(&mut self, address: &Address, has: bool) {
        if let Some((_, done)) = self.wanted.take_if(|(wanted, _)| wanted == address) {
            // Who does not wait any more does not need it.
            let _ = done.send(has);
        }
    }
}
