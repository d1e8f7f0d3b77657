//! One connection of a device: carries frames between its memory and a station, and misbehaves
//! where the plan says so.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::{sleep, timeout};

use crate::device::{Device, Step, Violation};
use crate::event::Event;
use crate::itinerary::{Behaviour, Cut, Visit};
use crate::wire::{Decoder, Fields, Frame, kind};

/// Pause between the bytes that dribble.
const DRIBBLE: Duration = Duration::from_millis(10);
/// A frame dribbles in at most this many pieces, so that a picture ends some day.
const DRIBBLES_MAX: usize = 40;

/// How a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With the station's goodbye.
    Completed,
    /// By the plan.
    Cut,
    /// The station closed early, or the network broke.
    Broken,
    /// The station said nothing for too long, or took nothing.
    TimedOut,
    /// The station broke the profile.
    Violated(Violation),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::Violated(violation)
    }
}

/// How the device's side behaves on this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conduct {
    pub(crate) behaviour: Behaviour,
    pub(crate) alarm: Option<(Event, u32)>,
}

impl Conduct {
    pub(crate) const PLAIN: Self = Self {
        behaviour: Behaviour::Plain,
        alarm: None,
    };
}

impl From<&Visit> for Conduct {
    fn from(visit: &Visit) -> Self {
        Self {
            behaviour: visit.behaviour,
            alarm: visit.alarm,
        }
    }
}

/// Speaks the device's side until the connection ends. `heard` is called at the station's first
/// frame: only then is the connection out of the station's accept queue for sure.
pub(crate) async fn converse(
    mut stream: TcpStream,
    device: &mut Device,
    conduct: Conduct,
    clock: &dyn Clock,
    patience: Duration,
    mut heard: impl FnMut(),
) -> End {
    let end = {
        let (reader, writer) = stream.split();
        let mut ear = Ear {
            reader,
            decoder: Decoder::default(),
            bytes: [0; 512],
            at: 0,
            len: 0,
        };
        let mut mouth = Mouth {
            writer,
            behaviour: conduct.behaviour,
            patience,
            frames: 0,
        };
        let mut alarm = conduct.alarm;
        match talk(&mut ear, &mut mouth, device, &mut alarm, clock, &mut heard).await {
            Ok(()) => End::Completed,
            Err(end) => end,
        }
    };
    let reset = matches!(conduct.behaviour, Behaviour::Torn { reset: true, .. });
    if reset && matches!(end, End::Cut) {
        // If the connection is gone already there is nothing left to reset.
        let _ = stream.set_zero_linger();
    }
    end
}

async fn talk(
    ear: &mut Ear<'_>,
    mouth: &mut Mouth<'_>,
    device: &mut Device,
    alarm: &mut Option<(Event, u32)>,
    clock: &dyn Clock,
    heard: &mut impl FnMut(),
) -> Result<(), End> {
    let mut out = Vec::new();
    device.identify(&mut out);
    mouth.say(&out, None).await?;
    loop {
        if let Some((event, _)) = alarm.take_if(|(_, frames)| mouth.frames > *frames) {
            out.clear();
            device.record(event, Arc::default(), clock.wall());
            device.send_newest(clock.wall(), &mut out);
            mouth.say(&out, None).await?;
        }
        let frame = timeout(mouth.patience, ear.listen())
            .await
            .map_err(|_| End::TimedOut)??;
        heard();
        if frame.kind == kind::DELETE_LOG && mouth.cuts(Cut::BeforeDelete) {
            return Err(End::Cut);
        }
        out.clear();
        if device.answer(frame, clock.wall(), &mut out)? == Step::Goodbye {
            return Ok(());
        }
        mouth.say(&out, Some(frame)).await?;
    }
}

/// Takes frames off the connection.
struct Ear<'a> {
    reader: ReadHalf<'a>,
    decoder: Decoder,
    bytes: [u8; 512],
    at: usize,
    len: usize,
}

impl Ear<'_> {
    async fn listen(&mut self) -> Result<Frame<'_>, End> {
        loop {
            while self.at < self.len {
                let byte = self.bytes[self.at];
                self.at += 1;
                if self.decoder.push(byte).map_err(Violation::from)?.is_some() {
                    return Ok(self.decoder.frame());
                }
            }
            self.len = self.reader.read(&mut self.bytes).await?;
            self.at = 0;
            if self.len == 0 {
                return Err(End::Broken);
            }
        }
    }
}

/// Puts frames on the connection, in the way the plan wants it.
struct Mouth<'a> {
    writer: WriteHalf<'a>,
    behaviour: Behaviour,
    patience: Duration,
    /// Frames sent so far.
    frames: u32,
}

impl Mouth<'_> {
    fn cuts(&self, at: Cut) -> bool {
        matches!(self.behaviour, Behaviour::Torn { cut, .. } if cut == at)
    }

    /// Sends an answer to `asked`, or something unasked; or half of it, if the plan says so.
    async fn say(&mut self, bytes: &[u8], asked: Option<Frame<'_>>) -> Result<(), End> {
        let torn = match self.behaviour {
            Behaviour::Torn {
                cut: Cut::MidFrame(at),
                ..
            } => self.frames == at,
            Behaviour::Torn {
                cut: Cut::MidPicture(at),
                ..
            } => asked.and_then(block) >= Some(at),
            _ => false,
        };
        let sent = if torn {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        let silent =
            asked.is_some_and(|f| f.kind == kind::DELETE_LOG) && self.cuts(Cut::AfterDelete);
        if !silent {
            timeout(self.patience, self.write(sent))
                .await
                .map_err(|_| End::TimedOut)??;
        }
        self.frames += 1;
        if torn || silent {
            Err(End::Cut)
        } else {
            Ok(())
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.behaviour != Behaviour::Slow {
            return self.writer.write_all(bytes).await;
        }
        for piece in bytes.chunks(bytes.len().div_ceil(DRIBBLES_MAX).max(1)) {
            self.writer.write_all(piece).await?;
            sleep(DRIBBLE).await;
        }
        Ok(())
    }
}

/// The block number, if the frame asks for one.
fn block(frame: Frame<'_>) -> Option<u16> {
    let mut fields = Fields(frame.data);
    fields.u32()?;
    (frame.kind == kind::PICTURE_BLOCK).then(|| fields.u16())?
}
