//! Placing records, and knowing them again.

use std::sync::Arc;

use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, Lane, Op, Position, Quality, Restated, Seq, Timestamp,
    Topic, limits,
};

use super::samples::{Sample, append, numbers, read_all, submit, try_submit};
use super::{Checked, Harness};
use crate::{Journal, SubmitError};

pub(super) fn starts_empty(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    for lane in Lane::ALL {
        let status = journal.status(lane);
        assert_eq!(status.epoch, Epoch::FIRST);
        assert_eq!((status.first, status.last), (Seq(1), Seq::ZERO));
        assert_eq!(status.durable, Seq::ZERO);
        assert_eq!(journal.watermark(lane).durable(), Seq::ZERO);
        assert!(read_all(&journal, lane, Seq::ZERO).is_empty());
    }
    assert!(journal.cursors().is_empty());
    Checked::Yes
}

pub(super) fn places_in_order(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let batches: [&[u64]; 4] = [&[1], &[2, 3, 4], &[5], &[6, 7]];
    for lane in Lane::ALL {
        for batch in batches {
            let samples: Vec<_> = batch.iter().copied().map(Sample::number).collect();
            for (number, appended) in batch.iter().zip(append(&journal, lane, &samples)) {
                let position = Position {
                    epoch: journal.status(lane).epoch,
                    lane,
                    seq: Seq(*number),
                };
                assert_eq!(appended.position, position);
                assert!(!appended.duplicate);
            }
            assert!(journal.watermark(lane).durable() >= Seq(batch[batch.len() - 1]));
        }
        let status = journal.status(lane);
        assert_eq!(
            (status.first, status.last, status.durable),
            (Seq(1), Seq(7), Seq(7))
        );
        assert!(status.bytes > 0);
    }
    for lane in Lane::ALL {
        let records = read_all(&journal, lane, Seq::ZERO);
        assert_eq!(numbers(&records), [1, 2, 3, 4, 5, 6, 7]);
    }
    Checked::Yes
}

pub(super) fn keeps_all_fields(harness: &mut dyn Harness) -> Checked {
    let samples = [
        Sample {
            topic: Topic::new("x".repeat(limits::TOPIC_BYTES)).unwrap(),
            kind: Kind::State,
            op: Op::Put,
            quality: Quality::Uncertain,
            received: Timestamp::from_micros(1_795_323_683_000_250),
            source_time: Some(Timestamp::from_micros(-1)),
            content_type: ContentType::parse("application/vnd.spica+json; v=1").unwrap(),
            payload: vec![0xa5; limits::PAYLOAD_BYTES],
            key: Some(Key::new(vec![0; limits::KEY_BYTES]).unwrap()),
            cause: Some(Cause::new("c".repeat(limits::CAUSE_BYTES)).unwrap()),
        },
        Sample {
            kind: Kind::State,
            op: Op::Delete,
            quality: Quality::Bad,
            content_type: ContentType::Bytes,
            payload: Vec::new(),
            ..Sample::keyed(2, "\u{0}")
        },
        Sample {
            source_time: Some(Timestamp::EPOCH),
            content_type: ContentType::Json,
            cause: Some(Cause::new("operator:ålice").unwrap()),
            ..Sample::number(3)
        },
        Sample {
            kind: Kind::State,
            op: Op::Restate(Restated {
                epoch: Epoch(u32::MAX),
                seq: Seq(u64::MAX),
                deletes: true,
            }),
            ..Sample::number(4)
        },
    ];
    let journal = harness.fresh();
    append(&journal, Lane::Critical, &samples);
    let assert_kept = |journal: &Arc<dyn Journal>| {
        let records = read_all(journal, Lane::Critical, Seq::ZERO);
        assert_eq!(records.len(), samples.len());
        for (sample, record) in samples.iter().zip(&records) {
            sample.assert_is(record);
        }
    };
    assert_kept(&journal);
    if let Some(journal) = harness.reopen(journal) {
        assert_kept(&journal);
    }
    Checked::Yes
}

