//! A monitoring station, over SIA DC-09: a main and a backup receiver, supervised by polls.
//!
//! ```text
//!  carry ─ event ─▶ line (one for each account) ─ Sender ─▶ main receiver
//!    ◀── ACK, DUH ──┤ events, time, bytes                └─▶ backup receiver
//!                   └─▶ path failed, path restored
//! ```
//!
//! A message is delivered when a receiver has acknowledged it, and not before. The machine repeats an
//! event by itself, under its number and by both paths; so an attempt that ends without an answer
//! leaves the event with the machine, and the next attempt of the same message joins it.
//!
//! The paths are supervised, and their failures told, by the default account: they are the same for
//! all accounts of the channel.

mod event;
mod line;
mod settings;
mod socket;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use spica_alerts::{Message, Outcome};
use spica_clock::SharedClock;
use spica_dc09_proto::Account;
use spica_notify::{EventSink, Path};
use tokio::sync::oneshot;

use crate::answer;
use crate::bounded::Carrier;
use crate::paths::Paths;

pub(crate) use settings::open;

use event::Style;
use line::{Job, Line};
use settings::Setup;

/// Most accounts that send at a time.
const LINES: usize = 256;
/// How long stopping may take.
const STOP: Duration = Duration::from_secs(3);

/// A monitoring station.
pub(crate) struct Dc09 {
    setup: Arc<Setup>,
    style: Style,
    paths: Arc<Paths>,
    clock: SharedClock,
    /// The lines by account; none before the start.
    lines: Mutex<Option<BTreeMap<Account, Line>>>,
}

impl Dc09 {
    async fn post(&self, message: &Message) -> Outcome {
        let Some(account) = self.setup.account(message) else {
            return answer::refused(&format!("{:?} is no account", message.address));
        };
        let event = self.style.event(message, &account);
        let (settled, outcome) = oneshot::channel();
        let job = Job {
            key: message.key.clone(),
            is_urgent: event::is_urgent(message),
            event,
            settled,
        };
        if let Err(reason) = self.give(&account, job) {
            return answer::retry(reason);
        }
        // Lost only when the channel is stopped.
        outcome
            .await
            .unwrap_or_else(|_| answer::retry("the channel was stopped"))
    }

    /// Gives a job to the line of its account, which is begun if it must.
    fn give(&self, account: &Account, job: Job) -> Result<(), &'static str> {
        let mut lines = self.lines.lock();
        let lines = lines.as_mut().ok_or("the channel is not started")?;
        if !lines.contains_key(account) {
            if lines.len() >= LINES {
                return Err("too many accounts send at a time");
            }
            lines.insert(account.clone(), self.begin(account));
        }
        let line = lines.get(account).ok_or("the account has no line")?;
        line.give(job)
            .map_err(|()| "too many events wait for the monitoring station")
    }

    fn begin(&self, account: &Account) -> Line {
        Line::begin(&self.setup, account.clone(), &self.paths, &self.clock)
    }
}

impl Carrier for Dc09 {
    fn carry<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Outcome> {
        self.post(message).boxed()
    }

    fn excuse(&self) -> Option<String> {
        let trouble = self.paths.trouble();
        Some(trouble.unwrap_or_else(|| "no receiver has acknowledged it yet".to_owned()))
    }

    fn paths(&self) -> Vec<Path> {
        self.paths.list()
    }

    fn start(&self, events: EventSink) {
        let mut lines = self.lines.lock();
        if lines.is_some() {
            return;
        }
        self.paths
            .begin(self.setup.path_names(), events, &self.clock);
        let account = self.setup.default_account().clone();
        let line = self.begin(&account);
        *lines = Some(BTreeMap::from([(account, line)]));
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        let lines = self.lines.lock().take().unwrap_or_default();
        let stop = async move {
            join_all(lines.into_values().map(|line| line.end(STOP))).await;
            self.paths.end();
        };
        stop.boxed()
    }
}
