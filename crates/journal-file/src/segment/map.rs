//! The segments of a lane that hold records, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::RwLock;
use spica_model::Seq;

use super::Segment;

/// How many sealed segments keep their index in memory, at some 32 KiB each by default.
const LOADED_MAX: usize = 64;

/// The segments of a lane that hold records, oldest first.
#[derive(Debug)]
pub(crate) struct SegmentMap {
    inner: RwLock<Inner>,
}

#[derive(Debug)]
struct Inner {
    segments: VecDeque<Arc<Segment>>,
    /// Sealed segments whose index is in memory, the least recently loaded first.
    loaded: VecDeque<Arc<Segment>>,
}

/// Where a record is to be looked for.
#[derive(Debug)]
pub(crate) enum Located {
    /// In this segment.
    In(Arc<Segment>),
    /// Nowhere: it is older than the oldest segment, which begins here.
    Before(Seq),
    /// Nowhere: it is between this segment and the next one, which begins here.
    Between(Arc<Segment>, Seq),
    /// Nowhere: it is after the last segment.
    After(Option<Arc<Segment>>),
}

impl SegmentMap {
    pub(crate) fn new(segments: VecDeque<Arc<Segment>>) -> Self {
        Self {
            inner: RwLock::new(Inner {
                segments,
                loaded: VecDeque::new(),
            }),
        }
    }

    pub(crate) fn push(&self, segment: Arc<Segment>) {
        self.inner.write().segments.push_back(segment);
    }

    /// Takes the oldest segment out, if it is this one.
    pub(crate) fn remove_oldest(&self, segment: &Arc<Segment>) -> bool {
        let mut inner = self.inner.write();
        let is_oldest = inner
            .segments
            .front()
            .is_some_and(|first| Arc::ptr_eq(first, segment));
        if is_oldest {
            inner.segments.pop_front();
            inner.loaded.retain(|loaded| !Arc::ptr_eq(loaded, segment));
        }
        is_oldest
    }

    pub(crate) fn oldest(&self) -> Option<Arc<Segment>> {
        self.inner.read().segments.front().cloned()
    }

    pub(crate) fn newest(&self) -> Option<Arc<Segment>> {
        self.inner.read().segments.back().cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.inner.read().segments.iter().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.read().segments.len()
    }

    /// Bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.inner
            .read()
            .segments
            .iter()
            .map(|segment| segment.file_bytes)
            .sum()
    }

    pub(crate) fn locate(&self, seq: Seq) -> Located {
        let segments = &self.inner.read().segments;
        let after = segments.partition_point(|segment| segment.first <= seq);
        let next = segments.get(after);
        let Some(segment) = after.checked_sub(1).and_then(|at| segments.get(at)) else {
            return next.map_or(Located::After(None), |next| Located::Before(next.first));
        };
        match next {
            _ if segment.last() >= seq => Located::In(Arc::clone(segment)),
            Some(next) => Located::Between(Arc::clone(segment), next.first),
            None => Located::After(Some(Arc::clone(segment))),
        }
    }

    /// Notes that a sealed segment has its index in memory now; another one may lose its own.
    pub(crate) fn note_loaded(&self, segment: &Arc<Segment>) {
        let mut inner = self.inner.write();
        inner.loaded.push_back(Arc::clone(segment));
        if inner.loaded.len() > LOADED_MAX
            && let Some(oldest) = inner.loaded.pop_front()
        {
            oldest.unload();
        }
    }
}
