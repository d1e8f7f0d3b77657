//! What each device does when: the plan laid out, from the seed alone.

use std::sync::Arc;
use std::time::Duration;

use crate::event::{Cell, Detail, Event};
use crate::plan::{Arrival, Plan};
use crate::rng::Rng;

/// One visit of a device to a station.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// When, from the start of the run.
    pub due: Duration,
    /// What has happened by then.
    pub events: Vec<(Event, Arc<Detail>)>,
    /// Seed and size of a picture that was taken.
    pub picture: Option<(u64, u32)>,
    /// An alarm that the device sends unasked: once it has sent more frames than this. With 0 it
    /// crosses the station's first request on the way.
    pub alarm: Option<(Event, u32)>,
    /// How the device's side behaves.
    pub behaviour: Behaviour,
}

/// How a device's side of a dialogue behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// As the profile says.
    Plain,
    /// Its bytes dribble.
    Slow,
    /// It cuts the connection: with a reset if so said, else it just closes.
    Torn {
        /// Where.
        cut: Cut,
        /// Whether with a reset.
        reset: bool,
    },
}

/// Where a device cuts a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// In the middle of the frame with this number (0 is the identity).
    MidFrame(u32),
    /// When it is told to delete its log: it does not hear it any more.
    BeforeDelete,
    /// After it deleted its log, before it says so.
    AfterDelete,
    /// In the middle of this block of a picture.
    MidPicture(u16),
}

/// The visits of one device, in time order.
#[derive(Debug, Clone)]
pub struct Itinerary<'a> {
    plan: &'a Plan,
    rng: Rng,
    base: Duration,
    round: u32,
    weights: u64,
}

impl Plan {
    /// The visits of device number `index` (from 0).
    #[must_use]
    pub fn itinerary(&self, index: u32) -> Itinerary<'_> {
        let mut rng = Rng::part(self.seed, u64::from(index) + 1);
        let base = match self.arrival {
            Arrival::Burst => Duration::ZERO,
            Arrival::Spread => self.interval.mul_f64(rng.unit()),
        };
        let weights = self.mix.iter().map(|weight| u64::from(weight.weight)).sum();
        Itinerary {
            plan: self,
            rng,
            base,
            round: 0,
            weights,
        }
    }
}

impl Iterator for Itinerary<'_> {
    type Item = Visit;

    fn next(&mut self) -> Option<Visit> {
        let plan = self.plan;
        if plan.rounds.is_some_and(|rounds| self.round >= rounds) {
            return None;
        }
        let mut due = self.base + plan.interval * self.round;
        // The very first visits of a burst are all at once, whatever the jitter.
        if self.round > 0 || plan.arrival == Arrival::Spread {
            due += plan.interval.mul_f64(plan.jitter * self.rng.unit());
        }
        if plan.duration.is_some_and(|duration| due > duration) {
            return None;
        }
        self.round += 1;
        Some(self.visit(due))
    }
}

