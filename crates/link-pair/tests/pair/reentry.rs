//! What one half took in alone while the other one served too.

use std::fs;

use spica_clock::SystemClock;
use spica_journal_file::{Fresh, cut_after, reset_lane};
use spica_model::{Kind, Lane, Record, Seq};
use std::sync::Arc;

use crate::half::{Fact, Half};
use crate::world::{BACKUP, PRIMARY, World};

/// More than one frame has.
const MANY: usize = 600;
/// What the desk of each half says.
const DECIDED: [&str; 2] = ["alarms/mark", "alarms/cases/3-1"];

const fn event(topic: &'static str, payload: &'static str) -> Fact<'static> {
    Fact {
        topic,
        kind: Kind::Event,
        payload,
        at: 5,
        key: None,
    }
}

const fn state(topic: &'static str, payload: &'static str, at: u64) -> Fact<'static> {
    Fact {
        kind: Kind::State,
        at,
        ..event(topic, payload)
    }
}

/// A pair with a common past that was cut in two; both halves serve.
fn parted() -> World {
    let mut world = World::healthy();
    let common = [state("old", "common", 1), event("log", "common")];
    let primary = &world.halves[PRIMARY];
    world
        .runtime
        .block_on(primary.append(Lane::Normal, &common));
    world.cut();
    world.ask_until_served(BACKUP);
    world.ask_until_served(PRIMARY);
    world
}

/// Waits until the pair is one again and nothing is left aside; says which half has lost.
fn heal(world: &mut World) -> usize {
    world.mend();
    world.until("the pair is one again, and nothing is aside", |world| {
        let mut serving = world.halves.iter().filter(|half| half.serves());
        let (active, other) = (serving.next(), serving.next());
        active.is_some_and(|half| half.sync() == "complete" && !notes(half).is_empty())
            && other.is_none()
            && world.halves.iter().all(|half| half.asides() == 0)
    });
    usize::from(world.halves[PRIMARY].serves())
}

/// What the journal says about what was entered again into the normal lane.
fn notes(half: &Half) -> Vec<serde_json::Value> {
    let notes = half.of_topic(Lane::Critical, "system/pair/diverged");
    notes
        .iter()
        .map(|record| serde_json::from_slice(&record.payload).unwrap())
        .filter(|note: &serde_json::Value| {
            note.get("entered").is_some() && note["lane"] == "normal"
        })
        .collect()
}

fn payloads(records: &[Record]) -> Vec<&str> {
    records
        .iter()
        .map(|record| std::str::from_utf8(&record.payload).unwrap())
        .collect()
}

/// Everything that the loser's journal must have in common with the winner's.
fn assert_same(world: &mut World) {
    world.until("both hold the same records", |world| {
        let [primary, backup] = &world.halves;
        Lane::ALL
            .into_iter()
            .all(|lane| primary.records(lane) == backup.records(lane))
    });
}

#[test]
fn what_a_half_took_in_alone_becomes_new_records_and_no_view_goes_back() {
    let mut world = parted();
    let places = [("P", 10, 20), ("B", 20, 10)].map(|(name, first, second)| {
        let half = &world.halves[usize::from(name == "B")];
        let retried = Fact {
            key: Some("device:7"),
            ..event("retried", name)
        };
        let facts = [
            event("log", name),
            retried,
            state("one", name, first),
            state("two", name, second),
            state(if name == "P" { "of-p" } else { "of-b" }, name, 5),
            state(DECIDED[usize::from(name == "B")], name, 30),
        ];
        let places = world.runtime.block_on(half.append(Lane::Normal, &facts));
        let many = vec![event("many", name); MANY];
        world.runtime.block_on(half.append(Lane::Normal, &many));
        places
    });
    let loser = heal(&mut world);
    let names = ["P", "B"];
    let (won, lost) = (names[1 - loser], names[loser]);
    let active = &world.halves[1 - loser];

    let log = active.of_topic(Lane::Normal, "log");
    assert_eq!(payloads(&log), ["common", won, lost]);
    let (again, place) = (&log[2], places[loser][0].position);
    let cause = again.cause.as_ref().unwrap().as_str();
    assert_eq!(cause, format!("record:{place} operator:alice"));
    let key = again.key.as_ref().unwrap().as_bytes();
    assert_eq!(key, format!("reentered:{place}").as_bytes());
    assert_eq!(again.received, log[1].received);

    let many = active.of_topic(Lane::Normal, "many");
    assert_eq!(payloads(&many), [[won; MANY], [lost; MANY]].concat());
    let retried = active.of_topic(Lane::Normal, "retried");
    assert_eq!(payloads(&retried), [won]);

    let shown = ["one", "two", "of-p", "of-b", "old"].map(|topic| active.shows(topic).unwrap());
    assert_eq!(shown, ["B", "P", "P", "B", "common"]);
    let late = ["one", "two"].map(|topic| {
        let late = format!("system/pair/late/{topic}");
        active.of_topic(Lane::Normal, &late)
    });
    let late = late.concat();
    assert_eq!(payloads(&late), [lost]);
    assert_eq!(late[0].kind, Kind::Event);

    // What the other half's desk decided is history, though nothing here is newer.
    let decided = DECIDED[loser];
    assert!(active.shows(decided).is_none(), "{decided}");
    let decided = active.of_topic(Lane::Normal, &format!("system/pair/late/{decided}"));
    assert_eq!(payloads(&decided), [lost]);
    assert_eq!(decided[0].kind, Kind::Event);

    let notes = notes(active);
    assert_eq!(notes.len(), 1);
    let counts = ["entered", "known", "late", "copies", "unreadable"];
    let counted = counts.map(|count| notes[0][count].as_u64().unwrap());
    assert_eq!(counted, [5 + MANY as u64, 1, 2, 0, 0]);
    assert_same(&mut world);
}

