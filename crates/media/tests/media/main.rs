//! The handler, the index, the thumbnails and the retention, on real files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;

use spica_devices::Serial;
use spica_handler::contract::{Harness, all};
use spica_handler::{ErrorKind, Factory as _, Handler};
use spica_media::{Format, Query, Settings, Thumbnail, ThumbnailError};
use spica_model::{Lane, Record, Seq, Timestamp, Topic};
use spica_objects::Address;

use bench::{Bench, DAY, at, keep_days, of, open, picture, record};

#[test]
fn a_picture_is_known_by_its_bytes_and_has_a_thumbnail() {
    let bench = Bench::new(&Settings::default());
    let address = bench.put(&picture(200));
    let text = bench.put(b"no picture at all");
    let mut handler = bench.handler();
    handler
        .handle(&[of("A", 1, at(0), &address), of("B", 2, at(1), &text)])
        .unwrap();
    assert!(
        bench
            .all()
            .iter()
            .all(|entry| entry.thumbnail == Thumbnail::Pending)
    );
    bench.develop();
    let [first, second] = bench.all().try_into().unwrap();
    // The device said JPEG.
    assert_eq!(
        (first.format, first.content_type()),
        (Some(Format::Png), "image/png")
    );
    assert_eq!(
        first.thumbnail,
        Thumbnail::Made {
            width: 400,
            height: 300
        }
    );
    assert_eq!(
        (first.picture, first.source_time),
        (1, Some(Timestamp::from_secs(5)))
    );
    assert_eq!(second.content_type(), "application/octet-stream");
    assert!(matches!(second.thumbnail, Thumbnail::Unreadable(_)));
    let small = bench.thumbnail(&address).unwrap();
    let small = image::load_from_memory(&small).unwrap();
    assert_eq!((small.width(), small.height()), (320, 240));
    assert!(matches!(
        bench.thumbnail(&text),
        Err(ThumbnailError::Unreadable(_))
    ));
    let counts = bench.media.counts();
    assert_eq!(
        (counts.indexed, counts.thumbnails, counts.unreadable),
        (2, 1, 1)
    );
}

#[test]
fn a_thumbnail_is_made_for_who_asks_also_when_the_picture_came_late() {
    let bench = Bench::new(&Settings::default());
    let content = picture(7);
    let address = bench.put(&content);
    bench
        .runtime
        .block_on(bench.store.remove(&address))
        .unwrap();
    bench
        .handler()
        .handle(&[of("A", 1, at(0), &address)])
        .unwrap();
    bench.develop();
    assert_eq!(bench.all()[0].thumbnail, Thumbnail::Missing);
    assert!(matches!(bench.thumbnail(&address), Err(ThumbnailError::Unknown(it)) if it == address));
    assert_eq!(bench.put(&content), address);
    assert!(bench.thumbnail(&address).is_ok());
    assert_eq!(
        bench.all()[0].thumbnail,
        Thumbnail::Made {
            width: 400,
            height: 300
        }
    );
    assert_eq!(bench.media.counts().missing, 1);
}

#[test]
fn pages_go_by_device_and_time_in_both_directions() {
    let bench = Bench::new(&Settings::default());
    let address = bench.put(&picture(1));
    let records: Vec<_> = (1..=10u64)
        .map(|seq| of(["A", "B"][seq as usize % 2], seq, at(seq / 2), &address))
        .collect();
    bench.handler().handle(&records).unwrap();
    let walk = |query: Query| {
        let (mut seqs, mut after) = (Vec::new(), None);
        loop {
            let page = bench.media.page(&Query { after, ..query }).unwrap();
            assert!(page.entries.len() <= query.limit);
            seqs.extend(page.entries.iter().map(|entry| entry.place.seq.0));
            match page.next {
                // A cursor goes through text on its way.
                Some(next) => after = Some(next.to_string().parse().unwrap()),
                None => return seqs,
            }
        }
    };
    let serial = |text: &str| Some(Serial::new(text).unwrap());
    let newest = Query {
        limit: 3,
        ..Query::default()
    };
    let oldest = Query {
        newest_first: false,
        ..newest
    };
    assert_eq!(
        walk(Query {
            serial: serial("B"),
            ..newest
        }),
        [9, 7, 5, 3, 1]
    );
    assert_eq!(
        walk(Query {
            serial: serial("A"),
            ..oldest
        }),
        [2, 4, 6, 8, 10]
    );
    assert_eq!(
        walk(Query {
            serial: serial("C"),
            ..oldest
        }),
        [0u64; 0]
    );
    let all = walk(oldest);
    assert_eq!(all.len(), 10);
    assert_eq!(walk(newest).into_iter().rev().collect::<Vec<_>>(), all);
    let some = Query {
        from: at(2),
        to: at(4),
        ..oldest
    };
    assert_eq!(walk(some), [4, 5, 6, 7]);
    assert_eq!(
        walk(Query {
            serial: serial("A"),
            newest_first: true,
            ..some
        }),
        [6, 4]
    );
    assert_eq!(
        walk(Query {
            from: at(4),
            to: at(2),
            ..some
        }),
        [0u64; 0]
    );
}

