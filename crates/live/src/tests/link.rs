//! A session over a phone's link, in virtual time: 50 kbit/s, a round trip of 300 ms, two of a hundred
//! packets lost. What is shown stays current, every topic has its turn, no event is missing: over a
//! stream (WebSocket, server-sent events) and by polls.
//!
//! `LINK_S` says for how many virtual seconds, 900 if it says nothing; eight hours are 28800.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;
use spica_live_proto::{Encoding, Subscribe};
use spica_model::{Epoch, Kind, Lane, Place, Seq, Timestamp};

use super::viewer::opening;
use super::world::{record, subscribe};
use crate::{Ask, Drain, Engine, Limits, Portion, SessionFrame, SessionId};

/// One step of virtual time.
const STEP_MS: u64 = 20;
const BYTES_PER_S: u64 = 50_000 / 8;
const ROUND_TRIP_MS: u64 = 300;
const LOST_PERCENT: u64 = 2;
const PACKET: usize = 1_400;
/// What the system keeps of a thin link before it takes no more, at least and at most.
const UNSENT: (usize, usize) = (2 << 10, 16 << 10);
/// When a connection that takes nothing is given up.
const WRITE_TIMEOUT_MS: u64 = 30_000;

/// Chance, the same each time: a generator of Lehmer's.
struct Random(u64);

impl Random {
    const fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0xda94_2042_e4dd_58b5) | 1;
        (self.0 >> 20) % most
    }
}

/// One direction of a TCP connection over a bad link.
struct Link {
    random: Random,
    /// Frames that the system has, and how much of the first is on its way.
    unsent: VecDeque<Vec<u8>>,
    sent: usize,
    unsent_bytes: usize,
    /// When the link is free again.
    free_at_ms: u64,
    /// Whole frames on their way, with when they arrive.
    flying: VecDeque<(u64, Vec<u8>)>,
}

impl Link {
    /// Sends what it can until `now`: packet by packet, in order. A lost one holds up all behind it
    /// for a round trip, or until the timer of the sender has run out.
    fn advance(&mut self, now_ms: u64) {
        while self.free_at_ms <= now_ms && self.unsent_bytes > 0 {
            let packet = self.unsent_bytes.min(PACKET);
            let mut took_ms = packet as u64 * 1_000 / BYTES_PER_S + 1;
            let mut timer_ms = 4 * ROUND_TRIP_MS;
            while self.random.below(100) < LOST_PERCENT {
                // Mostly the packets behind it tell of it.
                if self.random.below(4) > 0 {
                    took_ms += ROUND_TRIP_MS;
                } else {
                    took_ms += timer_ms;
                    timer_ms *= 2;
                }
            }
            self.free_at_ms = self.free_at_ms.max(now_ms) + took_ms;
            self.pass(packet);
        }
    }

    fn pass(&mut self, packet: usize) {
        self.unsent_bytes -= packet;
        self.sent += packet;
        while self.unsent.front().is_some_and(|it| it.len() <= self.sent) {
            let frame = self.unsent.pop_front().unwrap();
            self.sent -= frame.len();
            let at = self.free_at_ms + ROUND_TRIP_MS / 2;
            self.flying.push_back((at, frame));
        }
    }

    fn arrived(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        self.flying
            .pop_front_if(|(at, _)| *at <= now_ms)
            .map(|(_, it)| it)
    }
}

/// The server's end: frames that wait to be taken, and how long they do.
struct Socket {
    waiting: VecDeque<Vec<u8>>,
    drain: Drain,
    taken: usize,
    waited_ms: u64,
    blocked_ms: u64,
    longest_ms: u64,
}

impl Socket {
    /// Gives the link what it takes. Whether all of it was taken.
    fn write(&mut self, link: &mut Link) -> bool {
        let keeps = self.drain.room().clamp(UNSENT.0, UNSENT.1);
        while let Some(frame) = self.waiting.pop_front_if(|_| link.unsent_bytes < keeps) {
            self.taken += frame.len();
            link.unsent_bytes += frame.len();
            link.unsent.push_back(frame);
            self.blocked_ms = 0;
        }
        if self.waiting.is_empty() {
            let waited = Duration::from_millis(std::mem::take(&mut self.waited_ms));
            self.drain.took(std::mem::take(&mut self.taken), waited);
            return true;
        }
        self.waited_ms += STEP_MS;
        self.blocked_ms += STEP_MS;
        self.longest_ms = self.longest_ms.max(self.blocked_ms);
        false
    }
}

/// A client that asks again when it has an answer.
#[derive(Default)]
struct Polls {
    portion: Portion,
    /// When the question comes that is on its way; none while an answer is.
    asked_ms: Option<u64>,
    /// The answer that is on its way: its bytes, and when it was given.
    answer: Option<(usize, u64)>,
    longest_answer_ms: u64,
}

