//! The core: what to send, what is held, what the application is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::RwLock;
use spica_live_proto::{
    About, Bye, ClientFrame, Hello, Incoming, LimitChange, Row, ServerFrame, SubId, Subscribe,
    Welcome,
};
use spica_model::Place;

use super::calls::{Ask, Calls, Failed};
use super::held::Held;
use super::ledger::{Cost, Ledger};
use super::settings::Settings;
use super::track::{Applied, Items, Nonsense, Track, TrackId};
use super::value::Item;

/// The application is told something about a subscription.
#[derive(Debug)]
pub(crate) struct Told {
    /// Which.
    pub(crate) track: TrackId,
    /// What, in order.
    pub(crate) items: Items,
    /// What it costs, to be written into the ledger when the last item is taken.
    pub(crate) cost: Cost,
    /// Whether nothing follows.
    pub(crate) last: bool,
}

/// What a frame means.
#[derive(Debug)]
pub(crate) enum Event {
    /// Something for a subscription.
    Told(Told),
    /// An answer.
    Answered(u64, Result<ServerFrame, Failed>),
    /// The session is open.
    Welcomed,
    /// The server ends the session.
    Ending(Box<Bye>),
}

/// What a client knows of its sessions.
#[derive(Debug)]
pub(crate) struct Core {
    hello: Hello,
    interval_ms: Option<u64>,
    welcome: Option<Box<Welcome>>,
    engine: Option<String>,
    tracks: BTreeMap<SubId, Track>,
    last_sub: u32,
    last_track: u64,
    calls: Calls,
    out: VecDeque<ClientFrame>,
    pub(crate) ledger: Arc<Ledger>,
}

impl Core {
    pub(crate) fn new(settings: &Settings) -> Self {
        let credit = settings.credit.max(1);
        Self {
            hello: Hello {
                token: settings.token.clone(),
                client: Some(settings.name.clone()),
                credit: Some(credit),
                bytes_per_s: settings.bytes_per_s,
            },
            interval_ms: None,
            welcome: None,
            engine: None,
            tracks: BTreeMap::new(),
            last_sub: 0,
            last_track: 0,
            calls: Calls::default(),
            out: VecDeque::new(),
            ledger: Arc::new(Ledger::new(credit)),
        }
    }

