//! Many devices on one thread: non-blocking sockets, one `epoll`, one system call per step.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use spica_clock::{Clock, SystemClock};
use spica_model::Timestamp;

use super::Target;
use super::line::Line;
use crate::device::{Device, Step, Violation, fresh_numbers};
use crate::ledger::{Outcome, Totals};
use crate::plan::serial;

/// Events taken from the kernel at a time.
const BATCH: usize = 256;
/// How often connections are looked through for those on which nothing happens.
const SWEEP: Duration = Duration::from_secs(1);
/// How many violations are kept in words; all are counted.
const VIOLATIONS_MAX: usize = 20;

/// What has happened on a device's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Happening {
    /// The station's first frame arrived.
    Heard,
    /// The device was told that everything it held is durable.
    Told,
    /// The station said goodbye; the connection is closed.
    Done,
    /// It broke, was refused, or nothing happened for too long; it is closed. Whether the station
    /// had been heard.
    Failed {
        /// Whether [`Happening::Heard`] came before.
        heard: bool,
    },
}

/// A [`Happening`], of which device, when, and when its connection began.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    pub(super) device: u32,
    pub(super) what: Happening,
    pub(super) at: Instant,
    pub(super) began: Instant,
}

pub(super) struct Engine {
    target: Target,
    epoll: OwnedFd,
    devices: Vec<Device>,
    lines: Vec<Option<Line>>,
    open: usize,
    /// Devices send their identity and nothing more.
    mute: bool,
    out: Vec<u8>,
    news: Vec<News>,
    swept: Instant,
    started: Timestamp,
    totals: Totals,
    violations: Vec<String>,
}

impl Engine {
    pub(super) fn new(target: &Target, mute: bool) -> io::Result<Self> {
        let started = SystemClock.wall();
        let first = target
            .first_number
            .unwrap_or_else(|| fresh_numbers(started));
        let device = |n: u32| Device::new(&serial(target.first_serial + n), "load-1.0", first, 0);
        Ok(Self {
            target: *target,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            devices: (0..target.devices).map(device).collect(),
            lines: (0..target.devices).map(|_| None).collect(),
            open: 0,
            mute,
            out: Vec::with_capacity(1_024),
            news: Vec::new(),
            swept: SystemClock.monotonic(),
            started,
            totals: Totals::default(),
            violations: Vec::new(),
        })
    }

    /// Connections that are open.
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    pub(super) fn device(&mut self, device: u32) -> &mut Device {
        &mut self.devices[device as usize]
    }

    /// Opens a connection for a device; what becomes of it is news.
    pub(super) fn call(&mut self, device: u32) {
        let now = SystemClock.monotonic();
        self.totals.connections += 1;
        match Line::dial(&self.target, &self.epoll, device, now) {
            Ok(mut line) => {
                self.open += 1;
                let connected = line.greeted;
                line.told = self.devices[device as usize].kept() == 0;
                self.lines[device as usize] = Some(line);
                if connected {
                    self.greet(device);
                }
            }
            Err(_) => {
                self.totals.refused += 1;
                let what = Happening::Failed { heard: false };
                self.news.push(News {
                    device,
                    what,
                    at: now,
                    began: now,
                });
            }
        }
    }

