//! Random lives of a pair. With a witness nothing acknowledged is ever lost.

use proptest::prelude::*;

use super::world::{MS, World};
use crate::{Event, Order};

#[derive(Debug, Clone, Copy)]
enum Act {
    Kill(usize),
    Start(usize),
    Cut,
    Heal,
    Publish(usize),
    Pass(u32),
    SwitchOver(usize),
    Witness(bool),
    Stuck(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let node = 0..2_usize;
    let act = prop_oneof![
        1 => node.clone().prop_map(Act::Kill),
        2 => node.clone().prop_map(Act::Start),
        1 => Just(Act::Cut),
        1 => Just(Act::Heal),
        6 => node.clone().prop_map(Act::Publish),
        6 => (1..600_u32).prop_map(Act::Pass),
        1 => node.clone().prop_map(Act::SwitchOver),
        1 => any::<bool>().prop_map(Act::Witness),
        1 => node.prop_map(Act::Stuck),
    ];
    prop::collection::vec(act, 1..60)
}

fn live(world: &mut World, acts: &[Act]) {
    for act in acts {
        match *act {
            Act::Kill(at) => world.kill(at),
            Act::Start(at) if world.nodes[at].pair.is_none() => world.start(at),
            Act::Start(_) => {}
            Act::Cut => world.cut(),
            Act::Heal => world.linked = true,
            Act::Publish(at) => {
                world.publish(at);
            }
            Act::Pass(time) => world.pass(MS * time),
            Act::SwitchOver(at) => world.event(at, Event::Order(Order::SwitchOver)),
            Act::Witness(reachable) => world.witness_reachable = reachable,
            Act::Stuck(at) => world.event(at, Event::PartnerStuck),
        }
        let leads: Vec<_> = world.nodes.iter().filter_map(|node| node.leads).collect();
        assert!(
            leads.len() < 2 || leads[0] != leads[1],
            "one epoch, two leaders"
        );
    }
}

fn heal(world: &mut World) {
    world.linked = true;
    world.witness_reachable = true;
    for at in [0, 1] {
        if world.nodes[at].pair.is_none() {
            world.start(at);
        }
    }
    for _ in 0..4 {
        world.pass(MS * 1_000);
        world.request(0);
        world.request(1);
    }
    world.pass(MS * 2_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn with_a_witness_nothing_acknowledged_is_lost_and_the_pair_heals(acts in acts()) {
        let mut world = World::new(|config| config.witness = true);
        live(&mut world, &acts);
        prop_assert_eq!(world.missing(), []);
        heal(&mut world);
        prop_assert_eq!(world.leaders(), 1);
        prop_assert_eq!(world.missing(), []);
        prop_assert_eq!(&world.nodes[0].journal, &world.nodes[1].journal);
        prop_assert!(world.publish(0) || world.publish(1));
    }

    #[test]
    fn without_one_the_pair_heals_and_loses_nothing_while_the_link_holds(acts in acts()) {
        let mut world = World::new(|_| {});
        let whole: Vec<Act> = acts.iter().copied().filter(|act| !matches!(act, Act::Cut)).collect();
        live(&mut world, &whole);
        heal(&mut world);
        prop_assert_eq!(world.leaders(), 1);
        prop_assert_eq!(&world.nodes[0].journal, &world.nodes[1].journal);
    }
}