    /// The welcome of the open session.
    pub(crate) fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_deref()
    }

    /// Frames to be sent, in order.
    pub(crate) fn take_out(&mut self) -> Vec<ClientFrame> {
        if self.welcome.is_some()
            && let Some(bytes) = self.ledger.due()
        {
            self.out.push_back(ClientFrame::Credit(bytes));
        }
        self.out.drain(..).collect()
    }

    /// The hello of a new session.
    pub(crate) fn begin(&mut self) -> Hello {
        self.ledger.begin();
        self.hello.clone()
    }

    /// The session is gone. What was asked and may not be asked again has failed.
    pub(crate) fn lost(&mut self) -> Vec<u64> {
        self.welcome = None;
        self.out.clear();
        self.tracks.values_mut().for_each(Track::lost);
        self.calls.lost()
    }

    /// Begins a subscription: now, or when there is a session. `None` if there are no numbers left.
    pub(crate) fn subscribe(&mut self, wanted: Subscribe) -> Option<(TrackId, Arc<RwLock<Held>>)> {
        self.last_track += 1;
        let id = TrackId(self.last_track);
        let sub = self.number()?;
        let track = Track::new(id, sub, wanted);
        let held = Arc::clone(&track.held);
        self.request(track);
        Some((id, held))
    }

    /// Ends a subscription, if it is not over already.
    pub(crate) fn unsubscribe(&mut self, id: TrackId) {
        if let Some(sub) = self.sub_of(id) {
            self.tracks.remove(&sub);
            self.say(ClientFrame::Unsubscribe(sub));
        }
    }

    /// New limits, for later sessions too.
    pub(crate) fn change(&mut self, id: Option<TrackId>, limits: LimitChange) {
        let Some(id) = id else {
            self.hello.bytes_per_s = limits.bytes_per_s.unwrap_or(self.hello.bytes_per_s);
            self.interval_ms = limits.min_interval_ms.or(self.interval_ms);
            return self.say(ClientFrame::Change { sub: None, limits });
        };
        let Some(sub) = self.sub_of(id) else { return };
        if let Some(track) = self.tracks.get_mut(&sub) {
            let now = &mut track.wanted.limits;
            now.min_interval_ms = limits.min_interval_ms.or(now.min_interval_ms);
            now.bytes_per_s = limits.bytes_per_s.or(now.bytes_per_s);
            self.say(ClientFrame::Change {
                sub: Some(sub),
                limits,
            });
        }
    }

    /// Asks something. Gives the number of the answer.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<u64, Failed> {
        let (id, frame) = self.calls.ask(ask, self.welcome.is_some())?;
        self.say(frame);
        Ok(id)
    }

    /// Nobody waits for this answer any more.
    pub(crate) fn forget(&mut self, id: u64) {
        self.calls.done(id);
    }

    /// What a frame of `bytes` means.
    ///
    /// # Errors
    /// If it makes no sense: the session is to be given up.
    pub(crate) fn receive(
        &mut self,
        frame: Incoming,
        bytes: usize,
    ) -> Result<Option<Event>, Nonsense> {
        match frame {
            Incoming::Frame(ServerFrame::Welcome(welcome)) => self.welcomed(welcome).map(Some),
            Incoming::Frame(ServerFrame::Bye(bye)) => Ok(Some(Event::Ending(bye))),
            Incoming::Unknown
            | Incoming::Frame(ServerFrame::Refused {
                about: About::Session,
                ..
            }) => Ok(None),
            _ if self.welcome.is_none() => Err(Nonsense),
            Incoming::Data { sub, at, rows } => self.data(sub, rows, at, bytes),
            Incoming::Frame(frame) => self.other(frame),
        }
    }

    fn welcomed(&mut self, welcome: Box<Welcome>) -> Result<Event, Nonsense> {
        if self.welcome.is_some() || welcome.heartbeat_ms == 0 {
            return Err(Nonsense);
        }
        if self.engine.as_ref() != Some(&welcome.engine) {
            self.engine = Some(welcome.engine.clone());
            for track in self.tracks.values() {
                track.held.write().forget_numbers();
            }
        }
        self.welcome = Some(welcome);
        if self.interval_ms.is_some() {
            self.out.push_back(ClientFrame::Change {
                sub: None,
                limits: LimitChange {
                    min_interval_ms: self.interval_ms,
                    bytes_per_s: None,
                },
            });
        }
        for (sub, mut track) in std::mem::take(&mut self.tracks) {
            // Under another number: what an older connection brings late is about nothing.
            track.wanted.sub = self.number().unwrap_or(sub);
            self.request(track);
        }
        self.out.extend(self.calls.resend());
        Ok(Event::Welcomed)
    }

    fn data(
        &mut self,
        sub: SubId,
        rows: Vec<Row>,
        at: Place,
        bytes: usize,
    ) -> Result<Option<Event>, Nonsense> {
        let cost = self.ledger.cost(bytes);
        let Some(track) = self.tracks.get_mut(&sub) else {
            // Of one that was ended meanwhile.
            self.ledger.taken(cost);
            return Ok(None);
        };
        let mut items = Items::new();
        let id = track.id;
        if track.rows(rows, at, &mut items)? == Applied::Resync {
            self.resync(sub);
        }
        Ok(Some(Event::Told(Told {
            track: id,
            items,
            cost,
            last: false,
        })))
    }

    fn resync(&mut self, old: SubId) {
        self.say(ClientFrame::Unsubscribe(old));
        let number = self.number();
        if let (Some(mut track), Some(sub)) = (self.tracks.remove(&old), number) {
            track.resync(sub);
            self.request(track);
        }
    }

    fn other(&mut self, frame: ServerFrame) -> Result<Option<Event>, Nonsense> {
        let sub = match &frame {
            ServerFrame::Subscribed { sub, .. }
            | ServerFrame::Ready { sub, .. }
            | ServerFrame::Gap { sub, .. }
            | ServerFrame::Ended { sub, .. }
            | ServerFrame::Reset(sub)
            | ServerFrame::Refused {
                about: About::Sub(sub),
                ..
            } => *sub,
            _ => return Ok(self.answer(frame)),
        };
        let Some(track) = self.tracks.get_mut(&sub) else {
            return Ok(None);
        };
        let items = track.receive(frame)?;
        let told = Told {
            track: track.id,
            last: items.last().is_some_and(Item::is_last),
            items,
            cost: Cost::default(),
        };
        if told.last {
            self.tracks.remove(&sub);
        }
        Ok((!told.items.is_empty()).then_some(Event::Told(told)))
    }

    fn answer(&mut self, frame: ServerFrame) -> Option<Event> {
        let id = match &frame {
            ServerFrame::Pong { id, .. }
            | ServerFrame::Result { id, .. }
            | ServerFrame::Stats { id, .. }
            | ServerFrame::Refused {
                about: About::Id(id),
                ..
            } => *id,
            _ => return None,
        };
        let answer = match frame {
            ServerFrame::Refused { code, detail, .. } => Err(Failed::Refused(code, detail)),
            frame => Ok(frame),
        };
        self.calls.done(id).then_some(Event::Answered(id, answer))
    }

    fn number(&mut self) -> Option<SubId> {
        self.last_sub = self.last_sub.checked_add(1)?;
        Some(SubId(self.last_sub))
    }

    fn sub_of(&self, id: TrackId) -> Option<SubId> {
        let mut tracks = self.tracks.values();
        tracks.find(|track| track.id == id).map(Track::sub)
    }

    fn request(&mut self, mut track: Track) {
        if self.welcome.is_some() {
            let frame = ClientFrame::Subscribe(Box::new(track.request()));
            self.out.push_back(frame);
        }
        self.tracks.insert(track.sub(), track);
    }

    /// Sends a frame if there is a session; without one, the next welcome says it.
    fn say(&mut self, frame: ClientFrame) {
        if self.welcome.is_some() {
            self.out.push_back(frame);
        }
    }
}

