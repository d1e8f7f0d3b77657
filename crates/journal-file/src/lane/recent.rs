//! The newest durable batches, kept in memory for followers at the live tail.

use std::collections::VecDeque;

use parking_lot::Mutex;
use spica_journal_format::Batch;
use spica_model::Seq;

/// What a batch costs beside its bytes.
const OVERHEAD_BYTES: usize = 128;

/// The newest durable batches, oldest first and without a hole, at most so many bytes of them; the
/// newest one is always kept.
#[derive(Debug)]
pub(crate) struct Recent {
    bytes_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    batches: VecDeque<Batch>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            inner: Mutex::default(),
        }
    }

    /// Adds a batch that is durable, after all the others.
    pub(crate) fn push(&self, batch: Batch) {
        let mut gone = Vec::new();
        let mut inner = self.inner.lock();
        inner.bytes += cost(&batch);
        inner.batches.push_back(batch);
        while inner.bytes > self.bytes_max && inner.batches.len() > 1 {
            if let Some(oldest) = inner.batches.pop_front() {
                inner.bytes -= cost(&oldest);
                gone.push(oldest);
            }
        }
        drop(inner);
        // Freeing the buffers is nothing that followers should wait for.
        drop(gone);
    }

    /// Forgets batches that begin before `first`: retention has taken them.
    pub(crate) fn forget_before(&self, first: Seq) {
        let mut inner = self.inner.lock();
        while let Some(batch) = inner
            .batches
            .pop_front_if(|batch| batch.header.first < first)
        {
            inner.bytes -= cost(&batch);
        }
    }

    /// The batch that holds `seq`.
    pub(crate) fn holding(&self, seq: Seq) -> Option<Batch> {
        let batches = &self.inner.lock().batches;
        let after = batches.partition_point(|batch| batch.header.first <= seq);
        let batch = batches.get(after.checked_sub(1)?)?;
        (seq < batch.header.next()).then(|| batch.clone())
    }
}

fn cost(batch: &Batch) -> usize {
    batch.header.total_bytes() as usize + OVERHEAD_BYTES
}
