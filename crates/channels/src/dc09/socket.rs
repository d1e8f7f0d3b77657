//! The connection of a path: a task that reads, and what is written to it.

use std::io;
use std::sync::Arc;

use spica_dc09_proto::sender::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::settings::{Setup, Transport};

/// Most bytes that are read at once; an answer has less than a hundred.
const READ_BYTES: usize = 2_048;
/// Most frames that wait to be written. The machine has one under way.
const FRAMES: usize = 8;

/// What a connection has to say.
#[derive(Debug)]
pub(super) enum News {
    /// It stands.
    Connected,
    /// These bytes came.
    Bytes(Vec<u8>),
    /// It is gone, or did not come about.
    Gone(io::Error),
}

/// News with whose they are: of which path, and of which connection on it.
pub(super) type Told = (Path, u64, News);

/// A connection, or one that is being made. Dropping it ends it at once.
#[derive(Debug)]
pub(super) struct Socket {
    frames: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
    /// Which connection it is: nothing that an earlier one says counts any more.
    pub(super) number: u64,
}

impl Socket {
    /// Begins to connect; what comes of it is told.
    pub(super) fn connect(
        setup: &Arc<Setup>,
        path: Path,
        number: u64,
        news: mpsc::Sender<Told>,
    ) -> Self {
        let (frames, queue) = mpsc::channel(FRAMES);
        let setup = Arc::clone(setup);
        let task = tokio::spawn(async move {
            let tell = Tell { path, number, news };
            let to = setup.receiver(path);
            let ended = match setup.transport {
                Transport::Tcp => tcp(to, queue, &tell).await,
                Transport::Udp => udp(to, queue, &tell).await,
            };
            if let Err(error) = ended {
                tell.tell(News::Gone(error)).await;
            }
        });
        Self {
            frames,
            task,
            number,
        }
    }

    /// Sends a frame. One for which there is no room is lost, as frames are; the machine repeats it.
    pub(super) fn send(&self, frame: Vec<u8>) {
        let _ = self.frames.try_send(frame);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Tell {
    path: Path,
    number: u64,
    news: mpsc::Sender<Told>,
}

impl Tell {
    async fn tell(&self, news: News) {
        // The line has ended then, and aborts this task.
        let _ = self.news.send((self.path, self.number, news)).await;
    }
}

async fn tcp(to: &str, mut frames: mpsc::Receiver<Vec<u8>>, tell: &Tell) -> io::Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    tell.tell(News::Connected).await;
    let mut buffer = [0; READ_BYTES];
    let (mut reader, mut writer) = stream.split();
    loop {
        tokio::select! {
            read = reader.read(&mut buffer) => match read? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => tell.tell(News::Bytes(buffer[..length].to_vec())).await,
            },
            frame = frames.recv() => match frame {
                Some(frame) => writer.write_all(&frame).await?,
                None => return Ok(()),
            },
        }
    }
}

async fn udp(to: &str, mut frames: mpsc::Receiver<Vec<u8>>, tell: &Tell) -> io::Result<()> {
    let mut found = tokio::net::lookup_host(to).await?;
    let to = found.next().ok_or(io::ErrorKind::NotFound)?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    // From here on, datagrams of others are not read.
    socket.connect(to).await?;
    tell.tell(News::Connected).await;
    let mut buffer = [0; READ_BYTES];
    loop {
        tokio::select! {
            read = socket.recv(&mut buffer) => {
                let length = read?;
                tell.tell(News::Bytes(buffer[..length].to_vec())).await;
            }
            frame = frames.recv() => match frame {
                Some(frame) => drop(socket.send(&frame).await?),
                None => return Ok(()),
            },
        }
    }
}
