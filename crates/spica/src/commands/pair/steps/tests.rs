//! An upgrade against nodes that are told what they say.

use super::*;

const COMPLETE: &str = "complete";

fn node(side: Side, serves: bool, started: &str) -> Seen {
    Seen {
        side: side.to_string(),
        serves,
        epoch: 4,
        gate: if serves { "pair" } else { "closed" }.to_owned(),
        sync: COMPLETE.to_owned(),
        behind: 0,
        sound: true,
        version: Some("0.1.0".to_owned()),
        started: Some(started.to_owned()),
    }
}

/// A complete pair of nodes that were started at these times.
fn pair(active: Side, primary: &str, backup: &str) -> Both {
    Both {
        primary: Ok(node(Side::Primary, active == Side::Primary, primary)),
        backup: Ok(node(Side::Backup, active == Side::Backup, backup)),
    }
}

fn with(mut both: Both, change: impl FnOnce(&mut Seen, &mut Seen)) -> Both {
    if let (Ok(primary), Ok(backup)) = (&mut both.primary, &mut both.backup) {
        change(primary, backup);
    }
    both
}

fn without_backup() -> Both {
    Both {
        backup: Err("refused".to_owned()),
        ..pair(Side::Primary, "1", "1")
    }
}

/// Drives an upgrade of nodes that do at once what they are told; gives what was done.
fn driven(active: Side, first: Option<Side>) -> Vec<Next> {
    let (mut active, mut started) = (active, [1, 1]);
    let (mut upgrade, mut done) = (Upgrade::new(first), Vec::new());
    loop {
        let [primary, backup] = started.map(|time| time.to_string());
        let next = upgrade.next(&pair(active, &primary, &backup)).unwrap();
        match &next {
            Next::SwitchOver(side) => {
                assert_eq!(*side, active, "only the active can hand over");
                active = side.other();
            }
            Next::Restart(side) => {
                assert_ne!(*side, active, "the active is never restarted");
                started[usize::from(*side == Side::Backup)] += 1;
            }
            Next::Wait(lack) => panic!("waits for nothing: {lack}"),
            Next::Say(_) | Next::Done => {}
        }
        done.push(next.clone());
        if next == Next::Done {
            assert_eq!(started, [2, 2], "each is restarted once");
            return done;
        }
    }
}

#[test]
fn the_passive_is_restarted_then_the_one_that_has_handed_over() {
    use Next::{Done, Restart, Say, SwitchOver};
    let (primary, backup) = (Side::Primary, Side::Backup);
    let expected = [
        Say(Reached::Fit(primary)),
        Restart(backup),
        Say(Reached::Back(backup)),
        SwitchOver(primary),
        Say(Reached::Serves(backup)),
        Restart(primary),
        Say(Reached::Back(primary)),
        Done,
    ];
    assert_eq!(driven(primary, None), expected);
    assert_eq!(driven(primary, Some(backup)), expected);
}

#[test]
fn an_active_that_is_to_be_first_hands_over_and_is_handed_back_to() {
    use Next::{Done, Restart, Say, SwitchOver};
    let (primary, backup) = (Side::Primary, Side::Backup);
    let expected = [
        Say(Reached::Fit(backup)),
        SwitchOver(backup),
        Say(Reached::Serves(primary)),
        Restart(backup),
        Say(Reached::Back(backup)),
        SwitchOver(primary),
        Say(Reached::Serves(backup)),
        Restart(primary),
        Say(Reached::Back(primary)),
        Done,
    ];
    assert_eq!(driven(backup, Some(backup)), expected);
}