pub(super) fn knows_keys_again(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    let seen = |samples: &[Sample]| -> Vec<(u64, bool)> {
        let appended = append(&journal, lane, samples);
        let seen = |appended: &crate::Appended| (appended.position.seq.0, appended.duplicate);
        appended.iter().map(seen).collect()
    };
    let in_one_batch = [
        Sample::keyed(1, "a"),
        Sample::keyed(9, "a"),
        Sample::number(2),
        Sample::keyed(3, "b"),
    ];
    assert_eq!(
        seen(&in_one_batch),
        [(1, false), (1, true), (2, false), (3, false)]
    );
    let across_batches = [Sample::keyed(9, "b"), Sample::keyed(4, "c")];
    assert_eq!(seen(&across_batches), [(3, true), (4, false)]);
    let nothing_new = [Sample::keyed(9, "c"), Sample::keyed(9, "a")];
    assert_eq!(seen(&nothing_new), [(4, true), (1, true)]);
    let same_without_key = [Sample::number(5), Sample::number(5)];
    assert_eq!(seen(&same_without_key), [(5, false), (6, false)]);
    let records = read_all(&journal, lane, Seq::ZERO);
    assert_eq!(
        numbers(&records),
        [1, 2, 3, 4, 5, 5],
        "the first delivery counts"
    );
    Checked::Yes
}

pub(super) fn keys_are_per_lane(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    for lane in Lane::ALL {
        let appended = append(&journal, lane, &[Sample::keyed(1, "a")]);
        assert!(!appended[0].duplicate, "lanes are independent");
    }
    Checked::Yes
}

pub(super) fn refuses_as_a_whole(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let too_long = Sample {
        payload: vec![0; limits::PAYLOAD_BYTES + 1],
        ..Sample::number(2)
    };
    let samples = [Sample::keyed(1, "a"), too_long];
    let outcome = try_submit(&journal, Lane::Normal, &samples);
    assert!(matches!(outcome, Err(SubmitError::Limit(_))), "{outcome:?}");
    assert_eq!(
        journal.status(Lane::Normal).last,
        Seq::ZERO,
        "nothing is placed"
    );
    let appended = append(&journal, Lane::Normal, &samples[..1]);
    assert!(!appended[0].duplicate, "and no key is known");
    assert_eq!(appended[0].position.seq, Seq(1));
    Checked::Yes
}

pub(super) fn takes_nothing(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    assert!(append(&journal, Lane::Normal, &[]).is_empty());
    assert_eq!(journal.status(Lane::Normal).last, Seq::ZERO);
    Checked::Yes
}

pub(super) fn places_many_at_once(harness: &mut dyn Harness) -> Checked {
    const THREADS: u64 = 4;
    const EACH: u64 = 250;
    let journal = harness.fresh();
    let lane = Lane::Normal;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let journal = &journal;
            scope.spawn(move || {
                for index in 0..EACH {
                    let number = thread * EACH + index;
                    submit(
                        journal,
                        lane,
                        &[Sample::number(number), Sample::number(number)],
                    );
                }
            });
        }
    });
    append(&journal, lane, &[Sample::number(THREADS * EACH)]);
    let all = numbers(&read_all(&journal, lane, Seq::ZERO));
    assert_eq!(all.len() as u64, THREADS * EACH * 2 + 1);
    assert!(
        all.chunks_exact(2).all(|pair| pair[0] == pair[1]),
        "a submission was split"
    );
    for thread in 0..THREADS {
        let of_thread = thread * EACH..(thread + 1) * EACH;
        let its: Vec<_> = all
            .iter()
            .filter(|number| of_thread.contains(number))
            .collect();
        assert!(its.is_sorted(), "a submitter's own order was lost");
        assert_eq!(its.len() as u64, EACH * 2);
    }
    Checked::Yes
}

pub(super) fn survives_reopening(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let samples = [Sample::keyed(1, "a"), Sample::number(2)];
    append(&journal, Lane::Normal, &samples);
    append(&journal, Lane::Critical, &[Sample::keyed(1, "c")]);
    let Some(journal) = harness.reopen(journal) else {
        return Checked::NotHere;
    };
    let status = journal.status(Lane::Normal);
    assert_eq!(
        (status.first, status.last, status.durable),
        (Seq(1), Seq(2), Seq(2))
    );
    let again = append(
        &journal,
        Lane::Normal,
        &[Sample::keyed(9, "a"), Sample::number(3)],
    );
    assert_eq!((again[0].position.seq, again[0].duplicate), (Seq(1), true));
    assert_eq!((again[1].position.seq, again[1].duplicate), (Seq(3), false));
    assert_eq!(
        numbers(&read_all(&journal, Lane::Normal, Seq::ZERO)),
        [1, 2, 3]
    );
    assert_eq!(numbers(&read_all(&journal, Lane::Critical, Seq::ZERO)), [1]);
    Checked::Yes
}
