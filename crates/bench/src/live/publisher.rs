//! The one publisher: at a steady rate, over HTTP, whatever has become due in one batch.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::socket::{Crowd, DIGITS, MARK, Speaks};
use crate::http::answer_length;

/// Records of a batch, at most.
const BATCH: u64 = 500;
/// Before the next look at what is due.
const PAUSE: Duration = Duration::from_millis(1);

/// What is published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    /// Records per second.
    pub(super) rate: f64,
    /// Payload bytes.
    pub(super) size: usize,
    /// `state` topics that take turns; 0: one `event` topic.
    pub(super) topics: u64,
}

/// A connection over which records are published.
pub(super) struct Publisher {
    connection: TcpStream,
    /// What stands before the length of a batch; none for a NATS server.
    head: Option<String>,
    answer: Vec<u8>,
    /// When the crowd's clock began.
    began: Instant,
}

impl Publisher {
    pub(super) async fn connect(crowd: &Crowd, port: SocketAddr) -> Result<Self> {
        let mut connection = TcpStream::connect(port).await.context("cannot connect")?;
        connection.set_nodelay(true)?;
        let head = match &crowd.speaks {
            Speaks::Spica { token, .. } => Some(head(port, token)),
            Speaks::Nats => {
                connection
                    .write_all(b"CONNECT {\"verbose\":false}\r\n")
                    .await?;
                None
            }
        };
        Ok(Self {
            connection,
            head,
            answer: Vec::new(),
            began: crowd.began,
        })
    }

    /// Publishes for so long; says how many. A record that is late carries the time at which it was
    /// due: waiting is part of its age.
    pub(super) async fn run(&mut self, stream: Stream, lasts: Duration) -> Result<u64> {
        let begun = Instant::now();
        let total = (lasts.as_secs_f64() * stream.rate) as u64;
        let mut sent = 0;
        while sent < total {
            let due = ((begun.elapsed().as_secs_f64() * stream.rate) as u64 + 1).min(total);
            if due <= sent {
                let next = begun + Duration::from_secs_f64((sent + 1) as f64 / stream.rate);
                let wait = next.saturating_duration_since(Instant::now()).max(PAUSE);
                tokio::time::sleep(wait).await;
                continue;
            }
            // What the node cannot take is not published later: the rate is what was offered.
            if begun.elapsed() > lasts {
                break;
            }
            let count = (due - sent).min(BATCH);
            self.publish(stream, begun, sent..sent + count).await?;
            sent += count;
        }
        Ok(sent)
    }

    /// Publishes one record now.
    pub(super) async fn one(&mut self, stream: Stream) -> Result<()> {
        self.publish(stream, Instant::now(), 0..1).await
    }

    async fn publish(&mut self, stream: Stream, begun: Instant, numbers: Range<u64>) -> Result<()> {
        let each = numbers.map(|number| {
            let due = begun + Duration::from_secs_f64(number as f64 / stream.rate);
            let at = due.saturating_duration_since(self.began).as_micros();
            (number, at)
        });
        let padding = stream.size.saturating_sub(1 + DIGITS);
        let mark = char::from(MARK);
        let mut body = String::new();
        let Some(head) = &self.head else {
            for (_, at) in each {
                let size = stream.size;
                write!(
                    body,
                    "PUB bench {size}\r\n{mark}{at:0DIGITS$}{:x<padding$}\r\n",
                    ""
                )?;
            }
            return Ok(self.connection.write_all(body.as_bytes()).await?);
        };
        for (number, at) in each {
            let separator = if body.is_empty() { '[' } else { ',' };
            let (topic, kind) = match stream.topics {
                0 => (String::from("root/bench/live"), "event"),
                topics => (format!("root/bench/live/{}", number % topics), "state"),
            };
            write!(
                body,
                r#"{separator}{{"topic":"{topic}","kind":"{kind}","text":"{mark}{at:0DIGITS$}{:x<padding$}"}}"#,
                "",
            )?;
        }
        body.push(']');
        let request = format!("{head}{}\r\n\r\n{body}", body.len());
        self.connection.write_all(request.as_bytes()).await?;
        self.answered().await
    }

    async fn answered(&mut self) -> Result<()> {
        self.answer.clear();
        loop {
            let got = self.connection.read_buf(&mut self.answer).await?;
            ensure!(got > 0, "the node closed the publisher's connection");
            if answer_length(&self.answer)?.is_some_and(|length| length <= self.answer.len()) {
                break;
            }
        }
        let head = String::from_utf8_lossy(&self.answer[..self.answer.len().min(400)]);
        ensure!(head.starts_with("HTTP/1.1 2"), "refused: {head}");
        Ok(())
    }
}

fn head(address: SocketAddr, token: &str) -> String {
    format!(
        "POST /v1/records HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: "
    )
}
