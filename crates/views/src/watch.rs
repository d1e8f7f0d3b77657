//! Waiting for a device's registration or commands to change.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use spica_devices::Serial;
use tokio::sync::Notify;

/// One device's count of changes. There is one as long as someone watches the device.
#[derive(Debug, Default)]
struct Cell {
    version: AtomicU64,
    notify: Notify,
}

/// All watched devices.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    cells: Mutex<HashMap<Serial, Arc<Cell>>>,
}

impl Watches {
    pub(crate) fn watch(self: &Arc<Self>, serial: Serial) -> DeviceWatch {
        let cell = Arc::clone(self.cells.lock().entry(serial).or_default());
        DeviceWatch {
            seen: cell.version.load(Ordering::Acquire),
            watches: Arc::clone(self),
            serial,
            cell,
        }
    }

    /// Wakes whoever watches one of the devices.
    pub(crate) fn wake(&self, serials: impl IntoIterator<Item = Serial>) {
        let cells = self.cells.lock();
        for cell in serials.into_iter().filter_map(|serial| cells.get(&serial)) {
            cell.version.fetch_add(1, Ordering::AcqRel);
            cell.notify.notify_waiters();
        }
    }

    /// How many devices are watched.
    pub(crate) fn len(&self) -> usize {
        self.cells.lock().len()
    }
}

/// Watches one device. Small: an open connection has one.
pub struct DeviceWatch {
    watches: Arc<Watches>,
    serial: Serial,
    cell: Arc<Cell>,
    seen: u64,
}

impl DeviceWatch {
    /// The device.
    #[must_use]
    pub const fn serial(&self) -> &Serial {
        &self.serial
    }

    /// Resolves when the device's registration or one of its commands has changed since the watch
    /// began or this last resolved; at once if it has already. Several changes are one. The views
    /// show the change by then. Pending for ever once the views have stopped. Safe to cancel.
    pub async fn changed(&mut self) {
        loop {
            let notified = self.cell.notify.notified();
            let mut notified = std::pin::pin!(notified);
            // Enlisted before the count is read: a change in between is not missed.
            notified.as_mut().enable();
            let version = self.cell.version.load(Ordering::Acquire);
            if version != self.seen {
                self.seen = version;
                return;
            }
            notified.await;
        }
    }
}

impl fmt::Debug for DeviceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceWatch")
            .field("serial", &self.serial)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Drop for DeviceWatch {
    fn drop(&mut self) {
        let mut cells = self.watches.cells.lock();
        // The map's and this one: nobody else watches. New watches are made under the same lock.
        if Arc::strong_count(&self.cell) == 2 {
            cells.remove(&self.serial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn serial(text: &str) -> Serial {
        Serial::new(text).unwrap()
    }

    fn is_ready(watch: &mut DeviceWatch) -> bool {
        let changed = pin!(watch.changed());
        changed
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[test]
    fn a_change_is_seen_once_by_each_watch_and_not_by_others() {
        let watches = Arc::new(Watches::default());
        let (mut one, mut two) = (watches.watch(serial("1")), watches.watch(serial("1")));
        let mut other = watches.watch(serial("2"));
        assert!(!is_ready(&mut one));
        watches.wake([serial("1"), serial("3")]);
        watches.wake([serial("1")]);
        assert!(is_ready(&mut one));
        assert!(!is_ready(&mut one), "two changes are one");
        assert!(is_ready(&mut two));
        assert!(!is_ready(&mut other));
    }

    #[test]
    fn a_device_that_nobody_watches_costs_nothing() {
        let watches = Arc::new(Watches::default());
        let (one, two) = (watches.watch(serial("1")), watches.watch(serial("1")));
        drop(one);
        assert_eq!(watches.len(), 1);
        drop(two);
        assert_eq!(watches.len(), 0);
    }

    #[tokio::test]
    async fn a_waiting_watch_is_woken() {
        let watches = Arc::new(Watches::default());
        let mut watch = watches.watch(serial("1"));
        let waiting = tokio::spawn(async move { watch.changed().await });
        tokio::task::yield_now().await;
        watches.wake([serial("1")]);
        waiting.await.unwrap();
    }
}
