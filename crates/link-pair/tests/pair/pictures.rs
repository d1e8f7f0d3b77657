//! Pictures: on both nodes before a record names them, or fetched later.

use bytes::Bytes;
use spica_model::{Kind, Lane};
use spica_objects::Address;

use crate::half::Fact;
use crate::world::{BACKUP, PRIMARY, World};

fn picture(seed: u8, bytes: usize) -> Bytes {
    (0..bytes).map(|n| (n as u8).wrapping_mul(seed)).collect()
}

impl World {
    /// A half takes a picture in and writes the record that names it.
    fn record_picture(&self, half: usize, content: &Bytes) -> Address {
        self.runtime.block_on(async {
            let half = &self.halves[half];
            let address = half.take_picture(content).await;
            let payload = format!(r#"{{"address":"{address}"}}"#);
            let fact = Fact {
                topic: "devices/7/pictures",
                kind: Kind::Event,
                payload: &payload,
                at: 1,
                key: None,
            };
            half.append(Lane::Normal, &[fact]).await;
            address
        })
    }

    fn has_picture(&self, half: usize, address: &Address, content: &Bytes) -> bool {
        let there = self.runtime.block_on(self.halves[half].picture(address));
        there.is_some_and(|there| there == content)
    }
}

#[test]
fn the_partner_has_a_picture_before_its_record_is_written() {
    let world = World::healthy();
    // More than the window.
    let content = picture(3, 1 << 20);
    let half = &world.halves[PRIMARY];
    let address = world.runtime.block_on(half.take_picture(&content));
    assert!(world.has_picture(BACKUP, &address, &content));
}

#[test]
fn a_partner_that_was_away_fetches_the_pictures_it_lacks() {
    let mut world = World::healthy();
    let content = picture(5, 300_000);
    world.kill(BACKUP);
    let address = world.record_picture(PRIMARY, &content);
    world.start(BACKUP);
    world.mend();
    world.until("the picture has come", |world| {
        world.has_picture(BACKUP, &address, &content)
    });
    let metrics = world.halves[BACKUP].running().pair.metrics();
    assert_eq!(metrics.pictures_copied(), 1);
}

#[test]
fn pictures_of_a_half_that_was_alone_come_with_their_records() {
    let mut world = World::healthy();
    world.cut();
    world.ask_until_served(BACKUP);
    world.ask_until_served(PRIMARY);
    let contents = [picture(7, 200_000), picture(11, 200_000)];
    let addresses = [PRIMARY, BACKUP].map(|half| world.record_picture(half, &contents[half]));
    world.mend();
    world.until("both have both pictures", |world| {
        [PRIMARY, BACKUP].into_iter().all(|half| {
            addresses
                .iter()
                .zip(&contents)
                .all(|(address, content)| world.has_picture(half, address, content))
        })
    });
}

#[test]
fn a_picture_that_the_partner_does_not_have_either_holds_nothing_up() {
    let world = World::healthy();
    let unknown: Address = format!("pictures/ab/{}", "ab".repeat(32)).parse().unwrap();
    let share = world.halves[BACKUP].running().pair.pictures();
    let fetched = world.runtime.block_on(share.fetch(&unknown));
    assert_eq!(fetched, spica_link_pair::Fetched::Nowhere);
    let content = picture(3, 100_000);
    let address = world.record_picture(PRIMARY, &content);
    assert!(world.has_picture(BACKUP, &address, &content));
}