    /// Waits for up to `wait` until something happens; news since the last call go to `each`.
    pub(super) fn poll(&mut self, wait: Duration, mut each: impl FnMut(News)) -> io::Result<()> {
        let wait = if self.news.is_empty() {
            wait
        } else {
            Duration::ZERO
        };
        let timeout = Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        };
        let mut room = [const { MaybeUninit::uninit() }; BATCH];
        match epoll::wait(&self.epoll, &mut room, Some(&timeout)) {
            Ok((events, _)) => {
                for event in events {
                    let epoll::Event { flags, data } = *event;
                    self.ready(data.u64() as u32, flags);
                }
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.sweep();
        self.news.drain(..).for_each(&mut each);
        Ok(())
    }

    fn ready(&mut self, device: u32, flags: epoll::EventFlags) {
        // None: an event of a connection that was closed in this very batch.
        let Some(line) = &mut self.lines[device as usize] else {
            return;
        };
        if line.greeted {
            return self.readable(device);
        }
        let failed = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
        let data = epoll::EventData::new_u64(device.into());
        if failed || epoll::modify(&self.epoll, &line.socket, data, epoll::EventFlags::IN).is_err()
        {
            self.totals.refused += 1;
            return self.close(device, false);
        }
        line.greeted = true;
        self.greet(device);
    }

    fn greet(&mut self, device: u32) {
        self.out.clear();
        self.devices[device as usize].identify(&mut self.out);
        self.flush(device);
    }

    fn readable(&mut self, device: u32) {
        let Some(line) = &mut self.lines[device as usize] else {
            return;
        };
        let mut bytes = [0; 512];
        match recv(&line.socket, &mut bytes, RecvFlags::empty()) {
            Ok((1.., len)) => self.take_in(device, &bytes[..len]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(_) | Err(_) => {
                self.totals.broken += 1;
                self.close(device, false);
            }
        }
    }

    fn take_in(&mut self, index: u32, bytes: &[u8]) {
        self.out.clear();
        match self.answer(index, bytes) {
            Ok(Step::Goodbye) => {
                self.totals.completed += 1;
                self.close(index, true);
            }
            Ok(Step::Answered) if self.out.is_empty() => {}
            Ok(Step::Answered) => self.flush(index),
            Err(violation) => {
                self.totals.violations += 1;
                if self.violations.len() < VIOLATIONS_MAX {
                    self.violations.push(format!("device {index}: {violation}"));
                }
                self.close(index, false);
            }
        }
    }

    /// Answers all frames of `bytes` into `out`, and notes what they mean.
    fn answer(&mut self, index: u32, bytes: &[u8]) -> Result<Step, Violation> {
        let Some(line) = &mut self.lines[index as usize] else {
            return Ok(Step::Answered);
        };
        let device = &mut self.devices[index as usize];
        line.last = SystemClock.monotonic();
        let (at, began) = (line.last, line.began);
        let mut tell = |what| {
            self.news.push(News {
                device: index,
                what,
                at,
                began,
            });
        };
        let mut step = Step::Answered;
        for &byte in bytes {
            let Some(frame) = line.decoder.push(byte)? else {
                continue;
            };
            if !self.mute {
                step = device.answer(frame, SystemClock.wall(), &mut self.out)?;
            }
            if !line.heard {
                line.heard = true;
                tell(Happening::Heard);
            }
            if !line.told && !self.mute && device.kept() == 0 {
                line.told = true;
                tell(Happening::Told);
            }
        }
        Ok(step)
    }

    /// Sends what stands in `out`. It is small and the socket's buffer empty: what does not fit at
    /// once is a broken connection.
    fn flush(&mut self, device: u32) {
        let Some(line) = &self.lines[device as usize] else {
            return;
        };
        if send(&line.socket, &self.out, SendFlags::NOSIGNAL) != Ok(self.out.len()) {
            self.totals.broken += 1;
            self.close(device, false);
        }
    }

    fn close(&mut self, device: u32, done: bool) {
        let Some(line) = self.lines[device as usize].take() else {
            return;
        };
        self.open -= 1;
        let what = if done {
            Happening::Done
        } else {
            Happening::Failed { heard: line.heard }
        };
        let at = SystemClock.monotonic();
        self.news.push(News {
            device,
            what,
            at,
            began: line.began,
        });
    }

    /// Gives connections up on which nothing happens, now and then.
    fn sweep(&mut self) {
        let now = SystemClock.monotonic();
        if self.mute || now.duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        for device in 0..self.target.devices {
            let line = &self.lines[device as usize];
            let silent = |line: &Line| now.duration_since(line.last) > self.target.patience;
            if line.as_ref().is_some_and(silent) {
                self.totals.timed_out += 1;
                self.close(device, false);
            }
        }
    }

    /// The books of all devices.
    pub(super) fn into_outcome(self) -> Outcome {
        Outcome {
            started: self.started,
            ended: SystemClock.wall(),
            devices: self.devices.into_iter().map(Device::into_books).collect(),
            totals: self.totals,
            violations: self.violations,
        }
    }
}
