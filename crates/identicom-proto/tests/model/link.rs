//! One connection: bytes on their way in both directions, moved on one random step at a time.

use spica_clock::Clock;
use spica_identicom_proto::dialogue::{Dialogue, Input, PendingCommand, Verdict};
use spica_identicom_proto::frame::{Decoder, Direction};
use spica_identicom_proto::message::ToDevice;

use crate::device::Device;
use crate::hub::{Answer, Hub};
use crate::random::Random;

pub(crate) struct Link {
    dialogue: Dialogue,
    at_station: Decoder,
    at_device: Decoder,
    to_station: Vec<u8>,
    to_device: Vec<u8>,
}

impl Link {
    pub(crate) fn open(hub: &Hub) -> Self {
        Self {
            dialogue: Dialogue::new(hub.profile.clone(), hub.clock.monotonic()),
            at_station: Decoder::new(Direction::FromDevice, 1024),
            at_device: Decoder::new(Direction::ToDevice, 120),
            to_station: Vec::new(),
            to_device: Vec::new(),
        }
    }

    /// Lets one thing happen; false when the connection is over.
    pub(crate) fn step(
        &mut self,
        device: &mut Device,
        hub: &mut Hub,
        random: &mut Random,
        may_fail: bool,
    ) -> bool {
        if matches!(hub.answers.front(), Some(Answer::Verdict)) {
            self.give_answer(hub, random, may_fail);
        }
        match random.below(6) {
            0 => device.speak(random, &mut self.to_station),
            1 => self.read_at_device(device, hub, random),
            2 => self.read_at_station(hub, random, may_fail),
            3 => self.give_answer(hub, random, may_fail),
            4 => {
                if let Some(batch) = hub.commit(random) {
                    self.handle(hub, random, may_fail, Input::Durable { batch });
                }
            }
            _ if self.is_quiet(hub) => self.wait(hub, random, may_fail),
            _ => {}
        }
        !hub.is_closed
    }

    /// Whether nothing happens any more unless somebody speaks by himself.
    fn is_quiet(&self, hub: &Hub) -> bool {
        let has_bytes = !self.to_station.is_empty() || !self.to_device.is_empty();
        !has_bytes && hub.answers.is_empty() && !hub.has_pending()
    }

    /// Nothing moves: the station's patience ends. Only a device that has not said who it is may
    /// ever be waited for.
    fn wait(&mut self, hub: &mut Hub, random: &mut Random, may_fail: bool) {
        assert!(
            self.dialogue.identity().is_none(),
            "nobody does anything any more"
        );
        let due = self.dialogue.next_deadline().expect("a deadline");
        hub.clock.advance(due - hub.clock.monotonic());
        self.handle(hub, random, may_fail, Input::Timeout);
    }

    fn read_at_device(&mut self, device: &mut Device, hub: &Hub, random: &mut Random) {
        let mut piece = take(&mut self.to_device, random);
        let mut input = &mut piece[..];
        while let Some(frame) = self.at_device.next(&mut input) {
            let request = ToDevice::decode(frame.expect("a frame")).expect("a message");
            device.answer(request, hub, random, &mut self.to_station);
        }
    }

    fn read_at_station(&mut self, hub: &mut Hub, random: &mut Random, may_fail: bool) {
        let mut piece = take(&mut self.to_station, random);
        let mut input = &mut piece[..];
        let now = hub.clock.monotonic();
        while let Some(frame) = self.at_station.next(&mut input) {
            let frame = Input::Frame(frame.expect("a frame"));
            let out = &mut self.to_device;
            self.dialogue
                .handle(now, frame, out, |action| hub.act(&action, random, may_fail));
            if matches!(hub.answers.front(), Some(Answer::Verdict)) {
                hub.answers.pop_front();
                let verdict = Input::Verdict(Verdict::Accepted);
                self.dialogue.handle(now, verdict, out, |action| {
                    hub.act(&action, random, may_fail);
                });
            }
        }
    }

    fn give_answer(&mut self, hub: &mut Hub, random: &mut Random, may_fail: bool) {
        let Some(answer) = hub.answers.pop_front() else {
            return;
        };
        let input = match answer {
            Answer::Verdict => Input::Verdict(Verdict::Accepted),
            Answer::Picture(answer) => Input::Picture(answer),
            Answer::Command(id) => Input::Command(id.map(|id| PendingCommand {
                id,
                code: 4,
                arguments: b"",
            })),
        };
        self.handle(hub, random, may_fail, input);
    }

    fn handle(&mut self, hub: &mut Hub, random: &mut Random, may_fail: bool, input: Input<'_>) {
        let now = hub.clock.monotonic();
        self.dialogue
            .handle(now, input, &mut self.to_device, |action| {
                hub.act(&action, random, may_fail);
            });
    }
}

/// Takes some of the bytes that are on their way.
fn take(bytes: &mut Vec<u8>, random: &mut Random) -> Vec<u8> {
    let count = if random.one_in(3) {
        random.below(bytes.len() + 1)
    } else {
        bytes.len()
    };
    bytes.drain(..count).collect()
}
