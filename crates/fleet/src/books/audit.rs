//! The comparison itself, without any network: the hub's records come in one by one.

use std::collections::HashMap;

use serde_json::Value;
use spica_model::Timestamp;

use super::Bounds;
use super::facts::{difference, number, same_picture, settled, text, time, what};
use super::report::{Example, Finding, Report};
use crate::device::unix_secs;
use crate::hub::{Holes, Shown};
use crate::latency::Latencies;
use crate::ledger::{DeviceBooks, Entry, Order, Outcome, Shot};

/// A comparison at work.
#[derive(Debug)]
pub struct Audit<'a> {
    outcome: &'a Outcome,
    bounds: Bounds,
    /// What topics of devices begin with.
    prefix: String,
    devices: HashMap<&'a str, Seen<'a>>,
    critical: Latencies,
    normal: Latencies,
    downloads: Vec<Download>,
    report: Report,
}

/// What the hub has shown of a device so far, parallel to its books.
#[derive(Debug)]
struct Seen<'a> {
    books: &'a DeviceBooks,
    entries: Vec<bool>,
    pictures: Vec<bool>,
    /// The last state of each command: its code and value.
    commands: HashMap<u64, Value>,
}

/// A picture to fetch and check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Where the hub keeps it.
    pub address: String,
    sha256: String,
    what: String,
}

