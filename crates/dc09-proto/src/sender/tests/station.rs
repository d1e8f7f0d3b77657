//! A sender, two stations and the time between them.

use std::collections::VecDeque;
use std::time::Duration;

use spica_model::Timestamp;

use super::super::*;
use crate::payload::Payload;
use crate::{Answer, Event, Key, Receiver, Sequence, answer};

/// What a station does with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// What is right.
    Right,
    /// Nothing; it cannot even be reached.
    Unreachable,
    /// Nothing, but it can be reached.
    Nothing,
    /// It takes the message, and its answer is lost.
    Lost,
    /// `DUH` to events, `ACK` to polls.
    Duh,
    /// `NAK`, with this time whatever the message's.
    Nak(Timestamp),
}

/// A station: the receiver of this crate, and what it took.
pub(super) struct Station {
    pub(super) receiver: Receiver,
    pub(super) says: Says,
    /// By how much its clock is ahead, in microseconds.
    pub(super) ahead_micros: i64,
    /// The events it took, with their numbers.
    pub(super) taken: Vec<(Sequence, String)>,
    pub(super) polls: usize,
}

/// Everything that is not a [`Output::Send`], [`Output::Connect`] or [`Output::Close`], with when.
pub(super) type Told = Vec<(Duration, Output)>;

pub(super) struct World {
    pub(super) sender: Sender,
    pub(super) stations: [Station; 2],
    pub(super) steady: Duration,
    pub(super) told: Told,
    /// When frames were sent, by which path, under which number.
    pub(super) sent: Vec<(Duration, Path, Sequence)>,
    start: Timestamp,
}

impl World {
    pub(super) fn new(config: Config) -> Self {
        Self::after(config, Sequence::ZERO)
    }

    /// After a restart.
    pub(super) fn after(config: Config, last: Sequence) -> Self {
        let station = |key: Option<Key>| Station {
            receiver: Receiver {
                accounts: [(config.account.clone(), key)].into(),
                ..Receiver::default()
            },
            says: Says::Right,
            ahead_micros: 0,
            taken: Vec::new(),
            polls: 0,
        };
        Self {
            stations: [station(config.key.clone()), station(config.key.clone())],
            sender: Sender::new(config, last).unwrap(),
            steady: Duration::ZERO,
            told: Vec::new(),
            sent: Vec::new(),
            start: "2026-11-22T05:01:23Z".parse().unwrap(),
        }
    }

    pub(super) fn now(&self) -> Now {
        Now {
            steady: self.steady,
            wall: self.start.saturating_add(self.steady),
        }
    }

    pub(super) fn push(&mut self, id: u64, event: Event) {
        let now = self.now();
        let outputs = self.sender.push(EventId(id), event, false, None, now);
        self.play(outputs.unwrap());
    }

    pub(super) fn handle(&mut self, input: Input<'_>) {
        let outputs = self.sender.handle(input, self.now());
        self.play(outputs);
    }

    /// Lets time pass, from one deadline to the next.
    pub(super) fn run(&mut self, by: Duration) {
        let end = self.steady + by;
        while self.sender.deadline() <= end {
            assert!(
                self.steady < self.sender.deadline() || self.steady == Duration::ZERO,
                "what was due at {:?} is still due",
                self.steady
            );
            self.steady = self.steady.max(self.sender.deadline());
            self.handle(Input::Tick);
        }
        self.steady = end;
    }

    /// Carries out what the sender wants, in order.
    pub(super) fn play(&mut self, outputs: Vec<Output>) {
        let mut waiting = VecDeque::from(outputs);
        while let Some(output) = waiting.pop_front() {
            let now = self.now();
            match output {
                Output::Connect(path) => {
                    let is_there = self.stations[path as usize].says != Says::Unreachable;
                    let input = match is_there {
                        true => Input::Connected(path),
                        false => Input::Disconnected(path),
                    };
                    waiting.extend(self.sender.handle(input, now));
                }
                Output::Close(_) => {}
                Output::Send {
                    path,
                    sequence,
                    bytes,
                    ..
                } => {
                    self.sent.push((self.steady, path, sequence));
                    let answer = self.stations[path as usize].hear(&bytes, now.wall);
                    if let Some(answer) = answer {
                        let input = Input::Bytes(path, &answer);
                        waiting.extend(self.sender.handle(input, now));
                    }
                }
                told => self.told.push((self.steady, told)),
            }
        }
    }

    /// What was told, without when.
    pub(super) fn told(&self) -> Vec<Output> {
        self.told.iter().map(|(_, told)| told.clone()).collect()
    }
}

impl Station {
    fn hear(&mut self, frame: &[u8], wall: Timestamp) -> Option<Vec<u8>> {
        let now = Timestamp::from_micros(wall.as_micros() + self.ahead_micros);
        if matches!(self.says, Says::Nothing | Says::Unreachable) {
            return None;
        }
        let taken = match self.receiver.take(frame, now) {
            Ok(taken) => taken,
            Err(refused) => return refused.answer,
        };
        match (self.says, &taken.payload) {
            (Says::Nak(time), _) => return answer(&taken.head, Answer::Nak, time, None).ok(),
            (Says::Duh, Payload::Sia(_)) => {
                return answer(&taken.head, Answer::Duh, now, None).ok();
            }
            (_, Payload::Nothing) => self.polls += 1,
            (_, _) => {
                let data = taken.message.data.to_string();
                self.taken.push((taken.message.sequence, data));
            }
        }
        let ack = taken.ack(now).unwrap();
        (self.says != Says::Lost).then_some(ack)
    }
}