impl Polls {
    /// How much an answer may hold, if there is a question.
    fn room(&self, now_ms: u64) -> Option<usize> {
        let asked = self.answer.is_none() && self.asked_ms.is_none_or(|at| at <= now_ms);
        asked.then(|| self.portion.bytes())
    }

    /// Everything of an answer has come.
    fn came(&mut self, now_ms: u64) {
        let Some((bytes, given_ms)) = self.answer.take() else {
            return;
        };
        let asked_ms = now_ms + ROUND_TRIP_MS / 2;
        self.asked_ms = Some(asked_ms);
        // The node knows by then; nothing is asked of it before.
        let took_ms = asked_ms - given_ms;
        self.longest_answer_ms = self.longest_answer_ms.max(took_ms);
        self.portion.came(bytes, Duration::from_millis(took_ms));
    }
}

/// What the client knows.
#[derive(Default)]
struct Client {
    names: HashMap<u64, String>,
    /// When the value that is shown was received, by topic.
    shown_us: HashMap<String, u64>,
    events: Vec<u64>,
    ready: bool,
    oldest_us: u64,
}

impl Client {
    fn take(&mut self, frame: &[u8]) {
        let frame: Value = serde_json::from_slice(frame).unwrap();
        match frame["t"].as_str().unwrap() {
            "subscribed" => {}
            "ready" => self.ready = true,
            "data" => {
                for row in frame["u"].as_array().unwrap() {
                    self.row(row);
                }
            }
            other => panic!("{other}: {frame}"),
        }
    }

    fn row(&mut self, row: &Value) {
        let number = |at: usize| row[at].as_u64().unwrap();
        let (seq, received) = match number(0) {
            0 => {
                self.names
                    .insert(number(1), row[2].as_str().unwrap().into());
                (number(5), number(6))
            }
            _ => (number(4), number(5)),
        };
        let topic = &self.names[&number(1)];
        if topic.starts_with("event") {
            assert!(
                self.events.last().is_none_or(|last| *last < seq),
                "in order"
            );
            self.events.push(seq);
        } else {
            let before = self.shown_us.insert(topic.clone(), received);
            assert!(before.is_none_or(|before| before < received), "newer");
        }
    }
}

/// A node with one session over a link.
struct Phone {
    engine: Engine,
    id: SessionId,
    link: Link,
    socket: Socket,
    /// Instead of the socket, if the client polls.
    polls: Option<Polls>,
    client: Client,
    events: Vec<u64>,
    seq: u64,
    now_ms: u64,
}

impl Phone {
    fn new(wants: Subscribe, seed: u64) -> Self {
        let place = (Epoch(1), Seq(0));
        let mut engine = Engine::new(Limits::default(), &Place::new(place, place));
        let id = engine.open(opening(), Duration::ZERO);
        assert_eq!(opening().encoding, Encoding::Json);
        let frame = SessionFrame::Subscribe(Box::new(wants));
        engine.say(id, frame, Duration::ZERO);
        for ask in engine.take_asks() {
            let Ask::Load { group, .. } = ask else {
                panic!("{ask:?}");
            };
            engine.loaded(group);
        }
        let mut client = Client::default();
        // It begins before anything happens.
        for frame in engine.turn(id, Duration::ZERO) {
            client.take(&frame);
        }
        assert!(client.ready);
        Self {
            engine,
            id,
            link: Link {
                random: Random(seed),
                unsent: VecDeque::new(),
                sent: 0,
                unsent_bytes: 0,
                free_at_ms: 0,
                flying: VecDeque::new(),
            },
            socket: Socket {
                waiting: VecDeque::new(),
                drain: Drain::default(),
                taken: 0,
                waited_ms: 0,
                blocked_ms: 0,
                longest_ms: 0,
            },
            polls: None,
            client,
            events: Vec::new(),
            seq: 0,
            now_ms: 0,
        }
    }

    fn publish(&mut self, kind: Kind, topic: &str) {
        self.seq += 1;
        let noise = self.link.random.below(1 << 32);
        let value = format!("{{\"noise\":{noise},\"text\":\"{}\"}}", "y".repeat(150));
        let mut record = record(Lane::Normal, self.seq, topic, kind, Some(&value));
        record.received = Timestamp::from_micros(i64::try_from(self.now_ms * 1_000).unwrap());
        self.engine.take([&record]);
        if kind == Kind::Event {
            self.events.push(self.seq);
        }
    }

    fn step(&mut self) {
        self.link.advance(self.now_ms);
        match &self.polls {
            None => self.write(),
            Some(polls) => {
                if let Some(room) = polls.room(self.now_ms) {
                    self.answer(room);
                }
            }
        }
        while let Some(frames) = self.link.arrived(self.now_ms) {
            // The frames of an answer are lines here.
            for frame in frames.split(|it| *it == b'\n') {
                self.client.take(frame);
            }
            if let Some(polls) = &mut self.polls {
                polls.came(self.now_ms);
            }
        }
        let oldest = self.client.shown_us.values().min().copied();
        let age = oldest.map_or(0, |at| self.now_ms * 1_000 - at);
        self.client.oldest_us = self.client.oldest_us.max(age);
        self.now_ms += STEP_MS;
    }