#[cfg(test)]
#[path = "tests/proxied.rs"]
mod proxied;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wanted;
    use spica_live_proto::{Deliver, Encoding, GapReason, Recovery, decode_server};
    use spica_model::{Epoch, Lane, Seq, TopicFilter};

    fn open() -> Core {
        let mut core = Core::new(&Settings::new(Vec::new(), None));
        welcome(&mut core);
        core
    }

    fn welcome(core: &mut Core) {
        core.begin();
        let frame = br#"{"t":"welcome","session":"s","node":"root","engine":"e1","time":1,
            "heartbeat_ms":1000,"role":"reader","max_frame":65536,"max_subs":10}"#;
        say(core, frame);
    }

    fn say(core: &mut Core, frame: &[u8]) -> Vec<Item> {
        let frame = decode_server(Encoding::Json, frame).unwrap();
        match core.receive(frame, 10).unwrap() {
            Some(Event::Told(told)) => told.items.into_vec(),
            _ => Vec::new(),
        }
    }

    fn subscribed(core: &mut Core, at: u64) -> Vec<Item> {
        let frame = ServerFrame::Subscribed {
            sub: SubId(core.last_sub),
            recovery: Recovery::Auto,
            deliver: Deliver::Auto,
            at: place(at),
            resumed: false,
        };
        match core.receive(Incoming::Frame(frame), 10).unwrap() {
            Some(Event::Told(told)) => told.items.into_vec(),
            _ => Vec::new(),
        }
    }

    fn place(normal: u64) -> Place {
        Place::new((Epoch(1), Seq(0)), (Epoch(1), Seq(normal)))
    }

    #[test]
    fn events_that_went_by_while_a_snapshot_was_cut_are_named_by_a_gap() {
        let mut core = open();
        core.subscribe(wanted(TopicFilter::new("#").unwrap()));
        assert_eq!(subscribed(&mut core, 5), []);
        core.lost();
        welcome(&mut core);
        let out = core.take_out();
        let ClientFrame::Subscribe(again) = &out[0] else {
            panic!("{out:?}");
        };
        assert_eq!(again.after, None, "the snapshot begins anew");
        let gap = Item::Gap {
            lane: Lane::Normal,
            from: Seq(6),
            to: Seq(9),
            reason: GapReason::Unknown,
        };
        assert_eq!(subscribed(&mut core, 9), [gap, Item::Reset]);
    }

    #[test]
    fn a_delta_for_nothing_begins_anew_under_another_number() {
        let mut core = open();
        let (_, held) = core
            .subscribe(wanted(TopicFilter::new("#").unwrap()))
            .unwrap();
        subscribed(&mut core, 0);
        core.take_out();
        let same = br#"{"t":"data","sub":1,"u":[[3,7,1,1,2,10,null,0]],"at":[1,0,1,2]}"#;
        assert_eq!(say(&mut core, same), []);
        assert!(held.read().stale);
        let out = core.take_out();
        assert_eq!(out[0], ClientFrame::Unsubscribe(SubId(1)));
        assert!(matches!(&out[1], ClientFrame::Subscribe(it) if it.sub == SubId(2)));
        assert_eq!(say(&mut core, same), [], "the old number is no more");
        assert!(core.take_out().is_empty());
    }

    #[test]
    fn what_comes_before_its_time_makes_no_sense() {
        let mut fresh = Core::new(&Settings::new(Vec::new(), None));
        let beat = || Incoming::Frame(ServerFrame::Beat { time: 1 });
        assert!(fresh.receive(beat(), 10).is_err(), "no welcome yet");
        let mut core = open();
        assert!(core.receive(beat(), 10).is_ok());
        core.subscribe(wanted(TopicFilter::new("#").unwrap()));
        let ready = Incoming::Frame(ServerFrame::Ready {
            sub: SubId(1),
            at: place(1),
        });
        assert!(core.receive(ready, 10).is_err(), "not subscribed yet");
    }

    #[test]
    fn calls_that_wait_are_limited() {
        let mut core = open();
        let asked: Vec<_> = (0..1_025).map(|_| core.ask(Ask::Ping)).collect();
        assert!(asked[..1_024].iter().all(Result::is_ok));
        assert_eq!(asked[1_024], Err(Failed::TooMany));
        core.forget(1);
        assert!(core.ask(Ask::Ping).is_ok());
    }
}
