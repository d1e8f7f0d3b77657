//! That the host is there.
//!
//! Edge nodes that wait for a primary host publish while it says that it is online. They pass over
//! what is older than what they heard last, so no time is ever said that is not later than the one
//! before, whatever the clock does and whoever said it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use spica_model::{
    Cause, ContentType, Kind, NewRecord, Op, Properties, Property, Quality, Record, Topic,
};

use crate::host::Host;

/// Pause before something is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a host that leaves waits until that is durable.
const LEAVING: Duration = Duration::from_secs(2);
/// The name in which the host says that it is there.
const CAUSE: &str = "sparkplug:host";

/// What is said: `{"online": true, "timestamp": milliseconds since 1970}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Presence {
    online: bool,
    timestamp: u64,
}

impl Host {
    /// Says that the host is online, and notes what is overdue, without end. To be run where and
    /// while the node serves.
    pub async fn serve(&self) {
        self.0.is_denied.store(true, Ordering::Release);
        loop {
            if let Err(error) = self.chores().await {
                tracing::warn!(error, "the Sparkplug host cannot write; it tries again");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let woken = self.0.wake.notified();
            match self.until_overdue() {
                Some(left) => drop(tokio::time::timeout(left, woken).await),
                None => woken.await,
            }
        }
    }

    /// Says that the host is offline: it is stopped in order, and no other takes over.
    pub async fn leave(&self) {
        match tokio::time::timeout(LEAVING, self.say(false)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error, "the Sparkplug host cannot say that it leaves"),
            Err(_) => tracing::warn!(
                "the journal is too slow for the Sparkplug host to say that it leaves"
            ),
        }
    }

    async fn chores(&self) -> Result<(), String> {
        if self.0.is_denied.swap(false, Ordering::AcqRel)
            && let Err(error) = self.say(true).await
        {
            self.0.is_denied.store(true, Ordering::Release);
            return Err(error);
        }
        for overdue in self.overdue() {
            self.note_overdue(&overdue).await?;
        }
        Ok(())
    }

    /// Hears what was said of the host. Nobody else may say that it is not there: an old client with
    /// its name, or its Will.
    pub(crate) fn hear_of_self(&self, record: &Record) {
        let is_ours = |cause: &Cause| cause.as_str() == CAUSE;
        if record.cause.as_ref().is_some_and(is_ours) {
            return;
        }
        let said = serde_json::from_slice::<Presence>(&record.payload);
        if !said.is_ok_and(|said| said.online) {
            self.0.is_denied.store(true, Ordering::Release);
            self.0.wake.notify_one();
        }
    }

    async fn say(&self, online: bool) -> Result<(), String> {
        let said = Presence {
            online,
            timestamp: self.next_time(),
        };
        let inner = &self.0;
        let payload = serde_json::to_vec(&said).map_err(|error| error.to_string())?;
        let properties = Properties::new([Property::Service {
            qos: 1,
            retain: true,
        }]);
        let properties = properties.map_err(|error| error.to_string())?;
        let cause = Cause::new(CAUSE).map_err(|error| error.to_string())?;
        self.submit_alone(NewRecord {
            topic: &inner.state,
            kind: Kind::State,
            op: Op::Put,
            quality: Quality::Good,
            received: inner.parts.clock.wall(),
            source_time: None,
            content_type: &ContentType::Json,
            payload: &payload,
            key: None,
            cause: Some(&cause),
            properties: properties.as_ref(),
        })
        .await
    }

    /// Milliseconds since 1970, later than any that was said before.
    fn next_time(&self) -> u64 {
        let inner = &self.0;
        let now = inner.parts.clock.wall().as_micros() / 1_000;
        let now = u64::try_from(now).unwrap_or_default();
        let mut said = inner.said.lock();
        let heard = self.heard(&inner.state).max(*said);
        *said = now.max(heard.saturating_add(1));
        *said
    }

    /// The time that was last said, by whomever.
    fn heard(&self, topic: &Topic) -> u64 {
        let record = self.0.parts.standing.state(topic);
        let said = record.and_then(|it| serde_json::from_slice::<Presence>(&it.payload).ok());
        said.map_or(0, |said| said.timestamp)
    }
}
