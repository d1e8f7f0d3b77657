//! The frames of a session, as values. `docs/live.md` is their contract.

use serde_json::Value;
use spica_model::{Lane, Place, Seq, TopicFilter};

/// The number a client gives a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubId(pub u32);

/// What a client says.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientFrame {
    /// Who it is; the first frame.
    Hello(Hello),
    /// Begin a subscription.
    Subscribe(Box<Subscribe>),
    /// New limits for a subscription, or for the session.
    Change {
        /// The subscription; the session if absent.
        sub: Option<SubId>,
        /// What changes.
        limits: LimitChange,
    },
    /// End a subscription.
    Unsubscribe(SubId),
    /// The server may send so many more bytes.
    Credit(u64),
    /// A request to the HTTP interface.
    Call(Box<Call>),
    /// Answered at once.
    Ping(u64),
    /// What the server counts about this session.
    Stats(u64),
    /// The end.
    Bye,
}

/// Who opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// The token, unless the upgrade had one.
    pub token: Option<String>,
    /// A name for operators.
    pub client: Option<String>,
    /// Bytes that may be sent before more credit is given; none: no such limit.
    pub credit: Option<u64>,
    /// Bytes per second of the session; 0: unlimited.
    pub bytes_per_s: u64,
}

/// What is subscribed to, and how it is to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribe {
    /// The number by which both sides name it.
    pub sub: SubId,
    /// The topics.
    pub filter: TopicFilter,
    /// The kinds of records.
    pub kinds: Kinds,
    /// Each record, or the latest.
    pub deliver: Deliver,
    /// The promise; `None`: the default of `deliver`.
    pub recovery: Option<Recovery>,
    /// Resume after this place.
    pub after: Option<Place>,
    /// Whether it begins with what is, unless it resumes.
    pub snapshot: bool,
    /// Whether deltas may be sent.
    pub delta: bool,
    /// Computed values instead of the records' own.
    pub window: Option<WindowSpec>,
    /// Whether conflated payloads are JSON merge patches to be composed.
    pub merge_patch: bool,
    /// Limits at the beginning.
    pub limits: LimitChange,
    /// Events kept for a slow session; `None`: the server's default.
    pub max_queue: Option<u32>,
}

impl Subscribe {
    /// A subscription with the defaults of the wire: everything that matches, with a snapshot and
    /// deltas, without limits.
    #[must_use]
    pub fn new(sub: SubId, filter: TopicFilter) -> Self {
        Self {
            sub,
            filter,
            kinds: Kinds::All,
            deliver: Deliver::Auto,
            recovery: None,
            after: None,
            snapshot: true,
            delta: true,
            window: None,
            merge_patch: false,
            limits: LimitChange::default(),
            max_queue: None,
        }
    }
}

/// Kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kinds {
    /// Both.
    #[default]
    All,
    /// `state` only.
    State,
    /// `event` only.
    Event,
}

/// How records are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Deliver {
    /// The latest of each `state` topic, each `event`.
    #[default]
    Auto,
    /// The latest of each `state` topic; no events.
    Latest,
    /// Each record.
    Each,
}

/// What a subscription promises across slowness and interruptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// Convergent for states, gap for events: what `deliver: auto` gives.
    Auto,
    /// Each record once, in order; the journal is the queue.
    Precise,
    /// Each record once, in order, or a gap that names what is missing.
    Gap,
    /// As precise, but records may come again.
    Repeating,
    /// The view becomes the owner's.
    Convergent,
    /// May differ for good.
    Divergent,
}

/// New limits; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitChange {
    /// Milliseconds between two `data` frames, at least.
    pub min_interval_ms: Option<u64>,
    /// Bytes per second; 0: unlimited.
    pub bytes_per_s: Option<u64>,
}

/// A window over the values of each topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WindowSpec {
    /// When it closes.
    pub kind: WindowKind,
    /// What is computed; not empty, no operation twice.
    pub ops: Vec<WindowOp>,
    /// A JSON pointer to the number; empty: the whole payload.
    pub field: String,
}

/// When a window closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowKind {
    /// Every so many values.
    Tumbling(u32),
    /// At each value, over the last so many.
    Sliding(u32),
    /// At each multiple of so many milliseconds.
    Periodic(u64),
    /// Whenever the lane's number has passed another so many.
    Monotonic(u64),
}

/// What a window computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WindowOp {
    /// How many values.
    Count,
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The arithmetic mean.
    Mean,
    /// The sample variance; 0 for one value.
    Variance,
    /// Its root.
    Stdev,
    /// The first.
    First,
    /// The last.
    Last,
}

