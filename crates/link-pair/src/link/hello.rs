//! The first messages: whether the two are a pair.

use std::time::Duration;

use bytes::BytesMut;
use spica_pair_proto::{
    Control, Frame, FrameReader, Hello, OLDEST, ProtoError, VERSION, agree, put_control,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// How long the other end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What this node says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Greeting {
    pub(crate) hello: Hello,
    /// What the number of the topology stands for.
    pub(crate) topology: String,
}

/// Why two nodes are no pair.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HelloError {
    #[error("{0}")]
    NoPair(String),
    #[error("the partner refuses this node: {0}")]
    Refused(String),
    #[error("the other end said something else first")]
    Unexpected,
    #[error("it said nothing in time")]
    Silent,
    #[error(transparent)]
    Proto(#[from] ProtoError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Says who this node is, hears who the other one is, and judges. The other one is told why not.
pub(crate) async fn shake_hands<S>(stream: &mut S, own: &Greeting) -> Result<Hello, HelloError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shaking = async {
        say(stream, &Control::Hello(own.hello.clone())).await?;
        let theirs = match hear(stream).await? {
            Control::Hello(theirs) => theirs,
            Control::Refused { reason } => return Err(HelloError::Refused(reason)),
            _ => return Err(HelloError::Unexpected),
        };
        if let Some(reason) = judge(own, &theirs) {
            let control = Control::Refused {
                reason: reason.clone(),
            };
            say(stream, &control).await?;
            return Err(HelloError::NoPair(reason));
        }
        Ok(theirs)
    };
    tokio::time::timeout(PATIENCE, shaking)
        .await
        .unwrap_or(Err(HelloError::Silent))
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, control: &Control) -> Result<(), HelloError> {
    let mut out = BytesMut::new();
    put_control(&mut out, control);
    stream.write_all(&out).await?;
    Ok(stream.flush().await?)
}

/// Reads one frame and not a byte more: what follows belongs to the reader.
async fn hear<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Control, HelloError> {
    const HELLO_BYTES: usize = 64 << 10;
    let len = stream.read_u32_le().await? as usize;
    if len > HELLO_BYTES {
        return Err(HelloError::Unexpected);
    }
    let mut reader = FrameReader::default();
    reader
        .buffer()
        .extend_from_slice(&(len as u32).to_le_bytes());
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await?;
    reader.buffer().extend_from_slice(&body);
    match reader.cut()? {
        Some(Frame::Control(control)) => Ok(control),
        _ => Err(HelloError::Unexpected),
    }
}

/// Why the two are no pair, as either of them would say it.
fn judge(own: &Greeting, theirs: &Hello) -> Option<String> {
    let mine = &own.hello;
    let versions = agree((OLDEST, VERSION), (theirs.oldest, theirs.newest));
    if versions.is_none() {
        return Some(format!(
            "program {} speaks versions {} to {} of the link, {} speaks {} to {}: upgrade one step \
             at a time",
            mine.program, mine.oldest, mine.newest, theirs.program, theirs.oldest, theirs.newest
        ));
    }
    if mine.name != theirs.name {
        return Some(format!(
            "one node is {:?}, the other one {:?}: both nodes of a pair have the same node.path",
            mine.name, theirs.name
        ));
    }
    if mine.side == theirs.side {
        return Some(format!(
            "both nodes are configured as the {}: make one of them the {}",
            mine.side,
            if mine.side == "primary" {
                "backup"
            } else {
                "primary"
            }
        ));
    }
    (mine.topology != theirs.topology).then(|| {
        format!(
            "the two nodes are not configured alike; this one has: {}",
            own.topology
        )
    })
}
