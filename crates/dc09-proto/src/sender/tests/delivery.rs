//! Events reach a station, or somebody hears that they did not.

use super::*;

fn delivered(id: u64, path: Path, sequence: u16) -> Output {
    Output::Delivered {
        id: EventId(id),
        path,
        sequence: number(sequence),
    }
}

#[test]
fn events_are_delivered_in_order_each_under_its_own_number() {
    let mut world = World::new(config());
    world.push(1, event("man-down"));
    world.push(2, event("low-battery"));
    world.run(secs(1));
    // The first poll of the backup has taken number 2; the main path needed none.
    let expect = [delivered(1, Path::Main, 1), delivered(2, Path::Main, 3)];
    assert_eq!(world.told(), expect);
    let data: Vec<_> = world.stations[0]
        .taken
        .iter()
        .map(|(_, data)| data.as_str())
        .collect();
    assert_eq!(data, ["#1234|Nri1/MA001", "#1234|Nri1/XT006"]);
    assert_eq!(world.sender.status().counters.delivered, 2);
}

#[test]
fn an_encrypted_event_is_delivered_by_an_encrypted_answer() {
    let key = crate::Key::Aes192([7; 24]);
    let mut world = World::new(Config {
        key: Some(key),
        ..config()
    });
    world.push(1, event("man-down"));
    assert_eq!(world.told(), [delivered(1, Path::Main, 1)]);
}

