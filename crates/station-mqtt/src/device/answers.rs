//! What devices answer to their commands, noted one after the other per device, apart from their
//! connections: a device that answers and goes has answered.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use serde::Deserialize;
use spica_devices::Serial;
use spica_journal::SubmitError;
use spica_views::{DeviceError, DeviceService};
use tokio::sync::mpsc;

use super::Device;
use crate::metrics::Metrics;

/// Answers that wait to be noted. What is beyond is found in its record when the device comes again.
pub(crate) const WAITING_MAX: usize = 4_096;
/// How many are noted at once: they share commits.
const AT_ONCE: usize = 64;
/// How long until a journal without room is asked again.
const PAUSE: Duration = Duration::from_millis(50);
/// The last level of where a device answers.
const RESPONSE: &str = "/response";
/// The result of a command that was refused without a number.
const REFUSED: u8 = 1;
/// A status is no longer than this; whatever else is said is in the record.
const STATUS_BYTES: usize = 4_096;

/// A device's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    serial: Serial,
    id: u16,
    result: u8,
}

/// What is published to a command's response topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// This.
    Answer(Answer),
    /// Nothing that can be read.
    Nothing,
}

#[derive(Deserialize)]
struct Body {
    status: String,
    /// Why it is refused; a number is the result.
    #[serde(default)]
    reason: Option<serde_json::Value>,
}

/// 0 if the device has done it, or why it refuses; none if that is not said.
fn result(payload: &[u8]) -> Option<u8> {
    if payload.len() > STATUS_BYTES {
        return None;
    }
    let (status, reason) = match serde_json::from_slice::<Body>(payload) {
        Ok(body) => (body.status, body.reason),
        Err(_) => (std::str::from_utf8(payload).ok()?.trim().to_owned(), None),
    };
    let reason = reason.and_then(|reason| u8::try_from(reason.as_u64()?).ok());
    match status.as_str() {
        "confirmed" => Some(0),
        "refused" => Some(reason.filter(|it| *it > 0).unwrap_or(REFUSED)),
        _ => None,
    }
}

impl Device {
    /// What a publish says about one of the device's commands, if its topic is that of an answer.
    pub(crate) fn said(&self, topic: &str, payload: &[u8]) -> Option<Said> {
        let id = topic.strip_prefix(&*self.commands)?;
        let id = id.strip_suffix(RESPONSE)?;
        // In its one spelling: `007` is another topic than `7`.
        let number = id.parse().ok().filter(|it: &u16| it.to_string() == id);
        let read = number.zip(result(payload));
        Some(read.map_or(Said::Nothing, |(id, result)| {
            Said::Answer(Answer {
                serial: self.serial,
                id,
                result,
            })
        }))
    }

    /// The MQTT topic of a command, and below the node.
    pub(super) fn command_topic(&self, id: u16) -> String {
        format!("{}{id}", self.commands)
    }

    /// The answer that a record is.
    pub(super) fn recorded(&self, id: u16, payload: &[u8]) -> Option<Answer> {
        let topic = format!("{}{RESPONSE}", self.command_topic(id));
        match self.said(&topic, payload)? {
            Said::Answer(answer) => Some(answer),
            Said::Nothing => None,
        }
    }
}

/// Where answers are given to be noted.
#[derive(Debug)]
pub(crate) struct Answers(mpsc::Sender<Answer>);

impl Answers {
    /// A way for answers, and its end.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Answer>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Gives an answer; without room it is counted and left to its record.
    pub(crate) fn give(&self, metrics: &Metrics, said: Said) {
        let given = match said {
            Said::Answer(answer) => self.0.try_send(answer).map_err(|_| "put-off"),
            Said::Nothing => Err("unreadable"),
        };
        if let Err(outcome) = given {
            metrics.command_answered(outcome);
        }
    }
}

/// Notes answers until there are no more.
pub(crate) async fn run(
    answers: mpsc::Receiver<Answer>,
    devices: Arc<DeviceService>,
    metrics: Metrics,
) {
    let stream = futures::stream::unfold(answers, async |mut answers| {
        let answer = answers.recv().await?;
        Some((answer, answers))
    });
    stream
        .for_each_concurrent(AT_ONCE, |answer| settle(answer, &devices, &metrics))
        .await;
}

async fn settle(answer: Answer, devices: &DeviceService, metrics: &Metrics) {
    let Answer { serial, id, result } = answer;
    let outcome = loop {
        match devices.command_settled(&serial, id, result).await {
            Ok(()) if result == 0 => break "confirmed",
            Ok(()) => break "refused",
            Err(DeviceError::Submit(SubmitError::Full { .. })) => tokio::time::sleep(PAUSE).await,
            Err(DeviceError::UnknownCommand { .. }) => break "unknown",
            Err(DeviceError::Transition(_)) => break "settled-before",
            Err(error) => {
                tracing::warn!(%serial, id, %error, "a device's answer is not noted yet");
                break "put-off";
            }
        }
    };
    metrics.command_answered(outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_json_or_a_word() {
        for (payload, expected) in [
            (&br#"{"status":"confirmed"}"#[..], Some(0)),
            (br#"{"status":"confirmed","reason":7,"took":1}"#, Some(0)),
            (br#"{"status":"refused"}"#, Some(1)),
            (br#"{"status":"refused","reason":"too hot"}"#, Some(1)),
            (br#"{"status":"refused","reason":9}"#, Some(9)),
            (br#"{"status":"refused","reason":0}"#, Some(1)),
            (br#"{"status":"refused","reason":256}"#, Some(1)),
            (b"confirmed\n", Some(0)),
            (b"refused", Some(1)),
            (br#"{"status":"done"}"#, None),
            (b"CONFIRMED", None),
            (b"", None),
            (b"\xff", None),
        ] {
            assert_eq!(result(payload), expected, "{payload:?}");
        }
        assert_eq!(result(&[b' '; STATUS_BYTES + 1]), None);
    }
}
