//! Whether the standing sessions of a channel are there, and who is told when that changes.

use std::sync::Arc;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_notify::{Event, EventSink, Path};

use crate::answer;

/// The paths of one channel.
#[derive(Debug)]
pub(crate) struct Paths {
    channel: Arc<str>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    events: EventSink,
    paths: Vec<Path>,
}

impl Paths {
    pub(crate) fn new(channel: &str) -> Self {
        let events = EventSink::nobody();
        let paths = Vec::new();
        Self {
            channel: channel.into(),
            state: Mutex::new(State { events, paths }),
        }
    }

    /// Begins anew: nothing is known of these paths.
    pub(crate) fn begin(&self, names: &[&str], events: EventSink, clock: &SharedClock) {
        let path = |name: &&str| Path {
            name: Arc::from(*name),
            up: None,
            since: clock.wall(),
            text: String::new(),
        };
        let paths = names.iter().map(path).collect();
        *self.state.lock() = State { events, paths };
    }

    /// Nobody is told any more, and nothing is known.
    pub(crate) fn end(&self) {
        let (events, paths) = (EventSink::nobody(), Vec::new());
        *self.state.lock() = State { events, paths };
    }

    /// A path is there.
    pub(crate) fn up(&self, name: &str, clock: &SharedClock) {
        let restored = self.change(name, true, String::new(), clock) == Some(Some(false));
        if restored {
            let (channel, path) = (Arc::clone(&self.channel), name.into());
            self.tell(Event::PathRestored { channel, path });
        }
    }

    /// A path is gone, or could not be made.
    pub(crate) fn down(&self, name: &str, text: &str, clock: &SharedClock) {
        let text = answer::line(text);
        let before = self.change(name, false, text.clone(), clock);
        if matches!(before, Some(None | Some(true))) {
            let (channel, path) = (Arc::clone(&self.channel), name.into());
            self.tell(Event::PathFailed {
                channel,
                path,
                text,
            });
        }
    }

    /// What became of a message later.
    pub(crate) fn receipt(&self, key: String, arrived: bool, text: &str) {
        let (channel, text) = (Arc::clone(&self.channel), answer::line(text));
        self.tell(Event::Receipt {
            channel,
            key,
            arrived,
            text,
        });
    }

    /// How they stand.
    pub(crate) fn list(&self) -> Vec<Path> {
        self.state.lock().paths.clone()
    }

    /// What is wrong, if every path is known to be down.
    pub(crate) fn trouble(&self) -> Option<String> {
        let state = self.state.lock();
        let all_down = state.paths.iter().all(|path| path.up == Some(false));
        let last = state.paths.last().filter(|_| all_down)?;
        Some(format!("no connection: {}", last.text))
    }

    /// Sets a path, and gives what it was; none if there is no such path.
    fn change(
        &self,
        name: &str,
        up: bool,
        text: String,
        clock: &SharedClock,
    ) -> Option<Option<bool>> {
        let mut state = self.state.lock();
        let path = state.paths.iter_mut().find(|path| *path.name == *name)?;
        let before = path.up;
        path.text = text;
        if before != Some(up) {
            path.up = Some(up);
            path.since = clock.wall();
        }
        Some(before)
    }

    /// Tells an event, without holding the lock while somebody else's code runs.
    fn tell(&self, event: Event) {
        let events = self.state.lock().events.clone();
        events.tell(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_clock::ManualClock;
    use spica_model::Timestamp;

    #[test]
    fn changes_are_told_once() {
        let clock: SharedClock = Arc::new(ManualClock::new(Timestamp::EPOCH));
        let paths = Paths::new("arc");
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let events = EventSink::new(move |event| sink.lock().push(event));
        paths.begin(&["primary", "secondary"], events, &clock);
        paths.up("primary", &clock);
        paths.up("primary", &clock);
        assert_eq!(*told.lock(), [], "what was never down is not restored");
        paths.down("primary", "no answer", &clock);
        paths.down("primary", "still no answer", &clock);
        assert_eq!(paths.trouble(), None, "nothing is known of the other one");
        paths.down("secondary", "refused", &clock);
        assert_eq!(paths.trouble().unwrap(), "no connection: refused");
        paths.up("primary", &clock);
        assert_eq!(told.lock().len(), 3, "{told:?}");
        assert!(matches!(told.lock()[2], Event::PathRestored { .. }));
        assert_eq!(paths.list()[0].up, Some(true));
        paths.end();
        paths.down("primary", "late", &clock);
        assert_eq!(told.lock().len(), 3);
    }
}
