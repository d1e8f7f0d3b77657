//! A station in miniature, written from the profile's page: it keeps everything in memory, and has
//! the flaws a test gives it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use spica_clock::{Clock, SystemClock};
use spica_fleet::Shown;
use spica_model::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// What is wrong with a station.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    None,
    /// It has entries with this index deleted without keeping them.
    Forgets(u32),
    /// It keeps entries with this index twice.
    Doubles(u32),
    /// It has a whole log deleted of which it read nothing.
    DeletesUnread,
    /// It hangs up after every so many frames.
    HangsUp(usize),
    /// It never answers.
    Silent,
    /// It sends bytes that are no frame.
    Babbles,
}

#[derive(Default)]
pub(crate) struct Kept {
    /// What it would show as events, in order.
    pub events: Vec<Shown>,
    /// The same of pictures.
    pub pictures: Vec<Shown>,
    /// And of commands.
    pub commands: Vec<Shown>,
    /// Commands that wait: serial, id, code, arguments.
    pub queue: VecDeque<(String, u16, u8, Vec<u8>)>,
    keys: HashSet<(String, u32, u32, u8)>,
    indexes: HashMap<String, HashSet<u32>>,
    blocks: HashMap<(String, u32), Vec<Vec<u8>>>,
    /// How often a picture went on where an earlier connection had left it.
    pub resumed: usize,
    pub connections: usize,
    pub strangers: usize,
}

pub(crate) struct Station {
    pub address: SocketAddr,
    pub kept: Arc<Mutex<Kept>>,
    serves: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<AbortHandle>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Station {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Station {
    pub(crate) async fn start(flaw: Flaw) -> Self {
        Self::start_on(Arc::default(), flaw).await
    }

    /// A station that keeps what another one keeps.
    pub(crate) async fn start_on(kept: Arc<Mutex<Kept>>, flaw: Flaw) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (serves, lines) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let (shared, is_active, open) =
            (Arc::clone(&kept), Arc::clone(&serves), Arc::clone(&lines));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !is_active.load(Ordering::Relaxed) {
                    continue;
                }
                shared.lock().connections += 1;
                let line = Line::new(stream, Arc::clone(&shared), flaw);
                // How a dialogue ends is seen on the device's side.
                let line = tokio::spawn(async move { drop(line.dialogue().await) });
                let open: &Mutex<Vec<AbortHandle>> = &open;
                open.lock().push(line.abort_handle());
            }
        });
        Self {
            address,
            kept,
            serves,
            lines,
            accepting,
        }
    }

    /// Serves from now on, or not: then it cuts everyone, and closes whoever comes.
    pub(crate) fn serve(&self, serves: bool) {
        self.serves.store(serves, Ordering::Relaxed);
        if !serves {
            self.lines.lock().drain(..).for_each(|line| line.abort());
        }
    }

    /// Lets a command wait for a device.
    pub(crate) fn queue(&self, serial: &str, id: u16, code: u8, arguments: &[u8]) {
        let command = (serial.to_owned(), id, code, arguments.to_vec());
        self.kept.lock().queue.push_back(command);
    }
}

struct Line {
    stream: TcpStream,
    kept: Arc<Mutex<Kept>>,
    flaw: Flaw,
    received: Vec<u8>,
    frames: usize,
    serial: String,
}

type Frame = (u8, Vec<u8>);

impl Line {
    fn new(stream: TcpStream, kept: Arc<Mutex<Kept>>, flaw: Flaw) -> Self {
        Self {
            stream,
            kept,
            flaw,
            received: Vec::new(),
            frames: 0,
            serial: String::new(),
        }
    }

    async fn dialogue(mut self) -> io::Result<()> {
        let (kind, data) = self.frame().await?;
        if kind != 0x81 || data.len() != 18 || data[0] == b'X' {
            self.kept.lock().strangers += 1;
            return Ok(());
        }
        self.serial = data[..10]
            .iter()
            .take_while(|b| **b != 0)
            .map(|b| char::from(*b))
            .collect();
        match self.flaw {
            Flaw::Silent => return self.frame().await.map(drop),
            Flaw::Babbles => return self.stream.write_all(b"HTTP/1.1 400").await,
            Flaw::DeletesUnread => drop(self.ask(0x03, &u32::MAX.to_le_bytes(), 0x83).await?),
            _ => {}
        }
        self.log().await?;
        self.pictures().await?;
        self.commands().await?;
        // A command may have brought something new.
        self.log().await?;
        self.pictures().await?;
        self.send(0x7f, &[]).await
    }

