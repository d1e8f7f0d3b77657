//! Segments that are ready to be written: the keeper puts them here, the commit thread takes them.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use spica_journal::CommitError;
use spica_storage::File;

/// A segment file of zeros, or of old bytes under a blank first page, that is durable in full
/// length: writing it needs nothing from the file system.
pub(crate) struct Prepared {
    pub(crate) number: u64,
    pub(crate) file: Box<dyn File>,
    pub(crate) bytes: u64,
    /// Whether it holds only zeros.
    pub(crate) fresh: bool,
}

/// The segments that are ready.
#[derive(Default)]
pub(crate) struct Shelf {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    ready: VecDeque<Prepared>,
    /// Whether the commit thread waits for one.
    waited_for: bool,
    /// Why no more can be made at present, or ever.
    trouble: Option<CommitError>,
}

impl Shelf {
    pub(crate) fn new(ready: VecDeque<Prepared>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                ready,
                waited_for: false,
                trouble: None,
            }),
            changed: Condvar::new(),
        }
    }

    pub(crate) fn put(&self, prepared: Prepared) {
        let mut inner = self.inner.lock();
        inner.ready.push_back(prepared);
        inner.trouble = None;
        drop(inner);
        self.changed.notify_all();
    }

    /// Says why no segment can be made. Who needs one now fails with it; the others go on.
    pub(crate) fn trouble(&self, error: CommitError) {
        self.inner.lock().trouble = Some(error);
        self.changed.notify_all();
    }

    /// The next segment; waits for the keeper if it is slow.
    pub(crate) fn take(&self) -> Result<Prepared, CommitError> {
        let mut inner = self.inner.lock();
        loop {
            if let Some(prepared) = inner.ready.pop_front() {
                inner.waited_for = false;
                return Ok(prepared);
            }
            if let Some(error) = &inner.trouble {
                return Err(error.clone());
            }
            inner.waited_for = true;
            self.changed.wait(&mut inner);
        }
    }

    /// Whether the commit thread waits for a segment.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.inner.lock().waited_for
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.lock().ready.len()
    }

    /// Bytes that can be written without asking the file system for space.
    pub(crate) fn bytes(&self) -> u64 {
        self.inner
            .lock()
            .ready
            .iter()
            .map(|prepared| prepared.bytes)
            .sum()
    }
}