    /// Fills the stream with what the link takes.
    fn write(&mut self) {
        let now = Duration::from_millis(self.now_ms);
        while self.socket.write(&mut self.link) {
            let room = self.socket.drain.room();
            let frames = self.engine.turn_within(self.id, room, now);
            if frames.is_empty() {
                break;
            }
            self.socket
                .waiting
                .extend(frames.iter().map(|it| it.to_vec()));
        }
    }

    /// Answers a question, if there is something to say.
    fn answer(&mut self, room: usize) {
        let now = Duration::from_millis(self.now_ms);
        let frames = self.engine.turn_within(self.id, room, now);
        let Some(polls) = self.polls.as_mut().filter(|_| !frames.is_empty()) else {
            return;
        };
        let page = frames.join(&b'\n');
        polls.answer = Some((page.len(), self.now_ms));
        self.link.unsent_bytes += page.len();
        self.link.unsent.push_back(page);
    }

    /// Publishes `topics` states five times a second, and an event each second, for so long.
    fn run(&mut self, topics: usize, for_s: u64) {
        let until = self.now_ms + for_s * 1_000;
        while self.now_ms < until {
            if self.now_ms.is_multiple_of(200) {
                for n in 0..topics {
                    self.publish(Kind::State, &format!("state/{n}"));
                }
                if self.now_ms.is_multiple_of(1_000) {
                    self.publish(Kind::Event, "event");
                }
                self.engine.tick(Timestamp::EPOCH);
                let levels = self.engine.levels();
                assert!(levels.queue_bytes <= Limits::default().queue_bytes);
                assert_eq!(levels.replay_bytes, 0, "nothing is read again");
            }
            self.step();
        }
    }

    /// Nothing more happens: what is on its way arrives.
    fn rest(&mut self) {
        let until = self.now_ms + 60_000;
        while self.now_ms < until {
            self.step();
        }
    }
}

fn lasts_s() -> u64 {
    let given = std::env::var("LINK_S").ok();
    given.and_then(|it| it.parse().ok()).unwrap_or(900)
}

#[test]
fn a_thin_link_shows_what_is_current_and_misses_no_event() {
    let mut phone = Phone::new(subscribe(1, "#"), 1);
    phone.run(20, lasts_s());
    let oldest_ms = phone.client.oldest_us / 1_000;
    phone.rest();
    let (client, socket) = (&phone.client, &phone.socket);
    println!(
        "{} s: oldest {oldest_ms} ms, room {} B, longest wait {} ms, {} events",
        lasts_s(),
        socket.drain.room(),
        socket.longest_ms,
        client.events.len()
    );
    let same = client.events == phone.events;
    assert!(same, "each event, once, in order");
    assert_eq!(client.shown_us.len(), 20);
    assert!(oldest_ms < 10_000, "{oldest_ms}");
    assert!(socket.longest_ms < WRITE_TIMEOUT_MS, "it would be cut");
}

#[test]
fn topics_that_all_change_faster_than_the_link_takes_them_have_their_turns() {
    let mut phone = Phone::new(subscribe(1, "#"), 2);
    phone.run(300, 90);
    let oldest_ms = phone.client.oldest_us / 1_000;
    assert_eq!(phone.client.shown_us.len(), 300);
    // Two rounds of about 35 kB, at 6.25 kB/s, and what is lost.
    assert!(oldest_ms < 20_000, "{oldest_ms}");
    phone.rest();
    assert!(phone.client.events == phone.events, "each event, once");
    let last = phone.now_ms - 60_000 - 200;
    let shown = phone.client.shown_us.values();
    assert!(
        shown.copied().all(|at| at == last * 1_000),
        "all that was last"
    );
}

#[test]
fn a_client_that_polls_over_a_thin_link_is_shown_what_is_current() {
    let mut phone = Phone::new(subscribe(1, "#"), 3);
    phone.polls = Some(Polls::default());
    phone.run(20, lasts_s());
    let oldest_ms = phone.client.oldest_us / 1_000;
    phone.rest();
    let polls = phone.polls.as_ref().unwrap();
    println!(
        "{} s: oldest {oldest_ms} ms, portion {} B, longest answer {} ms, {} events",
        lasts_s(),
        polls.portion.bytes(),
        polls.longest_answer_ms,
        phone.client.events.len()
    );
    let same = phone.client.events == phone.events;
    assert!(same, "each event, once, in order");
    assert_eq!(phone.client.shown_us.len(), 20);
    assert!(oldest_ms < 6_000, "{oldest_ms}");
}