impl<'a> Audit<'a> {
    /// Begins a comparison of `outcome` with a hub whose node has the topic `node`.
    #[must_use]
    pub fn new(outcome: &'a Outcome, node: &str, bounds: Bounds) -> Self {
        let seen = |books: &'a DeviceBooks| Seen {
            books,
            entries: vec![false; books.entries.len()],
            pictures: vec![false; books.pictures.len()],
            commands: HashMap::new(),
        };
        Self {
            outcome,
            bounds,
            prefix: format!("{node}/devices/"),
            devices: outcome
                .devices
                .iter()
                .map(|books| (&*books.serial, seen(books)))
                .collect(),
            critical: Latencies::default(),
            normal: Latencies::default(),
            downloads: Vec::new(),
            report: Report::default(),
        }
    }

    /// Takes in a record of a topic `devices/<serial>/events/<name>`.
    pub fn event(&mut self, shown: &Shown) {
        let Some((serial, name)) = self.ours(shown, "events/", "index") else {
            return;
        };
        let Some(seen) = self.devices.get_mut(serial) else {
            return;
        };
        let (entries, index) = (&seen.books.entries, number(&shown.value, "index"));
        let at = entries
            .binary_search_by_key(&index, |entry| Some(entry.index.into()))
            .ok();
        let Some(at) = at.filter(|at| Some(entries[*at].time) == time(shown)) else {
            return self.unexpected(shown);
        };
        let entry = &entries[at];
        if std::mem::replace(&mut seen.entries[at], true) {
            return self.note(Finding::Duplicated, what(serial, entry));
        }
        if let Some(difference) = difference(entry, name, shown) {
            self.note(
                Finding::Altered,
                format!("{}: {difference}", what(serial, entry)),
            );
        }
        self.latency(serial, entry, shown);
    }

    fn latency(&mut self, serial: &str, entry: &Entry, shown: &Shown) {
        let received = shown.received.parse::<Timestamp>().ok();
        let Some((received, sent)) = received.zip(entry.first_sent) else {
            return;
        };
        let took = received.since(sent);
        let (latencies, bound) = if entry.event.is_critical() {
            (&mut self.critical, self.bounds.critical)
        } else {
            (&mut self.normal, self.bounds.normal)
        };
        latencies.add(took);
        if took > bound {
            self.note(
                Finding::Late,
                format!("{} after {took:.1?}", what(serial, entry)),
            );
        }
    }

    /// Takes in a record of a topic `devices/<serial>/pictures`.
    pub fn picture(&mut self, shown: &Shown) {
        let Some((serial, _)) = self.ours(shown, "pictures", "picture") else {
            return;
        };
        let Some(seen) = self.devices.get_mut(serial) else {
            return;
        };
        let (shots, number) = (&seen.books.pictures, number(&shown.value, "picture"));
        let at = shots
            .binary_search_by_key(&number, |shot| Some(shot.number.into()))
            .ok();
        let Some(at) = at.filter(|at| Some(shots[*at].time) == time(shown)) else {
            return self.unexpected(shown);
        };
        let shot = &shots[at];
        let what = format!("picture {} of {serial}", shot.number);
        if std::mem::replace(&mut seen.pictures[at], true) {
            return self.note(Finding::Duplicated, what);
        }
        let same = same_picture(shot, &shown.value);
        if !same {
            self.note(Finding::Altered, format!("{what}: {}", shown.value));
        } else if let Some(address) = text(&shown.value, "address") {
            let (address, sha256) = (address.to_owned(), shot.sha256.clone());
            self.downloads.push(Download {
                address,
                sha256,
                what,
            });
        } else {
            self.note(Finding::Lost, format!("{what}: the record has no address"));
        }
    }

    /// Takes in a record of a topic `devices/<serial>/commands/<id>`; the last one counts.
    pub fn command(&mut self, shown: &Shown) {
        let Some((serial, _)) = self.parts(shown, "commands/") else {
            return;
        };
        let Some(seen) = self.devices.get_mut(serial) else {
            return;
        };
        if let Some(id) = number(&shown.value, "id") {
            seen.commands.insert(id, shown.value.clone());
        }
    }

    /// The pictures to fetch: at most [`Bounds::downloads`], spread over all.
    #[must_use]
    pub fn downloads(&self) -> Vec<Download> {
        let step = self
            .downloads
            .len()
            .div_ceil(self.bounds.downloads.max(1))
            .max(1);
        self.downloads
            .iter()
            .step_by(step)
            .take(self.bounds.downloads)
            .cloned()
            .collect()
    }

    /// Takes in the SHA-256 of what the hub has under a picture's address; `None`: nothing.
    pub fn downloaded(&mut self, download: &Download, sha256: Option<&str>) {
        self.report.pictures_downloaded += 1;
        match sha256 {
            Some(same) if same == download.sha256 => {}
            Some(_) => self.note(Finding::Altered, format!("the bytes of {}", download.what)),
            None => self.note(Finding::Lost, format!("the bytes of {}", download.what)),
        }
    }

    /// Draws the line; `holes` is what the hub said it cannot show.
    #[must_use]
    pub fn finish(mut self, holes: Holes) -> Report {
        for books in &self.outcome.devices {
            let Some(seen) = self.devices.remove(&*books.serial) else {
                continue;
            };
            self.close_entries(&seen);
            self.close_pictures(&seen);
            self.close_commands(&seen);
        }
        let [critical_p50, critical_p99] = self.critical.ms([0.5, 0.99]);
        let [normal_p50, normal_p99] = self.normal.ms([0.5, 0.99]);
        let mut report = self.report;
        report.examples.sort_by_key(|example| example.finding);
        let ran = self.outcome.ended.since(self.outcome.started);
        Report {
            passed: report.lost + report.duplicated + report.altered == 0,
            devices: self.outcome.devices.len() as u64,
            seconds: (ran.as_secs_f64() * 10.0).round() / 10.0,
            connections: self.outcome.totals,
            damaged: holes.damaged as u64,
            gaps: holes.gaps as u64,
            critical_ms_p50: critical_p50,
            critical_ms_p99: critical_p99,
            normal_ms_p50: normal_p50,
            normal_ms_p99: normal_p99,
            violations: self.outcome.violations.clone(),
            ..report
        }
    }

    fn close_entries(&mut self, seen: &Seen<'_>) {
        for (entry, shown) in seen.books.entries.iter().zip(&seen.entries) {
            self.report.events.count(entry.told, *shown);
            if entry.told && !shown {
                self.note(Finding::Lost, what(&seen.books.serial, entry));
            }
        }
    }

    fn close_pictures(&mut self, seen: &Seen<'_>) {
        for (shot, shown) in seen.books.pictures.iter().zip(&seen.pictures) {
            self.report.pictures.count(shot.told, *shown);
            if shot.told && !shown {
                let Shot { number, size, .. } = shot;
                let serial = &seen.books.serial;
                self.note(
                    Finding::Lost,
                    format!("picture {number} of {serial} ({size} bytes)"),
                );
            }
        }
    }

    fn close_commands(&mut self, seen: &Seen<'_>) {
        for order in &seen.books.orders {
            let Order {
                id,
                code,
                result,
                told,
                ..
            } = *order;
            let state = seen.commands.get(&id.into());
            // An id that was given anew hides the older command; nothing can be said about that.
            let state = state.filter(|state| number(state, "code") == Some(code.into()));
            self.report.commands.count(told, state.is_some());
            let what = || {
                format!(
                    "command {id} (code {code}) of {}, answered {result}",
                    seen.books.serial
                )
            };
            match state {
                None if told => self.note(Finding::Lost, what()),
                Some(state) if told && !settled(state, result) => {
                    self.note(Finding::Altered, format!("{}: {state}", what()));
                }
                _ => {}
            }
        }
    }

    /// Serial and rest of the topic, unless it is another's or from an earlier run with the same
    /// serials: that is older, or has a lower number.
    fn ours<'s>(
        &self,
        shown: &'s Shown,
        below: &str,
        numbered: &str,
    ) -> Option<(&'s str, &'s str)> {
        let (serial, rest) = self.parts(shown, below)?;
        let first = u64::from(self.devices.get(serial)?.books.first);
        let began = unix_secs(self.outcome.started);
        let old = time(shown).is_some_and(|time| time < began)
            || number(&shown.value, numbered).is_some_and(|number| number < first);
        (!old).then_some((serial, rest))
    }

    fn parts<'s>(&self, shown: &'s Shown, below: &str) -> Option<(&'s str, &'s str)> {
        let (serial, rest) = shown.topic.strip_prefix(&self.prefix)?.split_once('/')?;
        Some((serial, rest.strip_prefix(below)?))
    }

    fn unexpected(&mut self, shown: &Shown) {
        self.note(
            Finding::Unexpected,
            format!("{}: {}", shown.topic, shown.value),
        );
    }

    fn note(&mut self, finding: Finding, detail: String) {
        let report = &mut self.report;
        let counter = match finding {
            Finding::Lost => &mut report.lost,
            Finding::Duplicated => &mut report.duplicated,
            Finding::Altered => &mut report.altered,
            Finding::Unexpected => &mut report.unexpected,
            Finding::Late => &mut report.late,
        };
        *counter += 1;
        if *counter <= self.bounds.examples as u64 {
            report.examples.push(Example { finding, detail });
        }
    }
}
