//! Whatever happens, in whatever order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Push(bool),
    Pass(u16),
    Main(Says),
    Backup(Says),
    Raw(bool, Vec<u8>),
    Break(bool),
    Late(bool),
}

fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        3 => Just(Says::Right),
        1 => Just(Says::Unreachable),
        1 => Just(Says::Nothing),
        1 => Just(Says::Lost),
        1 => Just(Says::Duh),
        1 => Just(Says::Nak("2000-01-01T00:00:00Z".parse().unwrap())),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let answer = ("(ACK|NAK|DUH)", 0u16..20).prop_map(|(token, sequence)| {
        let body = format!("\"{token}\"{sequence:04}L0#1234[]_05:01:23,11-22-2026");
        crate::frame::seal(body.as_bytes()).unwrap()
    });
    prop_oneof![answer, prop::collection::vec(any::<u8>(), 0..20)]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Push),
        3 => (0u16..300).prop_map(Step::Pass),
        1 => says().prop_map(Step::Main),
        1 => says().prop_map(Step::Backup),
        1 => (any::<bool>(), bytes()).prop_map(|(main, bytes)| Step::Raw(main, bytes)),
        1 => any::<bool>().prop_map(Step::Break),
        1 => any::<bool>().prop_map(Step::Late),
    ]
}

const fn path(main: bool) -> Path {
    if main { Path::Main } else { Path::Backup }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every event that was taken is delivered or refused once, the queue holds the others, and when
    /// the stations work again it becomes empty. What is due is done: `World::run` asserts it.
    #[test]
    fn no_event_is_lost_or_told_twice(
        steps in prop::collection::vec(steps(), 0..60),
        has_backup: bool,
        encrypted: bool,
    ) {
        let mut world = World::new(Config {
            backup_poll: has_backup.then_some(Config::BACKUP_POLL),
            key: encrypted.then_some(crate::Key::Aes256([3; 32])),
            queue: 20,
            ..config()
        });
        let mut pushed = 0_u64;
        for step in steps {
            match step {
                Step::Push(urgent) => {
                    let now = world.now();
                    let outputs =
                        world.sender.push(EventId(pushed), event("man-down"), urgent, None, now);
                    if let Ok(outputs) = outputs {
                        pushed += 1;
                        world.play(outputs);
                    }
                }
                Step::Pass(by) => world.run(secs(u64::from(by))),
                Step::Main(says) => world.stations[0].says = says,
                Step::Backup(says) => world.stations[1].says = says,
                Step::Raw(main, bytes) => world.handle(Input::Bytes(path(main), &bytes)),
                Step::Break(main) => world.handle(Input::Disconnected(path(main))),
                Step::Late(main) => world.handle(Input::Connected(path(main))),
            }
            let status = world.sender.status();
            prop_assert!(status.queued <= 20);
            let done = status.counters.delivered + status.counters.refused;
            prop_assert_eq!(done + status.queued as u64, pushed);
        }
        world.stations[0].says = Says::Right;
        world.stations[1].says = Says::Right;
        world.run(secs(300));
        prop_assert_eq!(world.sender.status().queued, 0);
        prop_assert!(world.sender.status().paths.iter().all(|path| !path.failed));
        let ends = world.told.iter().filter_map(|(_, told)| match told {
            Output::Delivered { id, .. } | Output::Refused { id, .. } => Some(*id),
            _ => None,
        });
        let ends: Vec<_> = ends.collect();
        let different: BTreeSet<_> = ends.iter().copied().collect();
        prop_assert_eq!(ends.len() as u64, pushed);
        prop_assert_eq!(different.len() as u64, pushed);
    }
}