#[test]
fn nothing_is_done_to_a_pair_that_is_not_fit() {
    let sound = || pair(Side::Primary, "1", "1");
    let unfit = [
        without_backup(),
        with(sound(), |primary, _| primary.serves = false),
        with(sound(), |_, backup| backup.serves = true),
        with(sound(), |_, backup| backup.sound = false),
        with(sound(), |primary, _| {
            primary.sync = "catching-up".to_owned();
        }),
        with(sound(), |_, backup| backup.sync = "stale".to_owned()),
        with(sound(), |primary, _| primary.gate = "solo".to_owned()),
        with(sound(), |_, backup| backup.epoch = 3),
    ];
    for both in unfit {
        let stop = Upgrade::new(None).next(&both).unwrap_err();
        assert!(matches!(stop, Stop::Unfit(_)), "{stop}");
        assert!(stop.to_string().contains("Nothing was done"));
    }
}

/// An upgrade whose backup was just restarted.
fn restarted() -> Upgrade {
    let mut upgrade = Upgrade::new(None);
    let both = pair(Side::Primary, "1", "1");
    upgrade.next(&both).unwrap();
    assert_eq!(upgrade.next(&both), Ok(Next::Restart(Side::Backup)));
    upgrade
}

#[test]
fn a_node_that_was_restarted_must_be_another_process_and_complete() {
    let mut upgrade = restarted();
    let same = upgrade.next(&pair(Side::Primary, "1", "1")).unwrap();
    assert_eq!(same, Next::Wait(Lack::SameProcess(Side::Backup)));
    let gone = upgrade.next(&without_backup()).unwrap();
    assert!(matches!(gone, Next::Wait(Lack::Silent(Side::Backup, _))));
    let behind = with(pair(Side::Primary, "1", "2"), |primary, _| {
        primary.sync = "catching-up".to_owned();
        primary.behind = 7;
    });
    let Next::Wait(lack) = upgrade.next(&behind).unwrap() else {
        panic!("it is not complete")
    };
    assert!(lack.to_string().contains("lacks 7 records"), "{lack}");
    let stop = upgrade.overdue(lack).to_string();
    assert!(stop.contains("the backup did not come back"), "{stop}");
    let back = upgrade.next(&pair(Side::Primary, "1", "2"));
    assert_eq!(back, Ok(Next::Say(Reached::Back(Side::Backup))));
}

#[test]
fn programs_that_do_not_say_when_they_began_are_believed() {
    let silent = |both| with(both, |_, backup| backup.started = None);
    let mut upgrade = Upgrade::new(None);
    let both = silent(pair(Side::Primary, "1", "1"));
    upgrade.next(&both).unwrap();
    upgrade.next(&both).unwrap();
    let back = Next::Say(Reached::Back(Side::Backup));
    assert_eq!(upgrade.next(&both), Ok(back));
}

#[test]
fn a_node_that_takes_over_while_it_is_restarted_stops_the_upgrade() {
    let mut upgrade = restarted();
    let stop = upgrade.next(&pair(Side::Backup, "1", "2")).unwrap_err();
    assert_eq!(stop, Stop::TookOver(Side::Backup));
    assert!(
        stop.to_string().contains("the log of the primary"),
        "{stop}"
    );
}

#[test]
fn a_switch_over_is_waited_for_and_its_node_not_restarted_without_it() {
    let mut upgrade = restarted();
    let before = pair(Side::Primary, "1", "2");
    upgrade.next(&before).unwrap();
    assert_eq!(upgrade.next(&before), Ok(Next::SwitchOver(Side::Primary)));
    let still = upgrade.next(&before).unwrap();
    assert_eq!(still, Next::Wait(Lack::StillServes(Side::Primary)));
    let nobody = with(pair(Side::Primary, "1", "2"), |primary, _| {
        primary.serves = false;
    });
    assert_eq!(upgrade.next(&nobody), Ok(Next::Wait(Lack::NoneServes)));
    let stop = upgrade.overdue(Lack::NoneServes).to_string();
    assert!(stop.contains("The primary was not restarted"), "{stop}");
    let after = upgrade.next(&pair(Side::Backup, "1", "2"));
    assert_eq!(after, Ok(Next::Say(Reached::Serves(Side::Backup))));
}
