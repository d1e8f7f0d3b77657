//! When a record may be acknowledged: when this disk has it, or the partner's too, or not at all.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use spica_model::Seq;

use super::LaneLog;
use crate::journal::Acknowledge;

/// Holds back what is durable here until it may be acknowledged.
#[derive(Debug)]
pub(crate) struct Gate {
    inner: Mutex<Inner>,
    held_bytes: AtomicUsize,
}

#[derive(Debug)]
struct Inner {
    rule: Acknowledge,
    here: Seq,
    partner: Seq,
    /// Ends and bytes of batches that are durable here and not acknowledged, oldest first.
    held: VecDeque<(Seq, usize)>,
    bytes: usize,
}

impl Gate {
    /// A gate that lets everything through that is durable here.
    pub(crate) fn new(here: Seq) -> Self {
        Self {
            inner: Mutex::new(Inner {
                rule: Acknowledge::Alone,
                here,
                partner: Seq::ZERO,
                held: VecDeque::new(),
                bytes: 0,
            }),
            held_bytes: AtomicUsize::new(0),
        }
    }

    /// Bytes that are durable here and wait for the partner.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// Changes something, and says what may be acknowledged then.
    fn change(&self, change: impl FnOnce(&mut Inner)) -> Option<Seq> {
        let mut inner = self.inner.lock();
        change(&mut inner);
        let may = inner.may();
        while let Some((_, bytes)) = inner.held.pop_front_if(|(last, _)| Some(*last) <= may) {
            inner.bytes -= bytes;
        }
        self.held_bytes.store(inner.bytes, Ordering::Relaxed);
        may
    }
}

impl Inner {
    fn may(&self) -> Option<Seq> {
        match self.rule {
            Acknowledge::Never => None,
            Acknowledge::Both => Some(self.here.min(self.partner)),
            Acknowledge::Alone => Some(self.here),
        }
    }
}

impl LaneLog {
    /// A batch is durable here.
    pub(crate) fn committed_here(&self, last: Seq, bytes: usize) {
        // First here: what is acknowledged is never more than what is known to be durable.
        self.here.advance(last);
        self.acknowledge(|gate| {
            gate.here = last;
            gate.held.push_back((last, bytes));
            gate.bytes += bytes;
        });
    }

    /// The partner has everything up to `seq`; or, on the passive: the active has acknowledged it.
    /// A partner that has come back may have less than before.
    pub(crate) fn partner_has(&self, seq: Seq) {
        self.acknowledge(|gate| gate.partner = seq);
    }

    /// From now on, this rule.
    pub(crate) fn set_rule(&self, rule: Acknowledge) {
        self.acknowledge(|gate| gate.rule = rule);
    }

    fn acknowledge(&self, change: impl FnOnce(&mut Inner)) {
        if let Some(may) = self.gate.change(change) {
            self.watermark.advance(may);
        }
    }
}
