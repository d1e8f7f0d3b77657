//! One client's session: what is owed both ways, and whether somebody is connected.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use futures::task::AtomicWaker;
use parking_lot::Mutex;
use spica_model::{Cause, Timestamp};
use spica_mqtt::{Inbound, Life, NoteNumber, Ordinal, Outbound, SessionLimits, Terms, Uid};
use spica_mqtt_proto::{Reason, Version};
use spica_mqtt_routes::{Load, SessionId};

use crate::access::Who;
use crate::appends::Appends;
use crate::conflate::Conflator;
use crate::device::Device;
use crate::held::Held;
use crate::message::{CAUSE, Message};

/// Nobody is connected.
const LOAD_OFFLINE: u32 = u32::MAX;
/// It takes no more for now.
const LOAD_FULL: u32 = u32::MAX - 1;

/// A connected client that may be silent for ever.
pub(crate) const NO_DEADLINE: u64 = u64::MAX;
/// Nobody is connected.
pub(crate) const OFFLINE: u64 = 0;

/// Which connection, of all that the station ever had; never 0.
pub(crate) type ConnectionId = u64;

/// A session. It outlives its connections, if it was asked to.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client_id: Arc<str>,
    pub(crate) slot: SessionId,
    pub(crate) uid: Uid,
    pub(crate) created: Timestamp,
    /// The cause of the records of what it publishes.
    pub(crate) cause: Option<Cause>,
    /// Wakes the task of its connection.
    pub(crate) waker: AtomicWaker,
    /// When its client is gone if nothing comes: milliseconds of the station's clock, or
    /// [`NO_DEADLINE`], or [`OFFLINE`].
    deadline_ms: AtomicU64,
    /// How much there is to do for it, as [`Session::note_load`] has it.
    load: AtomicU32,
    /// How long its client may be silent, in milliseconds; 0 is for ever.
    allowed_ms: AtomicU32,
    pub(crate) state: Mutex<State>,
}

/// What changes of a session.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound<Message>,
    pub(crate) appends: Appends<Then>,
    /// What the journal had no room for.
    pub(crate) held: Option<Box<Held>>,
    pub(crate) life: Life,
    /// Who is connected; 0 is nobody.
    pub(crate) connection: ConnectionId,
    /// Since when somebody or nobody is.
    pub(crate) since: Timestamp,
    pub(crate) user: Option<Box<str>>,
    /// Who is connected, or was last; none since the station began.
    pub(crate) who: Option<Arc<Who>>,
    /// The device that is connected, or was last; none of who is none, and since the station began.
    pub(crate) device: Option<Box<Device>>,
    /// What the client wanted to do and may not, since it connected.
    pub(crate) denied: u32,
    pub(crate) version: Version,
    /// Packets from other parts to the client, already encoded.
    pub(crate) mail: VecDeque<Box<[u8]>>,
    /// CONNACK is on its way to the client: anything may follow.
    pub(crate) is_welcome: bool,
    /// Only of a session that has asked for conflation.
    pub(crate) conflator: Option<Box<Conflator>>,
    /// With so many waiting messages it takes no more of a shared group.
    full_from: u32,
    /// The router knows that something of it will be due.
    pub(crate) is_conflating: bool,
    /// Somebody wants the connection to end.
    pub(crate) kicked: Option<Reason>,
    /// The router has been told that there is room.
    pub(crate) is_hungry: bool,
    /// Retained messages, or a shared group that it is a member of, wait for room.
    pub(crate) is_awaited: bool,
    /// The router has it in its list of those to wake.
    pub(crate) is_touched: bool,
    /// It has messages in flight that its note on the disk does not know.
    pub(crate) is_note_stale: bool,
    /// It was to outlive its connection until its client said otherwise: there are records of it.
    pub(crate) is_kept: bool,
    /// There are, or may be, routes to it.
    pub(crate) has_routes: bool,
    /// It is over, and what was kept of it is still to be deleted.
    pub(crate) is_unforgotten: bool,
    /// It is no more: whoever still holds it lets go.
    pub(crate) is_gone: bool,
}

/// What follows when records are durable.
#[derive(Debug)]
pub(crate) enum Then {
    /// What the client sent up to here is answered.
    Answers(Ordinal),
    /// The note of what it was sent is there.
    Noted(NoteNumber),
    /// The connection is told something.
    Say(ConnectionId, Box<[u8]>),
    /// The connection is told that it is accepted.
    Welcome(ConnectionId, Box<[u8]>),
}

