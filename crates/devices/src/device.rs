//! The registry: the fold of registrations and check-ins.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use spica_model::Timestamp;

use crate::{Registration, Serial};

/// A registered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its serial.
    pub serial: Serial,
    /// What an operator says about it.
    pub registration: Registration,
    /// When it was first registered since it was last removed.
    pub registered_at: Timestamp,
    /// When a station last accepted it.
    pub last_check_in: Option<Timestamp>,
    /// The software it ran then, if it said so.
    pub software_version: Option<String>,
}

/// What the records say about one serial. A check-in without a registration is remembered, so that
/// the order in which the two are folded makes no difference.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Entry {
    device: Option<Arc<Device>>,
    check_in: Option<(Timestamp, Option<String>)>,
}

/// All devices, in the order of their serials.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Registry {
    entries: BTreeMap<Serial, Entry>,
    registered: usize,
}

impl Registry {
    /// Sets a device's registration.
    pub fn register(&mut self, serial: Serial, registration: Registration, at: Timestamp) {
        let entry = self.entries.entry(serial).or_default();
        let check_in = entry.check_in.clone();
        let (last_check_in, software_version) = check_in.unzip();
        let device = Device {
            serial,
            registration,
            registered_at: at,
            last_check_in,
            software_version: software_version.flatten(),
        };
        let before = entry.device.replace(Arc::new(device));
        self.registered += usize::from(before.is_none());
    }

    /// Notes that a station accepted a device; a version that is empty was not said.
    pub fn check_in(&mut self, serial: Serial, at: Timestamp, software_version: String) {
        let software_version = Some(software_version).filter(|it| !it.is_empty());
        let entry = self.entries.entry(serial).or_default();
        if let Some(device) = &mut entry.device {
            let device = Arc::make_mut(device);
            device.last_check_in = Some(at);
            device.software_version.clone_from(&software_version);
        }
        entry.check_in = Some((at, software_version));
    }

    /// Removes a device's registration.
    pub fn remove(&mut self, serial: &Serial) {
        if let Some(entry) = self.entries.get_mut(serial) {
            self.registered -= usize::from(entry.device.take().is_some());
        }
        self.drop_if_empty(serial);
    }

    /// Forgets a device's check-in.
    pub fn forget_check_in(&mut self, serial: &Serial) {
        if let Some(entry) = self.entries.get_mut(serial) {
            entry.check_in = None;
            if let Some(device) = &mut entry.device {
                let device = Arc::make_mut(device);
                device.last_check_in = None;
                device.software_version = None;
            }
        }
        self.drop_if_empty(serial);
    }

    /// A registered device.
    #[must_use]
    pub fn get(&self, serial: &Serial) -> Option<&Arc<Device>> {
        self.entries.get(serial)?.device.as_ref()
    }

    /// The registered devices after `after` (exclusive; `None`: from the first), in the order of
    /// their serials.
    pub fn after(&self, after: Option<Serial>) -> impl Iterator<Item = &Arc<Device>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries
            .range((from, Bound::Unbounded))
            .filter_map(|(_, entry)| entry.device.as_ref())
    }

    /// How many devices are registered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.registered
    }

    /// Whether no device is registered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.registered == 0
    }

    fn drop_if_empty(&mut self, serial: &Serial) {
        if self.entries.get(serial) == Some(&Entry::default()) {
            self.entries.remove(serial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(text: &str) -> Serial {
        Serial::new(text).unwrap()
    }

    const AT: Timestamp = Timestamp::from_secs(5);

    #[test]
    fn the_order_of_registration_and_check_in_makes_no_difference() {
        let (mut one, mut other) = (Registry::default(), Registry::default());
        one.register(serial("1"), Registration::default(), AT);
        one.check_in(serial("1"), AT, "1.0".into());
        other.check_in(serial("1"), AT, "1.0".into());
        assert!(other.is_empty(), "a check-in alone is no device");
        other.register(serial("1"), Registration::default(), AT);
        assert_eq!(one, other);
        let device = one.get(&serial("1")).unwrap();
        assert_eq!(device.last_check_in, Some(AT));
        assert_eq!(device.software_version.as_deref(), Some("1.0"));
    }

    #[test]
    fn what_is_removed_and_forgotten_leaves_nothing() {
        let mut registry = Registry::default();
        registry.register(serial("1"), Registration::default(), AT);
        registry.register(serial("1"), Registration::default(), AT);
        assert_eq!(registry.len(), 1);
        registry.check_in(serial("1"), AT, "1.0".into());
        registry.forget_check_in(&serial("1"));
        assert_eq!(registry.get(&serial("1")).unwrap().last_check_in, None);
        registry.remove(&serial("1"));
        registry.remove(&serial("1"));
        assert_eq!(registry, Registry::default());
    }

    #[test]
    fn a_device_that_says_no_version_has_none() {
        let mut registry = Registry::default();
        registry.register(serial("1"), Registration::default(), AT);
        registry.check_in(serial("1"), AT, String::new());
        let device = registry.get(&serial("1")).unwrap();
        assert_eq!(device.last_check_in, Some(AT));
        assert_eq!(device.software_version, None);
    }

    #[test]
    fn devices_are_listed_in_pages_by_serial() {
        let mut registry = Registry::default();
        for text in ["b", "a", "c"] {
            registry.register(serial(text), Registration::default(), AT);
        }
        let page = |after| -> Vec<_> {
            let after = registry.after(after);
            after.map(|d| d.serial.as_str().to_owned()).collect()
        };
        assert_eq!(page(None), ["a", "b", "c"]);
        assert_eq!(page(Some(serial("a"))), ["b", "c"]);
        assert_eq!(page(Some(serial("ab"))), ["b", "c"]);
    }
}