#[test]
fn an_acknowledgement_that_anybody_could_have_written_does_not_count() {
    let mut world = World::new(Config {
        key: Some(crate::Key::Aes128([7; 16])),
        ..config()
    });
    world.stations[0].says = Says::Nothing;
    world.push(1, event("man-down"));
    let plain = crate::frame::seal(br##""ACK"0001L0#1234[]"##).unwrap();
    world.handle(Input::Bytes(Path::Main, &plain));
    let [
        Output::Ignored {
            why: Ignored::Unreadable(error),
            ..
        },
    ] = &world.told()[..]
    else {
        panic!("{:?}", world.told());
    };
    assert_eq!(*error, crate::ReplyError::NotEncrypted);
    assert_eq!(world.sender.status().queued, 1);
}

#[test]
fn a_lost_answer_repeats_the_event_under_the_same_number() {
    let mut world = World::new(Config {
        backup_poll: None,
        ..config()
    });
    world.stations[0].says = Says::Lost;
    world.push(1, event("man-down"));
    world.run(secs(6));
    world.stations[0].says = Says::Right;
    world.run(secs(10));
    assert_eq!(world.told(), [delivered(1, Path::Main, 1)]);
    // Sent at once, after 5 s and a pause of 1 s, and after 5 s more and a pause of 2 s.
    let sent: Vec<_> = world.sent.iter().map(|(at, ..)| at.as_secs()).collect();
    assert_eq!(sent, [0, 6, 13]);
    let numbers: Vec<_> = world.stations[0]
        .taken
        .iter()
        .map(|(number, _)| number.get())
        .collect();
    assert_eq!(
        numbers,
        [1, 1, 1],
        "a station can tell that it is one event"
    );
}

#[test]
fn an_answer_in_pieces_is_an_answer() {
    let mut world = World::new(config());
    world.stations[0].says = Says::Nothing;
    world.push(1, event("man-down"));
    let ack = crate::frame::seal(br##""ACK"0001L0#1234[]"##).unwrap();
    for byte in &ack {
        world.handle(Input::Bytes(Path::Main, std::slice::from_ref(byte)));
    }
    assert_eq!(world.told(), [delivered(1, Path::Main, 1)]);
}

#[test]
fn a_late_answer_of_the_main_path_spares_the_repeat_on_the_backup() {
    let mut world = World::new(config());
    world.run(secs(1));
    world.stations[0].says = Says::Nothing;
    world.stations[1].says = Says::Nothing;
    world.push(1, event("man-down"));
    world.run(secs(25));
    let (_, path, sequence) = world.sent[world.sent.len() - 1];
    assert_eq!(path, Path::Backup);
    let ack = format!("\"ACK\"{sequence}L0#1234[]");
    let ack = crate::frame::seal(ack.as_bytes()).unwrap();
    world.handle(Input::Bytes(Path::Main, &ack));
    assert!(
        world
            .told()
            .contains(&delivered(1, Path::Main, sequence.get()))
    );
    // When the backup answers as well, nothing waits for it.
    world.handle(Input::Bytes(Path::Backup, &ack));
    let why = Ignored::NotAwaited(sequence);
    let path = Path::Backup;
    assert_eq!(world.told().last(), Some(&Output::Ignored { path, why }));
}

#[test]
fn events_take_the_backup_while_the_main_path_is_dead_and_come_back_after_a_poll() {
    let mut world = World::new(config());
    world.run(secs(1));
    world.stations[0].says = Says::Unreachable;
    world.push(1, event("man-down"));
    world.run(secs(10));
    let events = |path: Path| world.stations[path as usize].taken.len();
    assert_eq!((events(Path::Main), events(Path::Backup)), (0, 1));
    let failed = Output::PathFailed(Path::Main);
    assert_eq!(world.told(), [failed, delivered(1, Path::Backup, 3)]);

    // The next one does not wait for the main path again.
    world.told.clear();
    let before = world.steady;
    world.push(2, event("red-alert"));
    assert!(
        matches!(world.told[..], [(at, Output::Delivered { path: Path::Backup, .. })] if at == before)
    );

    world.told.clear();
    world.stations[0].says = Says::Right;
    world.run(secs(60));
    assert_eq!(world.told(), [Output::PathRestored(Path::Main)]);
    world.push(3, event("red-alert"));
    let last = world.told().pop();
    assert!(
        matches!(
            last,
            Some(Output::Delivered {
                path: Path::Main,
                ..
            })
        ),
        "{last:?}"
    );
}

#[test]
fn without_any_path_events_wait_and_the_first_one_that_answers_takes_them() {
    let mut world = World::new(config());
    world.stations[0].says = Says::Unreachable;
    world.stations[1].says = Says::Unreachable;
    for id in 0..10 {
        world.push(id, event("man-down"));
    }
    world.run(secs(3_600));
    assert_eq!(world.sender.status().queued, 10);
    assert_eq!(
        world.told(),
        [
            Output::PathFailed(Path::Main),
            Output::PathFailed(Path::Backup)
        ],
        "a failure is told once"
    );
    world.stations[1].says = Says::Right;
    world.run(secs(61));
    assert_eq!(world.sender.status().queued, 0);
    assert_eq!(world.stations[1].taken.len(), 10);
}

#[test]
fn urgent_events_go_before_others_that_wait() {
    let mut world = World::new(config());
    world.stations[0].says = Says::Unreachable;
    world.stations[1].says = Says::Unreachable;
    world.push(1, event("low-battery"));
    world.push(2, event("low-battery"));
    let now = world.now();
    world
        .sender
        .push(EventId(3), event("man-down"), true, None, now)
        .unwrap();
    world.stations[0].says = Says::Right;
    world.run(secs(120));
    let data = world.stations[0].taken.iter().map(|(_, data)| &data[10..]);
    assert_eq!(data.collect::<Vec<_>>(), ["/MA001", "/XT006", "/XT006"]);
}

#[test]
fn an_event_that_the_station_cannot_process_is_reported_and_not_repeated() {
    let mut world = World::new(config());
    world.stations[0].says = Says::Duh;
    world.push(1, event("man-down"));
    world.run(secs(600));
    let reason = Refusal::Duh(Path::Main);
    let id = EventId(1);
    assert_eq!(world.told(), [Output::Refused { id, reason }]);
    assert_eq!(world.sender.status().queued, 0);
    assert!(!world.sender.status().paths[0].failed, "it answers");
}

#[test]
fn a_wrong_clock_is_corrected_by_what_the_receiver_says() {
    let mut world = World::new(config());
    let hour = 3_600_000_000;
    world.stations[0].ahead_micros = hour;
    world.stations[1].ahead_micros = -hour;
    world.push(1, event("man-down"));
    world.run(secs(1));
    assert_eq!(world.told(), [delivered(1, Path::Main, 1)]);
    let paths = world.sender.status().paths;
    // A receiver says whole seconds.
    assert_eq!(paths[0].offset_micros, hour);
    assert_eq!(paths[1].offset_micros, -hour);
    // From then on nothing is refused.
    let sent = world.sent.len();
    world.push(2, event("man-down"));
    assert_eq!(world.sent.len(), sent + 1);
}

#[test]
fn an_event_that_every_receiver_refuses_is_reported_and_not_repeated() {
    let mut world = World::new(config());
    let time = "2000-01-01T00:00:00Z".parse().unwrap();
    world.stations[0].says = Says::Nak(time);
    world.stations[1].says = Says::Nak(time);
    world.push(1, event("man-down"));
    world.run(secs(60));
    let reason = Refusal::Nak;
    let id = EventId(1);
    assert!(
        world.told().contains(&Output::Refused { id, reason }),
        "{:?}",
        world.told()
    );
    assert_eq!(world.sender.status().queued, 0);
    // Refused polls prove no path.
    assert!(world.sender.status().paths.iter().all(|path| path.failed));
}

#[test]
fn after_a_restart_only_what_was_under_way_comes_twice_and_under_the_same_number() {
    let mut world = World::new(config());
    world.push(1, event("man-down"));
    world.run(secs(1));
    world.stations[0].says = Says::Lost;
    world.push(2, event("red-alert"));
    world.push(3, event("low-battery"));
    let (_, _, under_way) = world.sent[world.sent.len() - 1];
    let last = world.sender.status().last_sequence;
    let taken = world.stations[0].taken.clone();

    let mut world = World::after(config(), last);
    let now = world.now();
    let mut again = |id, condition, sequence| {
        let outputs = world
            .sender
            .push(EventId(id), event(condition), false, sequence, now);
        assert!(outputs.is_ok());
    };
    again(2, "red-alert", Some(under_way));
    again(3, "low-battery", None);
    // The first connection was asked for and not made.
    world.handle(Input::Connected(Path::Main));
    world.run(secs(1));
    let second = &world.stations[0].taken;
    assert_eq!(
        second[0],
        taken[taken.len() - 1],
        "the repeat is known by its number"
    );
    assert_eq!(second.len(), 2);
    assert!(taken.iter().all(|(number, _)| *number != second[1].0));
}

#[test]
fn an_event_is_queued_once_however_often_it_is_pushed() {
    let mut world = World::new(config());
    world.stations[0].says = Says::Nothing;
    for _ in 0..5 {
        world.push(1, event("man-down"));
    }
    assert_eq!(world.sender.status().queued, 1);
}

#[test]
fn the_queue_is_bounded_and_says_so() {
    let mut world = World::new(Config {
        queue: 3,
        ..config()
    });
    world.stations[0].says = Says::Nothing;
    for id in 0..3 {
        world.push(id, event("man-down"));
    }
    let now = world.now();
    let full = world
        .sender
        .push(EventId(3), event("man-down"), true, None, now);
    assert_eq!(full, Err(QueueFull { limit: 3 }));
    assert_eq!(world.sender.status().counters.full, 1);
    world.push(2, event("man-down"));
}

#[test]
fn an_event_that_fits_into_no_frame_is_reported_and_the_next_one_goes() {
    let mut world = World::new(config());
    let mut long = event("man-down");
    let field = crate::Extended::alarm_text(&"x".repeat(1_000), 1_000);
    long.extended = vec![field; 5];
    world.push(1, long);
    world.push(2, event("red-alert"));
    world.run(secs(1));
    assert!(matches!(
        world.told()[..],
        [
            Output::Refused {
                id: EventId(1),
                reason: Refusal::Encode(_)
            },
            Output::Delivered { id: EventId(2), .. }
        ]
    ));
}

#[test]
fn numbers_begin_again_with_one_and_spare_those_that_are_under_way() {
    let config = Config {
        backup_poll: Some(secs(10)),
        ..config()
    };
    let mut world = World::after(config, number(9_998));
    world.stations[0].says = Says::Nothing;
    let now = world.now();
    let outputs = world
        .sender
        .push(EventId(1), event("man-down"), false, Some(number(1)), now);
    world.play(outputs.unwrap());
    world.run(secs(15));
    let numbers = |path| {
        let sent = world.sent.iter().filter(move |(_, by, _)| *by == path);
        sent.map(|(.., number)| number.get()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(Path::Main), [1, 1, 1]);
    assert_eq!(numbers(Path::Backup), [9_999, 2]);
}

#[test]
fn setups_that_cannot_work_are_refused() {
    let zero = Duration::ZERO;
    let start = |config| {
        Sender::new(config, Sequence::ZERO)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    for (config, what) in [
        (
            Config {
                main_poll: zero,
                ..config()
            },
            "polls on the main path",
        ),
        (
            Config {
                backup_poll: Some(zero),
                ..config()
            },
            "polls on the backup path",
        ),
        (
            Config {
                connect_within: zero,
                ..config()
            },
            "the time for a connection",
        ),
        (
            Config {
                answer_within: zero,
                ..config()
            },
            "the time for an answer",
        ),
        (
            Config {
                backoff: zero,
                ..config()
            },
            "the first pause",
        ),
        (
            Config {
                linger: zero,
                ..config()
            },
            "a connection is kept",
        ),
        (
            Config {
                backoff_max: secs(0),
                ..config()
            },
            "must not be shorter",
        ),
        (
            Config {
                switch_after: 0,
                ..config()
            },
            "the other path",
        ),
        (
            Config {
                fail_after: 0,
                ..config()
            },
            "counts as failed",
        ),
        (
            Config {
                queue: 0,
                ..config()
            },
            "events that may wait",
        ),
    ] {
        let error = start(config);
        assert!(error.contains(what), "{error}");
    }
}