impl Session {
    pub(crate) fn new(
        client_id: Arc<str>,
        slot: SessionId,
        uid: Uid,
        created: Timestamp,
        state: State,
    ) -> Self {
        Self {
            cause: Cause::new(format!("{CAUSE}{client_id}")).ok(),
            client_id,
            slot,
            uid,
            created,
            waker: AtomicWaker::new(),
            deadline_ms: AtomicU64::new(OFFLINE),
            load: AtomicU32::new(LOAD_OFFLINE),
            allowed_ms: AtomicU32::new(0),
            state: Mutex::new(state),
        }
    }

    /// A client is connected that sends something every so often.
    pub(crate) fn watch(&self, keep_alive_secs: u16, now_ms: u64) {
        let allowed = u32::from(keep_alive_secs) * 1_500;
        self.allowed_ms.store(allowed, Ordering::Relaxed);
        self.heard(now_ms);
    }

    /// Whether a client is connected.
    pub(crate) fn is_watched(&self) -> bool {
        self.deadline_ms() != OFFLINE
    }

    /// Seconds of keep-alive of who is or was connected; 0 is none.
    pub(crate) fn keep_alive_secs(&self) -> u32 {
        self.allowed_ms.load(Ordering::Relaxed) / 1_500
    }

    /// It has sent something.
    pub(crate) fn heard(&self, now_ms: u64) {
        let deadline = match self.allowed_ms.load(Ordering::Relaxed) {
            0 => NO_DEADLINE,
            allowed => now_ms.max(1) + u64::from(allowed),
        };
        self.deadline_ms.store(deadline, Ordering::Relaxed);
    }

    /// Notes how much there is to do for it, for who must not lock it.
    pub(crate) fn note_load(&self, state: &State) {
        let (messages, _) = state.outbound.waiting();
        let load = if state.connection == 0 {
            LOAD_OFFLINE
        } else if messages >= state.full_from {
            LOAD_FULL
        } else {
            let in_flight = u32::try_from(state.outbound.in_flight()).unwrap_or(u32::MAX);
            messages.saturating_add(in_flight).min(LOAD_FULL - 1)
        };
        self.load.store(load, Ordering::Relaxed);
    }

    /// What was noted last.
    pub(crate) fn load(&self) -> Load {
        match self.load.load(Ordering::Relaxed) {
            LOAD_OFFLINE => Load::Offline,
            LOAD_FULL => Load::Full,
            load => Load::Ready(load),
        }
    }

    /// It is gone.
    pub(crate) fn unwatch(&self) {
        self.deadline_ms.store(OFFLINE, Ordering::Relaxed);
    }

    /// See the field.
    pub(crate) fn deadline_ms(&self) -> u64 {
        self.deadline_ms.load(Ordering::Relaxed)
    }
}

impl State {
    /// Of a session that nobody is connected to yet.
    pub(crate) fn new(limits: &SessionLimits, now: Timestamp) -> Self {
        Self {
            inbound: Inbound::default(),
            outbound: Outbound::new(limits),
            appends: Appends::default(),
            held: None,
            life: Life::new(0, None),
            connection: 0,
            since: now,
            user: None,
            who: None,
            device: None,
            denied: 0,
            version: Version::V5,
            mail: VecDeque::new(),
            is_welcome: false,
            conflator: None,
            full_from: limits.queue_messages / 2,
            is_conflating: false,
            kicked: None,
            is_hungry: false,
            is_awaited: false,
            is_touched: false,
            is_note_stale: false,
            is_kept: false,
            has_routes: false,
            is_unforgotten: false,
            is_gone: false,
        }
    }

    /// A connection takes the session.
    pub(crate) fn attach(
        &mut self,
        id: ConnectionId,
        terms: &Terms,
        open_ids: u16,
        now: Timestamp,
    ) {
        self.connection = id;
        self.since = now;
        self.version = terms.version;
        self.mail = VecDeque::new();
        self.is_welcome = false;
        self.is_hungry = false;
        self.conflator = None;
        self.kicked = None;
        self.inbound.connected(terms, open_ids);
        self.outbound.connected(terms, self.life.is_durable());
    }
}