/// A request to the HTTP interface.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The number by which the answer names it.
    pub id: u64,
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Path and query, below `/v1/`.
    pub path: String,
    /// The body.
    pub body: Option<Value>,
    /// The idempotency key.
    pub key: Option<String>,
}

/// What the server says. Rows are no part of it: they are written once for all sessions.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerFrame {
    /// The session is open.
    Welcome(Box<Welcome>),
    /// A subscription has begun.
    Subscribed {
        /// Which.
        sub: SubId,
        /// What it promises.
        recovery: Recovery,
        /// How it delivers.
        deliver: Deliver,
        /// Where it stands now.
        at: Place,
        /// Whether what comes follows `after` without a hole.
        resumed: bool,
    },
    /// The snapshot, or what was missed, is complete.
    Ready {
        /// Which.
        sub: SubId,
        /// Where it stands.
        at: Place,
    },
    /// What will not come.
    Gap {
        /// Which.
        sub: SubId,
        /// The lane.
        lane: Lane,
        /// The first number that is missing.
        from: Seq,
        /// The last.
        to: Seq,
        /// Why.
        reason: GapReason,
    },
    /// Drop what is held for it; a snapshot follows.
    Reset(SubId),
    /// The server has ended a subscription.
    Ended {
        /// Which.
        sub: SubId,
        /// Why.
        code: EndCode,
        /// For people.
        detail: String,
    },
    /// The server lives.
    Beat {
        /// Its time, µs since 1970.
        time: i64,
    },
    /// The answer to a ping.
    Pong {
        /// Of the ping.
        id: u64,
        /// The server's time, µs since 1970.
        time: i64,
    },
    /// The answer to a call.
    Result {
        /// Of the call.
        id: u64,
        /// HTTP's status.
        status: u16,
        /// JSON, as it was answered.
        body: Option<Value>,
    },
    /// What the server counts about the session.
    Stats {
        /// Of the request.
        id: u64,
        /// The counts.
        stats: Box<Stats>,
    },
    /// Something the client said is not done.
    Refused {
        /// What.
        about: About,
        /// Why.
        code: RefusalCode,
        /// For people.
        detail: String,
    },
    /// The end of the session.
    Bye(Box<Bye>),
}

/// The first frame of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Names the session; a secret where the session is reached by it.
    pub session: String,
    /// The node's path.
    pub node: String,
    /// Changes with each start of the server; topic numbers hold for one.
    pub engine: String,
    /// µs since 1970.
    pub time: i64,
    /// The longest silence.
    pub heartbeat_ms: u64,
    /// The role of the token.
    pub role: &'static str,
    /// Bytes of a client's frame.
    pub max_frame: u64,
    /// Subscriptions of a session.
    pub max_subs: u32,
}

/// Why records will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The session was slow.
    Queue,
    /// The journal no longer has them.
    Retention,
    /// They are damaged on disk.
    Damaged,
    /// The place is none of this history.
    Unknown,
}

/// Why the server ended a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndCode {
    /// The promise cannot be kept any more.
    Lost,
    /// The right was withdrawn.
    Forbidden,
}

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// A frame that has no number.
    Session,
    /// A subscription.
    Sub(SubId),
    /// A call, ping or stats.
    Id(u64),
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The frame cannot be read.
    BadFrame,
    /// The filter is none.
    BadFilter,
    /// The window is none.
    BadWindow,
    /// The promise does not fit what is asked for.
    CannotPromise,
    /// There are too many.
    Limit,
    /// The number is in use.
    InUse,
    /// There is no such thing.
    Unknown,
    /// The role does not allow it.
    Forbidden,
    /// No valid token.
    Unauthorized,
}

/// What is counted about a session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// Round trip, if it is known.
    pub rtt_ms: Option<f64>,
    /// Entries that wait.
    pub queue: u64,
    /// Rows sent.
    pub sent: u64,
    /// Values left out since a newer one came.
    pub conflated: u64,
    /// Records that will not be sent, by reason: queue, retention, damaged, unknown.
    pub dropped: [u64; 4],
    /// What full values would have cost.
    pub bytes_full: u64,
    /// What was sent.
    pub bytes_sent: u64,
    /// Subscriptions.
    pub subs: u64,
}

/// Why a session ends, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bye {
    /// Why.
    pub code: ByeCode,
    /// For people.
    pub detail: String,
    /// When to come again.
    pub retry_after_ms: Option<u64>,
    /// The address of the active node, if that is known.
    pub active: Option<String>,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByeCode {
    /// The node stops.
    Stopping,
    /// The node is not the active one.
    NotActive,
    /// No valid token, or it is valid no more.
    Unauthorized,
    /// The client broke the rules.
    Protocol,
    /// The client did not speak in time.
    Timeout,
    /// There is too much to do.
    Overloaded,
}
