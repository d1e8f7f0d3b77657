//! Clients and devices: they send what they have to one node, and to the other one when the first
//! refuses or says nothing (the Lazy Pirate). A retry keeps its key.

use crate::queue::Happens;
use crate::view::TOPICS;
use crate::words::{Key, MS, Outcome};
use crate::world::World;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Keep this fact.
    Keep(Key),
    /// Say what there is to do.
    Command,
    /// Let me take care of a case.
    Care,
}

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Sends values.
    Publisher,
    /// Sends pictures, part by part.
    Camera { picture: u16, part: u8 },
    /// Queues commands.
    Operator,
    /// Carries commands out.
    Device,
    /// Is worn by somebody who works alone.
    Worn { device: u8 },
    /// Takes care of cases.
    Guard,
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) role: Role,
    /// Which node it tries, and whether it tries no other.
    endpoint: usize,
    pub(crate) tied: bool,
    /// Number of the present attempt.
    request: u32,
    wants: Option<Wants>,
    /// Fewest and most milliseconds between two facts.
    pub(crate) pause: (u64, u64),
}

impl Client {
    pub(crate) const fn new(role: Role, endpoint: usize, pause: (u64, u64)) -> Self {
        Self {
            role,
            endpoint,
            tied: false,
            request: 0,
            wants: None,
            pause,
        }
    }

    /// What an attempt is about; nothing if it was given up.
    pub(crate) fn wants(&self, request: u32) -> Option<Wants> {
        self.wants.filter(|_| self.request == request)
    }

    /// Whether a fact is under way.
    pub(crate) const fn is_waiting(&self) -> bool {
        matches!(self.wants, Some(Wants::Keep(_)))
    }
}

impl World {
    /// The usual crowd.
    pub(crate) fn crowd(&mut self) {
        let publishers = 1 + self.chance.below(3);
        let mut roles = vec![Role::Publisher; publishers as usize];
        roles.push(Role::Camera {
            picture: 0,
            part: u8::MAX,
        });
        roles.extend([Role::Operator, Role::Device]);
        for role in roles {
            let endpoint = self.chance.node();
            let longest = self.chance.between(10, 60);
            let pause = match role {
                // Slower than the device, or its commands would pile up.
                Role::Operator => (30, 30 + 4 * longest),
                Role::Device => (1, 10),
                Role::Publisher | Role::Camera { .. } | Role::Worn { .. } | Role::Guard => {
                    (1, longest)
                }
            };
            self.join(Client::new(role, endpoint, pause));
        }
        if self.center.is_some() {
            self.watch_crowd();
        }
    }

    /// Those who work alone, and who looks after them.
    fn watch_crowd(&mut self) {
        let roles = [
            Role::Worn { device: 1 },
            Role::Worn { device: 2 },
            Role::Guard,
        ];
        for role in roles {
            let endpoint = self.chance.node();
            let longest = self.chance.between(80, 500);
            self.join(Client::new(role, endpoint, (20, longest)));
        }
    }

    /// A client begins.
    pub(crate) fn join(&mut self, client: Client) {
        let number = self.clients.len() as u8;
        self.clients.push(client);
        let next = Happens::Next {
            client: number,
            request: 0,
        };
        let time = self.chance.below(100 * MS);
        self.after(time, next);
    }

    /// A client makes its next attempt, with something new if nothing is under way.
    pub(crate) fn next(&mut self, number: u8, request: u32) {
        let index = number as usize;
        if self.clients[index].request != request {
            return;
        }
        if self.clients[index].wants.is_none() {
            match self.something_new(index) {
                Some(wants) => self.clients[index].wants = Some(wants),
                None => return self.pause(number),
            }
        }
        self.attempt(number);
    }

    fn attempt(&mut self, number: u8) {
        let client = &mut self.clients[number as usize];
        client.request += 1;
        let (node, request, half) = (client.endpoint, client.request, number as usize % 2);
        if self.net.clients[half][node][0] == 0 {
            let time = self.net.travel(node, &mut self.chance);
            let arrive = Happens::Arrive {
                node: node as u8,
                client: number,
                request,
            };
            self.after(time, arrive);
        }
        let patience = self.chance.between(100 * MS, 300 * MS);
        let timed_out = Happens::TimedOut {
            client: number,
            request,
        };
        self.after(patience, timed_out);
    }

    /// What a client has to say next.
    fn something_new(&mut self, index: usize) -> Option<Wants> {
        let stopped = self.oracle.closing;
        match self.clients[index].role {
            Role::Publisher if !stopped => {
                let topic = self.chance.between(2, TOPICS as u64 - 1) as u8;
                Some(Wants::Keep(self.book.value(topic)))
            }
            Role::Operator if !stopped => {
                let command = self.book.command();
                Some(Wants::Keep(self.book.commands[command as usize][0]))
            }
            Role::Camera { picture, part } => {
                let parts = self.book.pictures.get(picture as usize).map_or(0, Vec::len);
                let (picture, part) = match (usize::from(part) < parts, stopped) {
                    (true, _) => (picture, part),
                    (false, true) => return None,
                    (false, false) => {
                        let parts = self.chance.between(2, 5) as u8;
                        (self.book.picture(parts), 0)
                    }
                };
                self.clients[index].role = Role::Camera { picture, part };
                Some(Wants::Keep(
                    self.book.pictures[picture as usize][part as usize],
                ))
            }
            Role::Device => Some(Wants::Command),
            Role::Worn { device } if !stopped => Some(Wants::Keep(self.something_happens(device))),
            Role::Guard if !stopped => Some(Wants::Care),
            Role::Publisher | Role::Operator | Role::Worn { .. } | Role::Guard => None,
        }
    }

    pub(crate) fn replied(&mut self, number: u8, request: u32, outcome: Outcome) {
        let client = &mut self.clients[number as usize];
        let Some(wants) = client.wants(request) else {
            return;
        };
        match (outcome, wants) {
            (Outcome::Refused, _) => return self.try_the_other(number),
            (Outcome::Command(command), _) => {
                // Carried out once however often it comes; the confirmation is what is sent next.
                let confirmed = self.book.commands[command as usize][2];
                client.wants = Some(Wants::Keep(confirmed));
                self.oracle.carried_out(command);
                return self.attempt(number);
            }
            (Outcome::Acknowledged, Wants::Keep(key)) => {
                client.wants = None;
                if let Role::Camera { part, .. } = &mut client.role {
                    *part += 1;
                }
                self.oracle.client_heard(key, self.now);
            }
            (_, Wants::Care) => {
                client.wants = None;
                self.cared(number, request, outcome);
            }
            _ => client.wants = None,
        }
        self.pause(number);
    }

    pub(crate) fn timed_out(&mut self, number: u8, request: u32) {
        if self.clients[number as usize].wants(request).is_some() {
            self.try_the_other(number);
        }
    }

    fn try_the_other(&mut self, number: u8) {
        let client = &mut self.clients[number as usize];
        // What still comes for this attempt is not heard.
        client.request += 1;
        if !client.tied {
            client.endpoint = 1 - client.endpoint;
        }
        let request = client.request;
        let settle = self.chance.between(5 * MS, 30 * MS);
        let next = Happens::Next {
            client: number,
            request,
        };
        self.after(settle, next);
    }

    fn pause(&mut self, number: u8) {
        let client = &self.clients[number as usize];
        let (shortest, longest) = client.pause;
        let request = client.request;
        let time = self.chance.between(shortest * MS, longest * MS);
        let next = Happens::Next {
            client: number,
            request,
        };
        self.after(time, next);
    }
}