#[test]
fn what_is_no_picture_is_passed_by_and_a_bad_payload_is_refused() {
    let bench = Bench::new(&Settings::default());
    let address = bench.put(&picture(1));
    let mut handler = bench.handler();
    let mut elsewhere = of("A", 1, at(0), &address);
    elsewhere.topic = Topic::new("root/south/devices/A/pictures").unwrap();
    let mut event = of("A", 2, at(0), &address);
    event.topic = Topic::new("root/north/devices/A/events/man-down").unwrap();
    handler.handle(&[elsewhere, event]).unwrap();
    assert_eq!(bench.all(), []);
    let outside = format!("pictures/../../{}", address.sha256());
    for payload in [
        "",
        "{}",
        &format!(r#"{{"picture":1,"size":1,"address":"{outside}"}}"#),
    ] {
        let batch = [
            of("A", 3, at(0), &address),
            record("A", 4, at(0), payload.to_owned()),
        ];
        let error = handler.handle(&batch).unwrap_err();
        assert_eq!((error.at, error.kind), (1, ErrorKind::Refuse), "{error}");
    }
    assert_eq!(bench.all().len(), 1, "what came before the bad one is kept");
}

#[test]
fn old_pictures_go_but_none_that_is_held_or_that_another_record_names() {
    let bench = Bench::new(&keep_days("root/north/devices/+/pictures", 90));
    let [old, held, shared, young] = [1, 2, 3, 4].map(|seed| bench.put(&picture(seed)));
    let day = |days: u64| at(days * 86_400);
    let records = [
        of("A", 1, day(0), &old),
        of("B", 2, day(0), &held),
        of("A", 3, day(1), &shared),
        of("C", 4, day(60), &shared),
        of("A", 5, day(60), &young),
    ];
    bench.handler().handle(&records).unwrap();
    bench.develop();
    let b = Serial::new("B").unwrap();
    let nobody = |_: Serial| false;

    assert_eq!(bench.sweep(day(89), &nobody), spica_media::Swept::default());
    let swept = bench.sweep(day(100), &|serial| serial == b);
    assert_eq!((swept.entries, swept.pictures, swept.held), (2, 1, 1));
    assert_eq!(swept.bytes, 1_234);
    assert!(
        !bench.exists(&old) && bench.exists(&held) && bench.exists(&shared) && bench.exists(&young)
    );
    assert!(
        matches!(bench.thumbnail(&old), Err(ThumbnailError::Unknown(_))),
        "its thumbnail is gone too"
    );
    let left: Vec<_> = bench.all().iter().map(|entry| entry.place.seq.0).collect();
    assert_eq!(left, [2, 5, 4], "by time, then by device");

    // The case is closed.
    let swept = bench.sweep(day(100), &nobody);
    assert_eq!((swept.entries, swept.pictures, swept.held), (1, 1, 0));
    assert!(!bench.exists(&held));
    let swept = bench.sweep(day(200), &nobody);
    assert_eq!((swept.entries, swept.pictures), (2, 2));
    assert_eq!(bench.all(), []);
    assert_eq!(bench.runtime.block_on(bench.store.list(10)).unwrap(), []);
    assert_eq!(bench.media.counts().swept_pictures, 4);
}

#[test]
fn one_picture_named_twice_goes_with_the_last_entry_and_stays_while_it_is_fresh() {
    let bench = Bench::new(&keep_days("#", 1));
    let address = bench.put(&picture(1));
    // By a clock that is far behind the store's, it was stored just now.
    let then: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    let records = [of("A", 1, then, &address), of("A", 2, then, &address)];
    bench.handler().handle(&records).unwrap();
    let swept = bench.sweep(then.saturating_add(2 * DAY), &|_| false);
    assert_eq!((swept.entries, swept.pictures, swept.fresh), (1, 0, 1));
    assert!(bench.exists(&address));
    let swept = bench.sweep(at(0), &|_| false);
    assert_eq!((swept.entries, swept.pictures, swept.fresh), (1, 1, 0));
    assert!(!bench.exists(&address));
}

#[test]
fn a_sweep_removes_no_more_than_it_may_and_goes_on_next_time() {
    let bench = Bench::new(&keep_days("#", 1));
    let address = bench.put(&picture(1));
    let records: Vec<_> = (1..=300)
        .map(|seq| of("A", seq, at(seq), &address))
        .collect();
    bench.handler().handle(&records).unwrap();
    let sweep = |limit| {
        let swept = bench
            .media
            .sweep(at(10 * 86_400), limit, bench.runtime.handle(), &|_| false);
        let swept = swept.unwrap();
        (swept.entries, swept.pictures)
    };
    assert_eq!(sweep(1), (1, 0));
    assert_eq!(sweep(280), (280, 0));
    assert_eq!(sweep(1_000), (19, 1));
    assert_eq!(sweep(1_000), (0, 0));
}

#[test]
fn without_rules_nothing_is_removed() {
    let bench = Bench::new(&Settings::default());
    let address = bench.put(&picture(1));
    bench
        .handler()
        .handle(&[of("A", 1, at(0), &address)])
        .unwrap();
    let swept = bench.sweep(at(100_000 * 86_400), &|_| false);
    assert_eq!(swept, spica_media::Swept::default());
    assert!(bench.exists(&address));
}

#[test]
fn a_damaged_index_is_set_aside_and_built_again() {
    let bench = Bench::new(&Settings::default());
    let address = bench.put(&picture(1));
    let Bench {
        directory,
        runtime,
        store,
        media,
    } = bench;
    let mut handler = media.make(Lane::Normal).unwrap();
    handler.resume(Seq::ZERO).unwrap();
    handler.handle(&[of("A", 1, at(0), &address)]).unwrap();
    handler.checkpoint().unwrap();
    drop((handler, media));
    let file = directory.path().join("media.redb");
    std::fs::write(&file, b"this is no index").unwrap();
    let media = open(directory.path(), &store, &Settings::default());
    assert!(directory.path().join("media.redb.discarded").exists());
    let mut handler = media.make(Lane::Normal).unwrap();
    assert_eq!(
        handler.resume(Seq(1)),
        Ok(Seq::ZERO),
        "everything is wanted again"
    );
    handler.handle(&[of("A", 1, at(0), &address)]).unwrap();
    let bench = Bench {
        directory,
        runtime,
        store,
        media,
    };
    assert_eq!(bench.all().len(), 1);
}

/// The harness of the contract: entries are what it holds.
struct Held {
    bench: Bench,
    address: Address,
}

impl Held {
    fn new() -> Self {
        let bench = Bench::new(&Settings::default());
        let address = bench.put(&picture(1));
        Self { bench, address }
    }
}

impl Harness for Held {
    fn fresh(&mut self) -> Box<dyn Handler> {
        *self = Self::new();
        self.bench.media.make(Lane::Normal).unwrap()
    }

    fn again(&mut self) -> Box<dyn Handler> {
        self.bench.media.make(Lane::Normal).unwrap()
    }

    fn holds(&mut self) -> Vec<Seq> {
        self.bench
            .all()
            .iter()
            .map(|entry| entry.place.seq)
            .collect()
    }

    fn record(&self, seq: Seq) -> Record {
        of("A", seq.0, at(seq.0), &self.address)
    }
}

#[test]
fn it_is_a_handler_as_the_port_wants_it() {
    let passed_over = all(&mut Held::new());
    assert_eq!(passed_over, ["says_where_it_failed_and_goes_on_there"]);
}
