//! What was asked and is not answered yet.

use std::collections::BTreeMap;

use spica_live_proto::{Call, ClientFrame, RefusalCode};

/// Calls that may wait for their answers.
const MAX_PENDING: usize = 1_024;

/// Something that has an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    /// A request to the HTTP interface; its number is set later.
    Call {
        /// The request.
        call: Box<Call>,
        /// Whether a repetition is harmless.
        again: bool,
    },
    /// A ping.
    Ping,
    /// What the server counts.
    Stats,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The server refuses it.
    Refused(RefusalCode, String),
    /// Too many wait.
    TooMany,
}

#[derive(Debug)]
struct Pending {
    ask: Ask,
    sent: bool,
}

/// What was asked, by number.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pending: BTreeMap<u64, Pending>,
    last: u64,
}

impl Calls {
    /// Something new is asked; `sent` if it goes out now.
    pub(crate) fn ask(&mut self, ask: Ask, sent: bool) -> Result<(u64, ClientFrame), Failed> {
        if self.pending.len() >= MAX_PENDING {
            return Err(Failed::TooMany);
        }
        self.last += 1;
        let frame = frame(self.last, &ask);
        self.pending.insert(self.last, Pending { ask, sent });
        Ok((self.last, frame))
    }

    /// It is answered, or nobody waits for it any more; false if it was not asked.
    pub(crate) fn done(&mut self, id: u64) -> bool {
        self.pending.remove(&id).is_some()
    }

    /// The connection is lost: what may not be asked twice has failed.
    pub(crate) fn lost(&mut self) -> Vec<u64> {
        let dead = |pending: &Pending| {
            pending.sent && matches!(pending.ask, Ask::Call { again: false, .. })
        };
        let ids = self.pending.iter().filter(|(_, pending)| dead(pending));
        let ids: Vec<u64> = ids.map(|(id, _)| *id).collect();
        for id in &ids {
            self.pending.remove(id);
        }
        ids
    }

    /// A session is open: all that waits goes out.
    pub(crate) fn resend(&mut self) -> impl Iterator<Item = ClientFrame> {
        self.pending.iter_mut().map(|(id, pending)| {
            pending.sent = true;
            frame(*id, &pending.ask)
        })
    }
}

fn frame(id: u64, ask: &Ask) -> ClientFrame {
    match ask {
        Ask::Call { call, .. } => ClientFrame::Call(Box::new(Call {
            id,
            ..(**call).clone()
        })),
        Ask::Ping => ClientFrame::Ping(id),
        Ask::Stats => ClientFrame::Stats(id),
    }
}