    /// Devices number their entries from 1 on without gaps: only a gapless beginning is deleted.
    async fn log(&mut self) -> io::Result<()> {
        loop {
            let from = self.gapless() + 1;
            let page = self.ask(0x02, &from.to_le_bytes(), 0x82).await?;
            let newest = {
                let kept = self.kept.lock();
                kept.indexes
                    .get(&self.serial)
                    .and_then(|all| all.iter().max().copied())
            };
            let gapless = self.gapless();
            if page[..2] == [0, 0] && newest.is_none_or(|newest| newest <= gapless) {
                self.ask(0x03, &gapless.to_le_bytes(), 0x83).await?;
                return Ok(());
            }
        }
    }

    fn gapless(&self) -> u32 {
        let kept = self.kept.lock();
        let all = kept.indexes.get(&self.serial);
        (1..)
            .take_while(|index| all.is_some_and(|all| all.contains(index)))
            .last()
            .unwrap_or(0)
    }

    async fn pictures(&mut self) -> io::Result<()> {
        loop {
            let header = self.ask(0x40, &[], 0xc0).await?;
            let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
            let (picture, size) = (word(0), word(4) as usize);
            if size == 0 {
                return Ok(());
            }
            let block_bytes = usize::from(u16::from_le_bytes([header[8], header[9]]));
            let bytes = self.blocks(picture, size.div_ceil(block_bytes)).await?;
            assert_eq!(crc32fast::hash(&bytes), word(14));
            self.keep_picture(picture, word(10), word(14), &bytes);
            self.ask(0x42, &picture.to_le_bytes(), 0xc2).await?;
        }
    }

    async fn blocks(&mut self, picture: u32, count: usize) -> io::Result<Vec<u8>> {
        let key = (self.serial.clone(), picture);
        let have = self.kept.lock().blocks.get(&key).map_or(0, Vec::len);
        self.kept.lock().resumed += usize::from((1..count).contains(&have));
        for block in have..count {
            let ask = [&picture.to_le_bytes()[..], &(block as u16).to_le_bytes()].concat();
            let data = self.ask(0x41, &ask, 0xc1).await?;
            assert_eq!(data[..6], ask[..]);
            self.kept
                .lock()
                .blocks
                .entry(key.clone())
                .or_default()
                .push(data[6..].to_vec());
        }
        Ok(self.kept.lock().blocks[&key].concat())
    }

    async fn commands(&mut self) -> io::Result<()> {
        loop {
            let next = {
                let kept = self.kept.lock();
                kept.queue
                    .iter()
                    .find(|(serial, ..)| *serial == self.serial)
                    .cloned()
            };
            let Some((_, id, code, arguments)) = next else {
                return Ok(());
            };
            let data = [&id.to_le_bytes()[..], &[code], &arguments].concat();
            let result = self.ask(0x10, &data, 0x90).await?;
            assert_eq!(result[..2], id.to_le_bytes());
            let state = if result[2] == 0 {
                "confirmed"
            } else {
                "refused"
            };
            let value = json!({"id": id, "code": code, "state": state, "result": result[2]});
            let mut kept = self.kept.lock();
            kept.queue
                .retain(|(serial, other, ..)| *serial != self.serial || *other != id);
            kept.commands.push(shown(
                &self.serial,
                &format!("commands/{id}"),
                "normal",
                None,
                value,
            ));
        }
    }

    /// Sends a request and waits for its answer; alarms in between are taken in.
    async fn ask(&mut self, kind: u8, data: &[u8], answer: u8) -> io::Result<Vec<u8>> {
        self.send(kind, data).await?;
        loop {
            let (kind, data) = self.frame().await?;
            if kind == 0x82 {
                self.keep_page(&data);
            }
            if kind == answer {
                return Ok(data);
            }
            assert_eq!(kind, 0x82, "asked for {answer:02x}");
        }
    }

    async fn send(&mut self, kind: u8, data: &[u8]) -> io::Result<()> {
        let mut bytes = vec![0x1e, kind];
        for byte in data {
            match byte {
                0x1e => bytes.extend([0x1d, 0x5e]),
                0x1d => bytes.extend([0x1d, 0x5d]),
                _ => bytes.push(*byte),
            }
        }
        bytes.push(0x1e);
        self.stream.write_all(&bytes).await
    }

    async fn frame(&mut self) -> io::Result<Frame> {
        let broken = || io::Error::from(io::ErrorKind::InvalidData);
        self.frames += 1;
        if matches!(self.flaw, Flaw::HangsUp(after) if self.frames > after) {
            return Err(broken());
        }
        loop {
            if let Some(end) = self.received.iter().skip(1).position(|byte| *byte == 0x1e) {
                let whole: Vec<u8> = self.received.drain(..end + 2).collect();
                let [0x1e, kind, data @ .., 0x1e] = &whole[..] else {
                    return Err(broken());
                };
                return Ok((*kind, unescape(data).ok_or_else(broken)?));
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                len => self.received.extend(&bytes[..len]),
            }
            if self.received[0] != 0x1e || self.received.len() > 4_096 {
                return Err(broken());
            }
        }
    }

