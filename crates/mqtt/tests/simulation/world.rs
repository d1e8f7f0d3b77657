//! Client, server and link, from a seed: faults for a while, then none, then the books are compared.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroU16;

use spica_model::Lane;
use spica_mqtt::{OutNote, SessionLimits};
use spica_mqtt_proto::{QoS, Version};

use crate::client::Client;
use crate::ensure;
use crate::journal::{Entry, Fact, Journal};
use crate::random::Random;
use crate::server::{Plant, Server, lane_of};

struct World {
    random: Random,
    journal: Journal,
    client: Client,
    server: Server,
    receive_maximum: u16,
    is_up: bool,
    /// The server crashes often.
    is_harsh: bool,
    numbers: u32,
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
}

/// Steps with faults.
const STEPS: usize = 400;
/// Rounds without, in which all has to be settled.
const ROUNDS: usize = 2_000;

/// A whole run.
pub(crate) fn run(seed: u64, plant: Option<Plant>) -> Result<(), String> {
    let mut world = World::new(seed, plant);
    for _ in 0..STEPS {
        world.step()?;
    }
    for _ in 0..ROUNDS {
        world.settle()?;
        if world.is_settled() {
            return world.compare();
        }
    }
    world.compare()?;
    Err("all is there, but the conversation does not end".to_owned())
}

impl World {
    fn new(seed: u64, plant: Option<Plant>) -> Self {
        let mut random = Random::new(seed);
        let version = Version::ALL[random.below(3)];
        let receive_maximum = 1 + random.below(6) as u16;
        // Versions without a receive maximum send what they like.
        let taken = if version == Version::V5 {
            receive_maximum
        } else {
            100
        };
        let limits = SessionLimits {
            receive_maximum: NonZeroU16::new(taken).unwrap(),
            window: NonZeroU16::new(1 + random.below(8) as u16).unwrap(),
            queue_messages: 1 + random.below(6) as u32,
            tracked: 8 + random.below(20) as u16,
            ..SessionLimits::default()
        };
        let is_harsh = random.one_in(3);
        let server = Server::new(limits, version, plant);
        Self {
            random,
            journal: Journal::default(),
            client: Client::new(version),
            server,
            receive_maximum: taken,
            is_up: false,
            is_harsh,
            numbers: 0,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
        }
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.below(100) {
            0..3 => self.cut(),
            3..6 if self.is_harsh => self.crash(),
            3 => self.crash(),
            4..12 => self.connect(),
            12..26 => self.client_publishes(),
            26..36 => self.another_publishes(),
            36..44 => self.server_reads()?,
            44..54 => self.client_reads()?,
            54..60 if self.is_up => self.client.give_held(1 + self.random.below(3)),
            54..60 => {}
            60..74 => self.commits(),
            74..82 => {
                let most = 1 + self.random.below(3);
                self.routes(most);
            }
            82..88 => {
                let most = 1 + self.random.below(4);
                self.feeds(most);
            }
            88..99 => self.server_writes(false)?,
            _ => self.server_writes(true)?,
        }
        self.server.check()
    }

    /// Everything goes on, and nothing breaks.
    fn settle(&mut self) -> Result<(), String> {
        self.connect();
        self.client.give_held(10);
        self.server_reads()?;
        Lane::ALL
            .into_iter()
            .for_each(|lane| self.journal.commit(lane, 100));
        self.server.follow(&self.journal);
        self.routes(10);
        self.feeds(10);
        self.server_writes(false)?;
        self.client_reads()?;
        self.server.check()
    }

    fn is_settled(&self) -> bool {
        let all = self.client.is_settled() && self.compare().is_ok();
        all && self.client.out.is_empty() && self.server.out.is_empty()
    }

    fn connect(&mut self) {
        if self.is_up {
            return;
        }
        self.is_up = true;
        let window = match self.client.version {
            Version::V5 => 1 + self.random.below(8) as u16,
            _ => u16::MAX,
        };
        self.server.connected(window);
        let receive_maximum = self.receive_maximum;
        self.client
            .connected(&mut self.random, receive_maximum, window);
    }

    /// Each side has read a part of what the other sent.
    fn cut(&mut self) {
        if std::mem::take(&mut self.is_up) {
            self.to_server.clear();
            self.to_client.clear();
            self.client.out.clear();
            self.server.disconnected(&mut self.random);
        }
    }

    fn crash(&mut self) {
        self.cut();
        self.journal.crash(&mut self.random);
        self.server.restart(&self.journal);
    }

