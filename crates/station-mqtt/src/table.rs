//! All sessions: by client id, and by slot.
//!
//! Locks of the station are taken in this order: a session's state, the routes, the slots, the client
//! ids, the orders. So whoever looks at routes or slots locks no session meanwhile; what is asked of one
//! there is an atomic.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use spica_mqtt_routes::SessionId;

use crate::session::Session;

/// The sessions there are. A slot is used again when its session has gone.
#[derive(Debug, Default)]
pub(crate) struct Table {
    by_id: Mutex<HashMap<Arc<str>, Arc<Session>>>,
    slots: RwLock<Slots>,
    connected: AtomicUsize,
}

#[derive(Debug, Default)]
struct Slots {
    sessions: Vec<Option<Arc<Session>>>,
    free: Vec<SessionId>,
}

impl Slots {
    /// A slot that nobody has.
    fn take(&mut self) -> SessionId {
        self.free.pop().unwrap_or_else(|| {
            self.sessions.push(None);
            // As many as there are connections and kept sessions: both are bounded far below.
            SessionId::try_from(self.sessions.len() - 1).unwrap_or(SessionId::MAX)
        })
    }
}

impl Table {
    pub(crate) fn get(&self, client_id: &str) -> Option<Arc<Session>> {
        self.by_id.lock().get(client_id).cloned()
    }

    /// The session in a slot.
    pub(crate) fn at(&self, slot: SessionId) -> Option<Arc<Session>> {
        let slots = self.slots.read();
        slots.sessions.get(slot as usize)?.clone()
    }

    /// Calls `visit` with the sessions of these slots that are there; under no lock.
    pub(crate) fn visit(
        &self,
        slots: impl Iterator<Item = SessionId>,
        mut visit: impl FnMut(&Arc<Session>),
    ) {
        let found: Vec<_> = {
            let table = self.slots.read();
            let at = |slot| table.sessions.get(slot as usize)?.clone();
            slots.filter_map(at).collect()
        };
        found.iter().for_each(&mut visit);
    }

    /// Puts a session in for a client id that has none, or whose session `make` replaces: it is given
    /// a free slot. What was there before is returned too.
    pub(crate) fn insert(
        &self,
        client_id: &Arc<str>,
        make: impl FnOnce(SessionId) -> Session,
    ) -> (Arc<Session>, Option<Arc<Session>>) {
        let slot = self.slots.write().take();
        let session = Arc::new(make(slot));
        self.slots.write().sessions[slot as usize] = Some(Arc::clone(&session));
        let mut by_id = self.by_id.lock();
        let before = by_id.insert(Arc::clone(client_id), Arc::clone(&session));
        (session, before)
    }

    /// The sessions after a client id that are wanted, in the order of these; at most `limit`.
    pub(crate) fn after(
        &self,
        after: Option<&str>,
        limit: usize,
        is_wanted: impl Fn(&Session) -> bool,
    ) -> Vec<Arc<Session>> {
        // The last of those that were found is on top, and goes when one before it is.
        let mut found: BTreeMap<Arc<str>, Arc<Session>> = BTreeMap::new();
        for (id, session) in &*self.by_id.lock() {
            let is_beyond = || found.last_key_value().is_some_and(|(last, _)| id >= last);
            if after.is_some_and(|after| **id <= *after)
                || !is_wanted(session)
                || (found.len() >= limit && is_beyond())
            {
                continue;
            }
            found.insert(Arc::clone(id), Arc::clone(session));
            if found.len() > limit {
                found.pop_last();
            }
        }
        found.into_values().collect()
    }

    /// Takes a session out; its slot is free when [`Self::free`] says so.
    pub(crate) fn remove(&self, session: &Arc<Session>) {
        let mut by_id = self.by_id.lock();
        if by_id
            .get(&session.client_id)
            .is_some_and(|it| Arc::ptr_eq(it, session))
        {
            by_id.remove(&session.client_id);
        }
    }

    /// Nobody routes to the slot any more.
    pub(crate) fn free(&self, slot: SessionId) {
        let mut slots = self.slots.write();
        if let Some(held) = slots.sessions.get_mut(slot as usize)
            && held.take().is_some()
        {
            slots.free.push(slot);
        }
    }

    /// Slots are below this.
    pub(crate) fn slots(&self) -> SessionId {
        SessionId::try_from(self.slots.read().sessions.len()).unwrap_or(SessionId::MAX)
    }

    /// How many sessions there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.lock().len()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.by_id.lock().values().cloned().collect()
    }

    pub(crate) fn count_connected(&self, is_more: bool) {
        if is_more {
            self.connected.fetch_add(1, Ordering::Relaxed);
        } else {
            self.connected.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }
}