#[test]
fn what_is_sent_twice_is_entered_once() {
    let mut world = parted();
    for half in &world.halves {
        let facts = [event("log", "alone"), state("door", "open", 7)];
        world.runtime.block_on(half.append(Lane::Normal, &facts));
    }
    let loser = heal(&mut world);
    let before = world.halves[1 - loser].records(Lane::Normal);

    // It dies before it knows that all was entered.
    world.halves[loser].stop();
    let dir = world.halves[loser].journal_dir().join("normal");
    let mut found = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "done")
        {
            fs::rename(&path, path.with_extension("")).unwrap();
            found += 1;
        }
    }
    assert_eq!(found, 1);
    world.start(loser);
    assert_eq!(world.halves[loser].asides(), 1);
    world.until("it was sent again", |world| {
        world.halves[loser].asides() == 0
    });
    let active = &world.halves[1 - loser];
    assert_eq!(active.records(Lane::Normal), before);
    assert_eq!(notes(active).len(), 1);
}

#[test]
fn records_that_the_partner_has_at_their_place_are_not_entered_again() {
    let mut world = World::healthy();
    let facts = [event("log", "a"), event("log", "b"), event("log", "c")];
    let primary = &world.halves[PRIMARY];
    world.runtime.block_on(primary.append(Lane::Normal, &facts));
    let before = world.halves[PRIMARY].records(Lane::Normal);
    // As after damage at the second record.
    world.halves[BACKUP].stop();
    let dir = world.halves[BACKUP].journal_dir();
    let clock: spica_clock::SharedClock = Arc::new(SystemClock);
    let report = cut_after(&dir, Lane::Normal, before[0].position.seq, &clock).unwrap();
    assert_eq!(report.put_aside, 2);
    world.start(BACKUP);
    world.until("nothing is aside", |world| {
        world.halves[BACKUP].asides() == 0
    });
    let primary = &world.halves[PRIMARY];
    assert_eq!(primary.records(Lane::Normal), before);
    assert_eq!(notes(primary)[0]["known"], 2);
    assert_eq!(primary.running().pair.metrics().reentered(), (0, 2));
    assert_same(&mut world);
}

#[test]
fn a_half_that_becomes_active_enters_itself_what_it_had_put_aside() {
    let mut world = World::new();
    world.start(PRIMARY);
    world.ask_until_served(PRIMARY);
    let primary = &world.halves[PRIMARY];
    let facts = [event("log", "a"), event("log", "b")];
    let places = world.runtime.block_on(primary.append(Lane::Normal, &facts));
    world.halves[PRIMARY].stop();
    let dir = world.halves[PRIMARY].journal_dir();
    let clock: spica_clock::SharedClock = Arc::new(SystemClock);
    cut_after(&dir, Lane::Normal, Seq(1), &clock).unwrap();
    world.start(PRIMARY);
    world.ask_until_served(PRIMARY);
    world.until("nothing is aside", |world| {
        world.halves[PRIMARY].asides() == 0
    });
    let log = world.halves[PRIMARY].of_topic(Lane::Normal, "log");
    assert_eq!(payloads(&log), ["a", "b"]);
    let cause = log[1].cause.as_ref().unwrap().as_str();
    let place = places[1].position;
    assert_eq!(cause, format!("record:{place} operator:alice"));
}

#[test]
fn what_is_older_than_all_that_is_kept_does_not_come_back() {
    let mut world = World::new();
    world.start(PRIMARY);
    world.ask_until_served(PRIMARY);
    let primary = &world.halves[PRIMARY];
    let newer = Fact {
        at: 20,
        ..event("log", "newer")
    };
    let facts = [event("log", "old"), newer];
    world.runtime.block_on(primary.append(Lane::Normal, &facts));
    world.halves[PRIMARY].stop();
    let dir = world.halves[PRIMARY].journal_dir();
    let clock: spica_clock::SharedClock = Arc::new(SystemClock);
    let report = cut_after(&dir, Lane::Normal, Seq::ZERO, &clock).unwrap();
    let aside = dir.join("normal").join(report.aside.unwrap());
    let away = aside.with_extension("away");
    fs::rename(&aside, &away).unwrap();

    // A journal that knows nothing of its past any more.
    let fresh = Fresh {
        first: Seq(100),
        reigns: Vec::new(),
        put_aside: false,
    };
    reset_lane(&dir, Lane::Normal, &fresh, &clock).unwrap();
    world.start(PRIMARY);
    world.ask_until_served(PRIMARY);
    let kept = Fact {
        at: 10,
        ..event("log", "kept")
    };
    let primary = &world.halves[PRIMARY];
    world
        .runtime
        .block_on(primary.append(Lane::Normal, &[kept]));
    world.halves[PRIMARY].stop();
    fs::rename(&away, &aside).unwrap();
    world.start(PRIMARY);
    world.ask_until_served(PRIMARY);
    world.until("nothing is aside", |world| {
        world.halves[PRIMARY].asides() == 0
    });
    let log = world.halves[PRIMARY].of_topic(Lane::Normal, "log");
    assert_eq!(payloads(&log), ["kept", "newer"]);
}
