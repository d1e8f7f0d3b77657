//! A model device against the dialogue, over links that break between any two steps: nothing is
//! deleted before it is durable, each entry arrives at least once under one key, each picture
//! arrives whole, each command is settled.

#[cfg(test)]
mod device;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod link;
#[cfg(test)]
mod random;

use proptest::prelude::*;
use spica_identicom_proto::profile::DeleteArgument;

use crate::device::Device;
use crate::hub::Hub;
use crate::link::Link;
use crate::random::Random;

/// Connections that break, before those that do not.
const BROKEN: usize = 4;
/// Far more steps than a whole connection has.
const STEPS: usize = 20_000;
/// Connections that may be needed to bring home what is left.
const WHOLE: usize = 30;

fn run(seed: u64, delete_argument: DeleteArgument) {
    let mut random = Random::new(seed);
    let mut device = Device::new(&mut random, delete_argument);
    let mut hub = Hub::new(&mut random, delete_argument);
    for _ in 0..BROKEN {
        device.live(&mut random);
        let steps = random.below(60);
        let mut link = Link::open(&hub);
        for _ in 0..steps {
            if !link.step(&mut device, &mut hub, &mut random, true) {
                break;
            }
        }
        hub.lose_connection(random.one_in(3));
        device.lose_connection();
    }
    device.settle_down();
    for _ in 0..WHOLE {
        let mut link = Link::open(&hub);
        let mut steps = 0..STEPS;
        while link.step(&mut device, &mut hub, &mut random, false) {
            assert!(steps.next().is_some(), "the connection never ends");
        }
        hub.lose_connection(false);
        device.lose_connection();
        if device.is_empty() && hub.has_settled_all() {
            break;
        }
    }
    device.check_all_arrived(&hub);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_with_devices_that_delete_up_to_an_index(seed: u64) {
        run(seed, DeleteArgument::LastIndex);
    }

    #[test]
    fn nothing_is_lost_with_devices_that_delete_all(seed: u64) {
        run(seed, DeleteArgument::None);
    }
}
