//! Sends pictures to the partner, one at a time.

use bytes::{Bytes, BytesMut};
use spica_objects::{Address, PictureStore};
use spica_pair_proto::{Control, put_part};
use tokio::sync::mpsc;

use super::{Gift, PART_BYTES, WINDOW};

/// What giving works with.
pub(crate) struct GiverDesk {
    pub(crate) store: PictureStore,
    /// Pictures that the partner must have.
    pub(crate) gifts: mpsc::Receiver<Gift>,
    /// Pictures that it has asked for.
    pub(crate) asked: mpsc::Receiver<Address>,
    /// What it says to what is offered.
    pub(crate) answers: mpsc::Receiver<Control>,
    pub(crate) says: mpsc::WeakSender<Control>,
    pub(crate) frames: mpsc::Sender<Bytes>,
}

/// Why no more pictures are given on this link.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("the link is down")]
    Link,
    #[error("the partner answers to what was not asked")]
    Confused,
}

/// Gives pictures as long as the link is up.
pub(crate) async fn give(mut desk: GiverDesk) {
    loop {
        let given = tokio::select! {
            Some(gift) = desk.gifts.recv() => {
                let given = desk.offer(&gift.address).await;
                if given.is_ok() {
                    // Who does not wait any more does not need it.
                    let _ = gift.done.send(());
                }
                given
            }
            Some(address) = desk.asked.recv() => desk.offer(&address).await,
            else => return,
        };
        match given {
            Ok(()) => {}
            Err(End::Link) => return,
            Err(error) => {
                return tracing::error!("pair: no more pictures go to the partner: {error}");
            }
        }
    }
}

impl GiverDesk {
    /// Returns when the partner has the picture, or does not take it.
    async fn offer(&mut self, address: &Address) -> Result<(), End> {
        let content = match self.store.read(address).await {
            Ok(content) => content,
            Err(error) => {
                tracing::warn!("pair: a picture cannot be given to the partner: {error}");
                let address = address.to_string();
                return self.say(Control::ObjectUnknown { address }).await;
            }
        };
        let offer = Control::Object {
            address: address.to_string(),
            bytes: content.len() as u64,
        };
        self.say(offer).await?;
        let mut sent = 0;
        loop {
            let taken = match self.answer(address).await? {
                Some(taken) if taken <= sent => taken,
                Some(_) => return Err(End::Confused),
                None => return Ok(()),
            };
            while sent < content.len() && sent - taken < WINDOW * PART_BYTES {
                let end = content.len().min(sent + PART_BYTES);
                let mut frame = BytesMut::new();
                put_part(&mut frame, &content[sent..end]);
                let out = self.frames.send(frame.freeze()).await;
                out.map_err(|_| End::Link)?;
                sent = end;
            }
        }
    }

    /// How much the partner has taken; none at the end.
    async fn answer(&mut self, address: &Address) -> Result<Option<usize>, End> {
        let answer = self.answers.recv().await.ok_or(End::Link)?;
        let (of, answer) = match answer {
            Control::ObjectTaken { address, bytes } => {
                (address, Some(usize::try_from(bytes).unwrap_or(usize::MAX)))
            }
            Control::ObjectKept { address } => (address, None),
            Control::ObjectRefused { address, reason } => {
                tracing::error!(
                    "pair: the partner does not take the picture {address}, and cannot show it after \
                     a take-over: {reason}"
                );
                (address, None)
            }
            _ => return Err(End::Confused),
        };
        if of != address.as_str() {
            return Err(End::Confused);
        }
        Ok(answer)
    }

    async fn say(&self, control: Control) -> Result<(), End> {
        let says = self.says.upgrade().ok_or(End::Link)?;
        says.send(control).await.map_err(|_| End::Link)
    }
}