    fn keep_page(&mut self, page: &[u8]) {
        let mut at = 3;
        for _ in 0..page[2] {
            let word = |at: usize| u32::from_le_bytes(page[at..at + 4].try_into().unwrap());
            let (index, time, code) = (word(at), word(at + 4), page[at + 8]);
            let end = at + 10 + usize::from(page[at + 9]);
            self.keep_entry(index, time, code, &page[at + 10..end]);
            at = end;
        }
        assert_eq!(at, page.len(), "a page is exactly its entries");
    }

    fn keep_entry(&mut self, index: u32, time: u32, code: u8, detail: &[u8]) {
        let mut kept = self.kept.lock();
        kept.indexes
            .entry(self.serial.clone())
            .or_default()
            .insert(index);
        if !kept.keys.insert((self.serial.clone(), index, time, code)) {
            return;
        }
        let (event, class) = names()[&code];
        let detail = self::detail(detail);
        let value = json!({"index": index, "code": code, "event": event, "detail": detail});
        let shown = shown(
            &self.serial,
            &format!("events/{event}"),
            class,
            Some(time),
            value,
        );
        match self.flaw {
            Flaw::Forgets(bad) if bad == index => {}
            Flaw::Doubles(bad) if bad == index => kept.events.extend([shown.clone(), shown]),
            _ => kept.events.push(shown),
        }
    }

    fn keep_picture(&self, picture: u32, time: u32, crc32: u32, bytes: &[u8]) {
        let sha256: String = Sha256::digest(bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let value = json!({
            "picture": picture, "size": bytes.len(), "sha256": sha256,
            "address": format!("{}/{picture}", self.serial), "crc32": format!("{crc32:08x}"),
        });
        let mut kept = self.kept.lock();
        kept.pictures
            .push(shown(&self.serial, "pictures", "normal", Some(time), value));
    }
}

fn unescape(data: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = data.iter();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            0x1d => match bytes.next()? {
                0x5e => 0x1e,
                0x5d => 0x1d,
                _ => return None,
            },
            other => *other,
        });
    }
    Some(plain)
}

fn names() -> BTreeMap<u8, (&'static str, &'static str)> {
    BTreeMap::from([
        (0x20, ("status-check", "normal")),
        (0x21, ("low-battery", "normal")),
        (0x30, ("charger-connected", "normal")),
        (0x31, ("charger-disconnected", "normal")),
        (0x3b, ("man-down", "critical")),
        (0x3c, ("man-down-cleared", "normal")),
        (0x40, ("red-alert", "critical")),
        (0x41, ("amber-alert-started", "normal")),
        (0x42, ("amber-alert-ended", "normal")),
        (0x48, ("lanyard-removed", "critical")),
        (0x49, ("lanyard-refitted", "normal")),
    ])
}

fn detail(mut bytes: &[u8]) -> Value {
    let mut value = json!({});
    let mut other = Vec::new();
    while let [tag, len, rest @ ..] = bytes {
        let (field, rest) = rest.split_at(usize::from(*len));
        let half = |at: usize| u16::from_le_bytes([field[at], field[at + 1]]);
        let word = |at: usize| i32::from_le_bytes(field[at..at + 4].try_into().unwrap());
        let degrees = |at: usize| f64::from(word(at)) / 1e7;
        match tag {
            1 => value["battery_percent"] = field[0].into(),
            2 => value["signal_dbm"] = (field[0] as i8).into(),
            3 => value["location"] = json!({"latitude": degrees(0), "longitude": degrees(4)}),
            4 => {
                let (mcc, mnc, lac, cell) = (half(0), half(2), half(4), word(6));
                value["cell"] = json!({"mcc": mcc, "mnc": mnc, "lac": lac, "cell": cell});
            }
            5 => value["text"] = std::str::from_utf8(field).unwrap().into(),
            6 => value["minutes"] = half(0).into(),
            tag => {
                let hex: String = field.iter().map(|byte| format!("{byte:02x}")).collect();
                other.push(json!({"tag": tag, "hex": hex}));
            }
        }
        bytes = rest;
    }
    if !other.is_empty() {
        value["other"] = other.into();
    }
    value
}

fn shown(serial: &str, below: &str, class: &str, time: Option<u32>, value: Value) -> Shown {
    Shown {
        topic: format!("root/devices/{serial}/{below}"),
        class: class.to_owned(),
        received: SystemClock.wall().to_string(),
        source_time: time.map(|time| Timestamp::from_secs(time).to_string()),
        value,
    }
}
