//! Server-sent events, as far as frames need them: `data`, `id`, and nothing else.

use bytes::{Buf as _, BytesMut};
use reqwest::Response;
use spica_live_proto::Encoding;

use super::link::{LinkError, MAX_FRAME, Received};

/// The lines of a stream of events, put together.
#[derive(Default)]
pub(super) struct Events {
    buffer: BytesMut,
    /// The number of the last event that was whole.
    pub(super) last: u64,
}

impl Events {
    /// The stream broke: what came of an event that was not whole comes again.
    pub(super) fn forget_part(&mut self) {
        self.buffer.clear();
    }

    /// The next event.
    pub(super) async fn next(&mut self, stream: &mut Response) -> Result<Received, LinkError> {
        let mut data = BytesMut::new();
        let mut id = self.last;
        loop {
            let line = self.line(stream).await?;
            if line.is_empty() && !data.is_empty() {
                self.last = id;
                return Received::read(Encoding::Json, &data);
            }
            let (name, value) = field(&line);
            match name {
                b"data" => {
                    if !data.is_empty() {
                        data.extend_from_slice(b"\n");
                    }
                    data.extend_from_slice(value);
                }
                b"id" => {
                    let text = std::str::from_utf8(value).ok();
                    let number = text.and_then(|text| text.parse().ok());
                    id = number.ok_or(LinkError::Protocol)?;
                }
                _ => {}
            }
        }
    }

    async fn line(&mut self, stream: &mut Response) -> Result<BytesMut, LinkError> {
        let mut from = 0;
        loop {
            let rest = self.buffer.get(from..).unwrap_or_default();
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let mut line = self.buffer.split_to(from + end);
                self.buffer.advance(1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(line);
            }
            from = self.buffer.len();
            if from > MAX_FRAME {
                return Err(LinkError::Protocol);
            }
            let chunk = stream.chunk().await.map_err(|_| LinkError::Cut)?;
            self.buffer.extend_from_slice(&chunk.ok_or(LinkError::Cut)?);
        }
    }
}

fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return (line, b"");
    };
    let (name, rest) = line.split_at(colon);
    let value = rest.get(1..).unwrap_or_default();
    (name, value.strip_prefix(b" ").unwrap_or(value))
}
