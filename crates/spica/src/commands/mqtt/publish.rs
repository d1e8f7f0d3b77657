//! `spica mqtt pub`.

use std::collections::VecDeque;
use std::io::{BufRead as _, Read as _};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use spica_mqtt_client::{Client, Message, MessageProperties, Pending};
use tokio::sync::mpsc;

use super::{connected, qos, secs, settings};
use crate::cli::MqttPub;
use crate::out;

/// Messages that may be unacknowledged, as many as the client lets go.
const UNACKNOWLEDGED: usize = 256;
/// Lines that are read ahead.
const LINES: usize = 16;
/// The longest line that is a message.
const LINE_BYTES: u64 = 16 << 20;

/// Publishes, and waits until the server has it all.
///
/// # Errors
/// If the server is not reached, or refuses a message.
pub(super) async fn run(args: MqttPub) -> Result<()> {
    let (client, _inbox) = Client::open(settings(&args.broker)?);
    connected(&client, &args.broker).await?;
    let mut publisher = Publisher {
        client,
        message: message(&args),
        json: args.json,
        waiting: VecDeque::new(),
    };
    if args.what.stdin {
        publisher.lines().await?;
    } else {
        let payload = match (&args.what.message, &args.what.file) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(file)) => read(file)?,
            (None, None) => Vec::new(),
        };
        publisher.publish(payload).await?;
    }
    publisher.finish().await
}

fn message(args: &MqttPub) -> Message {
    Message {
        qos: qos(args.qos),
        retain: args.retain,
        properties: MessageProperties {
            payload_is_utf8: None,
            expiry: args.expiry.map(secs),
            content_type: args.content_type.clone(),
            response_topic: args.response_topic.clone(),
            correlation: args.correlation.clone().map(Into::into),
            user: args.properties.clone(),
        },
        ..Message::new(&args.topic, "")
    }
}

fn read(file: &Path) -> Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = std::io::stdin().read_to_end(&mut bytes);
        return read
            .map(|_| bytes)
            .context("cannot read the standard input");
    }
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Reads lines until there are none, or nobody wants them: a thread of its own, as a terminal blocks.
fn read_lines(lines: &mpsc::Sender<Result<Vec<u8>>>) {
    let mut input = std::io::stdin().lock();
    loop {
        let line = read_line(&mut input);
        let is_last = !matches!(line, Ok(Some(_)));
        let sent = line.transpose().map(|line| lines.blocking_send(line));
        if is_last || sent.is_some_and(|sent| sent.is_err()) {
            return;
        }
    }
}

fn read_line(input: &mut std::io::StdinLock<'_>) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.take(LINE_BYTES).read_until(b'\n', &mut line);
    if read.context("cannot read the standard input")? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() as u64 == LINE_BYTES {
        anyhow::bail!("a line is longer than {LINE_BYTES} bytes");
    }
    Ok(Some(line))
}

struct Publisher {
    client: Client,
    message: Message,
    json: bool,
    waiting: VecDeque<Pending>,
}

impl Publisher {
    /// Each line of the standard input, as it comes.
    async fn lines(&mut self) -> Result<()> {
        let (lines, mut read) = mpsc::channel(LINES);
        std::thread::spawn(move || read_lines(&lines));
        while let Some(line) = read.recv().await {
            self.publish(line?).await?;
        }
        Ok(())
    }

    async fn publish(&mut self, payload: Vec<u8>) -> Result<()> {
        let payload = payload.into();
        let message = Message {
            payload,
            ..self.message.clone()
        };
        self.waiting.push_back(self.client.enqueue(message).await?);
        if self.waiting.len() > UNACKNOWLEDGED {
            self.settle_one().await?;
        }
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<()> {
        let Some(pending) = self.waiting.pop_front() else {
            return Ok(());
        };
        let sent = pending.await?;
        if self.json {
            let Message {
                topic, qos, retain, ..
            } = &self.message;
            out::json(&json!({
                "topic": topic, "qos": *qos as u8, "retain": retain, "reason": sent.reason.as_str(),
            }))?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            self.settle_one().await?;
        }
        self.client.close().await;
        Ok(())
    }
}
