//! From the files to the journal that counts.

use bytes::{Bytes, BytesMut};
use spica_journal_file::Aside;
use spica_journal_format::{Batch, BatchBuilder, BatchHeader, BatchKind};
use spica_model::{Lane, Record};
use spica_pair_proto::{AsideEnds, Control, Reentered, put_aside};
use tokio::sync::mpsc;

use super::counter::EnterError;
use super::shelf::{Shelf, ShelfError};
use super::{Counter, Entered, account};

/// Where records are entered.
pub(crate) enum Desk {
    /// Here: this node is active itself.
    Own(Counter),
    /// At the partner, who is.
    Partner(PartnerDesk),
}

/// The partner's desk, at the other end of a link.
pub(crate) struct PartnerDesk {
    pub(crate) frames: mpsc::Sender<Bytes>,
    pub(crate) says: mpsc::WeakSender<Control>,
    pub(crate) answers: mpsc::Receiver<Control>,
    pub(crate) lane_keys: [u64; 2],
}

/// Why nothing more is entered for now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error(transparent)]
    Enter(#[from] EnterError),
    #[error("the link is down")]
    Link,
    #[error("the partner answers something else")]
    Confused,
}

impl Desk {
    /// Enters all that was put aside, the critical lane first. What is left over comes again.
    pub(crate) async fn enter_all(mut self, shelf: Shelf) {
        match self.enter_lanes(&shelf).await {
            Ok(()) => {}
            Err(End::Link) => {
                tracing::info!("pair: what was put aside is sent on when the link is back");
            }
            Err(error) => tracing::error!(
                "pair: what was put aside cannot be entered again for now, and is kept: {error}"
            ),
        }
    }

    async fn enter_lanes(&mut self, shelf: &Shelf) -> Result<(), End> {
        for lane in Lane::ALL {
            for file in shelf.files(lane).await? {
                self.enter_file(shelf, file).await?;
            }
        }
        Ok(())
    }

    async fn enter_file(&mut self, shelf: &Shelf, file: Aside) -> Result<(), End> {
        let lane = file.lane;
        let mut ends = AsideEnds {
            lane: lane.into(),
            file: file.name.clone(),
            epoch: file.epoch.0,
            from: file.from.0,
            to: file.to.0,
            entered: 0,
            known: 0,
            late: 0,
            copies: 0,
            unreadable: 0,
        };
        let mut sheets = shelf.open(file).await?;
        loop {
            let (rest, records) = sheets.next().await?;
            sheets = rest;
            if records.is_empty() {
                break;
            }
            let counts = self.enter(lane, &records).await?;
            ends.entered += u64::from(counts.entered);
            ends.known += u64::from(counts.known);
            ends.late += u64::from(counts.late);
        }
        (ends.copies, ends.unreadable) = (sheets.copies, sheets.unreadable);
        self.note(&ends).await?;
        shelf.done(lane, &ends.file).await?;
        tracing::warn!(file = ends.file, "pair: {}", account(&ends));
        Ok(())
    }

    async fn enter(&mut self, lane: Lane, records: &[Record]) -> Result<Entered, End> {
        match self {
            Self::Own(counter) => Ok(counter.enter(lane, records).await?),
            Self::Partner(desk) => desk.enter(lane, records).await,
        }
    }

    async fn note(&mut self, ends: &AsideEnds) -> Result<(), End> {
        match self {
            Self::Own(counter) => Ok(counter.note(ends).await?),
            Self::Partner(desk) => desk.note(ends).await,
        }
    }
}

impl PartnerDesk {
    async fn enter(&mut self, lane: Lane, records: &[Record]) -> Result<Entered, End> {
        let Some(batch) = pack(lane, records, self.lane_keys[lane.index()]) else {
            return Ok(Entered::default());
        };
        let mut frame = BytesMut::new();
        put_aside(&mut frame, lane, &batch);
        let sent = self.frames.send(frame.freeze()).await;
        sent.map_err(|_| End::Link)?;
        let (epoch, last) = (batch.header.epoch.0, batch.header.next().0 - 1);
        match self.answers.recv().await {
            Some(Control::Reentered(Reentered {
                lane: of,
                epoch: e,
                last: l,
                entered,
                known,
                late,
            })) if (Lane::from(of), e, l) == (lane, epoch, last) => Ok(Entered {
                entered,
                known,
                late,
            }),
            Some(_) => Err(End::Confused),
            None => Err(End::Link),
        }
    }

    async fn note(&mut self, ends: &AsideEnds) -> Result<(), End> {
        let says = self.says.upgrade().ok_or(End::Link)?;
        let said = says.send(Control::AsideEnds(ends.clone())).await;
        drop(says);
        said.map_err(|_| End::Link)?;
        match self.answers.recv().await {
            Some(Control::AsideNoted { lane, file })
                if (lane, &file) == (ends.lane, &ends.file) =>
            {
                Ok(())
            }
            Some(_) => Err(End::Confused),
            None => Err(End::Link),
        }
    }
}

/// Records that stood next to each other, at the places that they had.
fn pack(lane: Lane, records: &[Record], lane_key: u64) -> Option<Batch> {
    let first = records.first()?;
    let mut builder = BatchBuilder::default();
    builder.start(first.position.seq, first.position.epoch, first.received);
    for record in records {
        builder.push(&record.as_new(), lane_key);
    }
    let body = Bytes::copy_from_slice(builder.bytes().get(BatchHeader::BYTES..)?);
    let header = BatchHeader {
        kind: BatchKind::Records,
        body_bytes: u32::try_from(body.len()).ok()?,
        count: builder.count(),
        first: builder.first(),
        epoch: builder.epoch(),
        base: builder.base(),
    };
    Some(Batch::of_partner(header, body, lane, lane_key))
}
