//! Commands to the device of a connection: what waits when it comes, and what is queued while it is
//! there. Ends with the connection.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use spica_devices::{Command, CommandState, Serial};
use spica_model::{Lane, Topic};
use spica_mqtt::{Delivery, Origin, Pushed};
use spica_mqtt_proto::{QoS, SubscriptionIds};
use spica_mqtt_routes::Class;
use spica_views::{DeviceError, DeviceWatch};
use tokio::sync::Notify;

use super::{COMMANDS, message};
use crate::message::Message;
use crate::session::{ConnectionId, Session};
use crate::station::Station;

/// How long until what could not be handed over is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// What attends to a device as long as it is connected.
pub(crate) type Attending = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// Attends to the session's device, if its client is one.
pub(crate) fn attend(
    station: &Arc<Station>,
    session: &Arc<Session>,
    connection: ConnectionId,
) -> Option<Attending> {
    let state = session.state.lock();
    let device = state
        .device
        .as_ref()
        .filter(|_| state.connection == connection)?;
    let attendant = Attendant {
        watch: station.views.watch_device(&device.serial),
        serial: device.serial,
        subscribed: Arc::clone(&device.subscribed),
        station: Arc::clone(station),
        session: Arc::clone(session),
        connection,
        handed: BTreeSet::new(),
    };
    drop(state);
    Some(Box::pin(attendant.run()))
}

struct Attendant {
    station: Arc<Station>,
    session: Arc<Session>,
    connection: ConnectionId,
    serial: Serial,
    watch: DeviceWatch,
    subscribed: Arc<Notify>,
    /// Commands that wait for an answer and that this connection need not be given.
    handed: BTreeSet<u16>,
}

/// What became of a command that is to be handed over.
enum Handed {
    /// It was, or need not be.
    Done,
    /// Not now: whatever prevents it is watched.
    NotNow,
    /// Not now: it must be tried again.
    Later,
}

impl Attendant {
    async fn run(mut self) -> Infallible {
        loop {
            // In a box of its own, as there is mostly nothing to do.
            let is_done = Box::pin(self.hand_over()).await;
            tokio::select! {
                () = self.watch.changed() => {}
                () = self.subscribed.notified() => {}
                () = tokio::time::sleep(AGAIN), if !is_done => {}
            }
        }
    }

    /// Hands over what waits, in order. Whether nothing is left that must be tried again.
    async fn hand_over(&mut self) -> bool {
        let pending = self.station.views.pending_commands(&self.serial);
        let is_pending = |id: &u16| pending.iter().any(|command| command.id == *id);
        self.handed.retain(is_pending);
        for command in pending {
            if self.handed.contains(&command.id) {
                continue;
            }
            match self.hand(&command).await {
                Handed::Done => {
                    self.handed.insert(command.id);
                }
                Handed::NotNow => {}
                Handed::Later => return false,
            }
        }
        true
    }

    async fn hand(&self, command: &Command) -> Handed {
        let name = format!(
            "{}/{}/commands/{}",
            spica_devices::DEVICES,
            self.serial,
            command.id
        );
        let Ok(topic) = self.station.mount.inward(&name) else {
            return Handed::Done;
        };
        if self.was_answered(command, &topic) {
            return Handed::Done;
        }
        let Some(class) = self.subscription(&name) else {
            return Handed::NotNow;
        };
        if !self.has_room() {
            return Handed::Later;
        }
        let devices = &self.station.devices;
        match devices.command_sent(&self.serial, command.id).await {
            Ok(()) => self.push(command, &name, &topic, &class),
            // Settled, cancelled or expired since.
            Err(DeviceError::Transition(_) | DeviceError::UnknownCommand { .. }) => Handed::Done,
            Err(error) => {
                tracing::debug!(serial = %self.serial, id = command.id, %error, "a command is not handed over yet");
                Handed::Later
            }
        }
    }

    /// Whether the device has answered already, and the node ended before that was noted.
    fn was_answered(&self, command: &Command, topic: &Topic) -> bool {
        if command.state != CommandState::Sent {
            return false;
        }
        let response = topic.join("response").ok();
        let Some(record) = response.and_then(|topic| self.station.views.get(&topic)) else {
            return false;
        };
        if command.sent_at.is_none_or(|sent| record.received < sent) {
            return false;
        }
        let state = self.session.state.lock();
        let device = state.device.as_ref();
        let answer = device.and_then(|device| device.recorded(command.id, &record.payload));
        drop(state);
        if let Some(answer) = answer {
            let (answers, metrics) = (&self.station.answers, &self.station.metrics);
            answers.give(metrics, super::answers::Said::Answer(answer));
        }
        answer.is_some()
    }

    /// How the session gets what is published to the command's topic, if it does. What it gets as a
    /// member of a shared group is not meant for it.
    fn subscription(&self, name: &str) -> Option<Class> {
        let targets = self.station.routes.read().targets(name);
        let target = targets.find(self.session.slot)?;
        targets.class(target, false).cloned()
    }

    fn has_room(&self) -> bool {
        let state = self.session.state.lock();
        let (waiting, bytes) = state.outbound.waiting();
        let limits = &self.station.limits;
        let is_full =
            waiting >= limits.queue_messages / 2 || bytes >= limits.queue_bytes as usize / 2;
        !is_full
    }

    fn push(&self, command: &Command, name: &str, topic: &Topic, class: &Class) -> Handed {
        let Some(delivery) = self.delivery(command, name, topic, class) else {
            return Handed::Done;
        };
        let mut state = self.session.state.lock();
        if state.connection != self.connection {
            return Handed::Done;
        }
        let pushed = state.outbound.push(delivery);
        self.session.note_load(&state);
        drop(state);
        if pushed != Pushed::Queued {
            return Handed::Later;
        }
        self.station.metrics.commands_sent.inc();
        self.session.waker.wake();
        Handed::Done
    }

    /// What is made of a command's record; none if that has been deleted since.
    fn delivery(
        &self,
        command: &Command,
        name: &str,
        topic: &Topic,
        class: &Class,
    ) -> Option<Delivery<Message>> {
        let record = self.station.views.get(topic)?;
        let seq = record.position.seq;
        let record = message::message(command, name, record, self.station.now());
        let mut ids = Vec::new();
        for id in &class.ids {
            // Checked when it was subscribed.
            let _ = SubscriptionIds::push(&mut ids, *id);
        }
        Some(Delivery {
            message: Message::single(&self.station.mount, record)?,
            qos: match class.qos {
                0 => QoS::AtMostOnce,
                _ => QoS::AtLeastOnce,
            },
            retain: false,
            origin: Some(Origin {
                lane: Lane::Normal,
                seq,
                apart: Some(COMMANDS),
            }),
            ids: (!ids.is_empty()).then(|| ids.into()),
        })
    }
}