impl Itinerary<'_> {
    fn visit(&mut self, due: Duration) -> Visit {
        let plan = self.plan;
        let count = self.rng.between(1, plan.events_per_visit);
        let events = (0..count)
            .map(|_| {
                let event = self.event();
                (event, Arc::new(self.detail(event)))
            })
            .collect();
        let picture = self.rng.chance(plan.pictures.share).then(|| {
            (
                self.rng.next(),
                self.rng
                    .between(plan.pictures.bytes_min, plan.pictures.bytes_max),
            )
        });
        let alarm = self.rng.chance(plan.trouble.unasked).then(|| {
            let alarms = [Event::MAN_DOWN, Event::RED_ALERT, Event::LANYARD_REMOVED];
            (alarms[self.rng.below(3) as usize], self.rng.between(0, 4))
        });
        Visit {
            due,
            events,
            picture,
            alarm,
            behaviour: self.behaviour(picture.is_some()),
        }
    }

    fn event(&mut self) -> Event {
        let mut at = self.rng.below(self.weights);
        for weight in &self.plan.mix {
            match at.checked_sub(u64::from(weight.weight)) {
                Some(rest) => at = rest,
                None => return weight.event,
            }
        }
        Event::STATUS_CHECK
    }

    fn detail(&mut self, event: Event) -> Detail {
        let rng = &mut self.rng;
        Detail {
            battery_percent: rng.chance(0.9).then(|| rng.between(1, 100) as u8),
            signal_dbm: rng.chance(0.8).then(|| -(rng.between(50, 120) as i8)),
            location: rng.chance(0.5).then(|| {
                let degrees = |limit: u64, n: u64| (n as i64 - limit as i64 * 5_000_000) as i32;
                let latitude = rng.below(180 * 10_000_000);
                let longitude = rng.below(360 * 10_000_000);
                (degrees(180, latitude), degrees(360, longitude))
            }),
            cell: rng.chance(0.3).then(|| Cell {
                mcc: rng.between(200, 799) as u16,
                mnc: rng.between(1, 99) as u16,
                lac: rng.between(0, 0xffff) as u16,
                cell: rng.between(0, 0x0fff_ffff),
            }),
            text: (event == Event::AMBER_ALERT_STARTED)
                .then(|| format!("Käfig {} – ⚠", rng.between(1, 99))),
            minutes: (event == Event::AMBER_ALERT_STARTED).then(|| rng.between(1, 240) as u16),
            other: if rng.chance(0.02) {
                let len = rng.between(0, 12) as usize;
                vec![(rng.between(0x60, 0xff) as u8, rng.bytes(len))]
            } else {
                Vec::new()
            },
        }
    }

    fn behaviour(&mut self, picture: bool) -> Behaviour {
        let rng = &mut self.rng;
        let draw = rng.unit();
        if draw < self.plan.trouble.slow {
            return Behaviour::Slow;
        }
        if draw >= self.plan.trouble.slow + self.plan.trouble.torn {
            return Behaviour::Plain;
        }
        let cut = match rng.below(if picture { 6 } else { 4 }) {
            0 => Cut::BeforeDelete,
            1 => Cut::AfterDelete,
            2 | 3 => Cut::MidFrame(rng.between(0, 4)),
            _ => Cut::MidPicture(rng.between(0, 12) as u16),
        };
        Behaviour::Torn {
            cut,
            reset: rng.chance(0.5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Trouble;

    fn troubled() -> Plan {
        Plan {
            endpoints: vec!["127.0.0.1:1".to_owned()],
            rounds: Some(500),
            duration: None,
            trouble: Trouble {
                slow: 0.1,
                torn: 0.3,
                unasked: 0.1,
                hostile: 0.0,
            },
            ..Plan::default()
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_visits() {
        let lay_out = |plan: &Plan, index| plan.itinerary(index).collect::<Vec<_>>();
        let plan = troubled();
        assert_eq!(lay_out(&plan, 3), lay_out(&plan, 3));
        assert_ne!(lay_out(&plan, 3), lay_out(&plan, 4));
        let other = Plan {
            seed: 2,
            ..plan.clone()
        };
        assert_ne!(lay_out(&plan, 3), lay_out(&other, 3));
    }

    #[test]
    fn visits_come_in_order_and_end_by_rounds_and_by_time() {
        let plan = troubled();
        let visits: Vec<Visit> = plan.itinerary(0).collect();
        assert_eq!(visits.len(), 500);
        assert!(visits.is_sorted_by_key(|visit| visit.due));
        let short = Plan {
            duration: Some(Duration::from_secs(35)),
            ..plan.clone()
        };
        let visits: Vec<Visit> = short.itinerary(0).collect();
        assert!((3..=4).contains(&visits.len()));
        let burst = Plan {
            arrival: Arrival::Burst,
            ..plan
        };
        for index in 0..20 {
            assert_eq!(burst.itinerary(index).next().unwrap().due, Duration::ZERO);
        }
    }

    #[test]
    fn shares_and_weights_come_out_as_planned() {
        let plan = troubled();
        let visits: Vec<Visit> = (0..20).flat_map(|index| plan.itinerary(index)).collect();
        let share = |of: &dyn Fn(&Visit) -> bool| {
            visits.iter().filter(|visit| of(visit)).count() as f64 / visits.len() as f64
        };
        let near = |value: f64, planned: f64| (value - planned).abs() < 0.02;
        assert!(near(share(&|v| v.behaviour == Behaviour::Slow), 0.1));
        assert!(near(
            share(&|v| matches!(v.behaviour, Behaviour::Torn { .. })),
            0.3
        ));
        assert!(near(share(&|v| v.alarm.is_some()), 0.1));
        assert!(near(share(&|v| v.picture.is_some()), 0.01));
        let events: Vec<Event> = visits
            .iter()
            .flat_map(|v| &v.events)
            .map(|(e, _)| *e)
            .collect();
        let critical = events.iter().filter(|event| event.is_critical()).count() as f64;
        assert!((critical / events.len() as f64 - 0.01).abs() < 0.004);
        assert!(
            visits
                .iter()
                .flat_map(|v| &v.events)
                .all(|(_, d)| d.encode().len() <= 255)
        );
    }
}