    fn client_publishes(&mut self) {
        if !self.is_up {
            return;
        }
        let qos = QoS::ALL[self.random.below(3)];
        let topic = format!("in/{}", self.random.below(3));
        if self.client.publish(self.numbers, &topic, qos) {
            self.numbers += 1;
        }
    }

    fn another_publishes(&mut self) {
        let qos = QoS::ALL[self.random.below(3)];
        let topic = format!("out/{}", self.random.below(3));
        let fact = Fact::new(&topic, qos, self.numbers, None);
        self.journal.append(lane_of(&topic), Entry::Fact(fact));
        self.numbers += 1;
    }

    fn server_reads(&mut self) -> Result<(), String> {
        self.to_server.append(&mut self.client.out);
        let count = self.random.below(self.to_server.len() + 1);
        let packets: Vec<_> = self.to_server.drain(..count).collect();
        self.server.read(&packets, &mut self.journal)
    }

    fn client_reads(&mut self) -> Result<(), String> {
        self.to_client.append(&mut self.server.out);
        let count = self.random.below(self.to_client.len() + 1);
        for bytes in self.to_client.drain(..count) {
            self.client.receive(&bytes, &self.journal)?;
        }
        Ok(())
    }

    fn commits(&mut self) {
        let lane = Lane::ALL[self.random.below(2)];
        self.journal.commit(lane, 1 + self.random.below(6));
        self.server.follow(&self.journal);
    }

    fn routes(&mut self, most: usize) {
        for lane in Lane::ALL {
            (0..most).for_each(|_| self.server.route(lane, &self.journal));
        }
    }

    fn feeds(&mut self, most: usize) {
        for lane in Lane::ALL {
            self.server.feed(lane, most, &self.journal);
        }
    }

    fn server_writes(&mut self, lazily: bool) -> Result<(), String> {
        let budget = 1 + self.random.below(200);
        let note = self.server.write(budget, lazily, &mut self.journal)?;
        note.map_or(Ok(()), |note| self.check_low_water(&note))
    }

    /// Everything up to the low-water place is with the client.
    fn check_low_water(&self, note: &OutNote) -> Result<(), String> {
        let has: HashSet<_> = self
            .client
            .received
            .iter()
            .map(|(number, ..)| *number)
            .collect();
        for (lane, seq, fact) in self.journal.facts() {
            let low = match lane {
                Lane::Critical => note.critical,
                Lane::Normal => note.normal,
            };
            let is_due = fact.is_for_client() && fact.qos != QoS::AtMostOnce && seq.0 <= low;
            ensure!(
                !is_due || has.contains(&fact.number),
                "low water of {lane} is {low}, but {seq} ({}) is not delivered",
                fact.number
            );
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), String> {
        let stored: Vec<_> = self
            .journal
            .facts()
            .map(|(_, _, fact)| (fact.number, fact.qos, fact.topic.clone()))
            .collect();
        let (mine, others): (Vec<_>, Vec<_>) = stored
            .into_iter()
            .partition(|(.., topic)| topic.starts_with("in/"));
        books("in", &self.client.published, &mine)?;
        books("out", &others, &self.client.received)
    }
}

type Book = [(u32, QoS, String)];

/// What was sent has come: QoS 1 at least once, QoS 2 once, each in order per topic.
fn books(way: &str, sent: &Book, came: &Book) -> Result<(), String> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for (number, ..) in came {
        *counts.entry(*number).or_default() += 1;
    }
    for (number, qos, _) in sent.iter().filter(|(_, qos, _)| *qos != QoS::AtMostOnce) {
        let count = counts.get(number).copied().unwrap_or(0);
        ensure!(count > 0, "{way}: {number} of {qos:?} is lost");
        ensure!(
            *qos != QoS::ExactlyOnce || count == 1,
            "{way}: {number} of {qos:?} came {count} times"
        );
    }
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        in_order(way, qos, came)?;
    }
    Ok(())
}

/// Numbers go up per topic, the first time each comes.
fn in_order(way: &str, qos: QoS, came: &Book) -> Result<(), String> {
    let mut seen = HashSet::new();
    let mut last: HashMap<&str, u32> = HashMap::new();
    for (number, _, topic) in came.iter().filter(|(_, its, _)| *its == qos) {
        if seen.insert(*number)
            && let Some(before) = last.insert(topic, *number)
        {
            ensure!(
                before < *number,
                "{way}: {number} of {qos:?} comes on {topic} after {before}"
            );
        }
    }
    Ok(())
}
