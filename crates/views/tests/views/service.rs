//! What the one writer of devices and commands writes, and what it refuses.

use std::sync::Arc;
use std::time::Duration;

use spica_clock::Clock;
use spica_devices::{ACKNOWLEDGE_ALERT, Command, CommandState, Registration, TransitionError};
use spica_journal::CommitErrorKind;
use spica_model::{Lane, Record};
use spica_views::{Audit, CommandRequest, DeviceError, DeviceService, Settings, Views};

use crate::node::{Node, metric, serial};

fn start(settings: Settings) -> (Node, Arc<Views>, DeviceService) {
    let node = Node::with(settings);
    let views = node.start();
    let service = node.service(&views);
    (node, views, service)
}

fn request(code: u8) -> CommandRequest {
    CommandRequest {
        code,
        name: "a-command".into(),
        arguments: vec![1, 2],
        expires_in: Duration::from_secs(60),
    }
}

fn named(name: &str) -> Registration {
    Registration {
        name: Some(name.into()),
        ..Registration::default()
    }
}

async fn queue(service: &DeviceService, code: u8) -> Arc<Command> {
    service
        .queue_command(&serial("1"), request(code), "alice")
        .await
        .unwrap()
}

/// The audit records among what was folded since `live` was made.
fn audit(live: &mut tokio::sync::broadcast::Receiver<Arc<[Record]>>) -> Vec<(String, Audit)> {
    let mut found = Vec::new();
    while let Ok(batch) = live.try_recv() {
        let audit = batch
            .iter()
            .filter(|record| record.topic.is_within("root/audit"));
        found.extend(audit.map(|record| {
            let cause = record.cause.as_ref().unwrap().as_str().to_owned();
            (cause, serde_json::from_slice(&record.payload).unwrap())
        }));
    }
    found
}

#[tokio::test]
async fn every_change_of_an_operator_is_in_effect_at_once_and_audited() {
    let (node, views, service) = start(Settings::default());
    let mut live = views.subscribe();
    let device = service
        .put(serial("1"), named("one"), "alice")
        .await
        .unwrap();
    assert_eq!(device.registered_at, node.clock.wall());
    assert_eq!(views.device(&serial("1")), Some(device.clone()));
    node.clock.advance(Duration::from_secs(5));
    let changed = service.put(serial("1"), named("uno"), "bob").await.unwrap();
    assert_eq!(
        changed.registered_at, device.registered_at,
        "it keeps its beginning"
    );
    assert!(
        !service
            .set_enabled(&serial("1"), false, "bob")
            .await
            .unwrap()
            .registration
            .enabled
    );
    let command = queue(&service, 2).await;
    service
        .cancel_command(&serial("1"), command.id, "carol")
        .await
        .unwrap();
    service.remove(&serial("1"), "carol").await.unwrap();
    assert_eq!(views.device(&serial("1")), None);
    assert!(views.commands(&serial("1")).is_empty());
    let audit = audit(&mut live);
    let said: Vec<_> = audit
        .iter()
        .map(|(_, a)| (a.action.as_str(), a.by.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("device.put", "alice"),
            ("device.put", "bob"),
            ("device.disable", "bob"),
            ("command.queue", "alice"),
            ("command.cancel", "carol"),
            ("device.remove", "carol"),
        ]
    );
    assert_eq!(audit[3].0, "operator:alice");
    assert_eq!(audit[3].1.target, "1/commands/1");
}

#[tokio::test]
async fn changing_nothing_writes_nothing() {
    let (_node, views, service) = start(Settings::default());
    service
        .put(serial("1"), named("one"), "alice")
        .await
        .unwrap();
    let before = views.status().applied;
    service
        .put(serial("1"), named("one"), "alice")
        .await
        .unwrap();
    service
        .set_enabled(&serial("1"), true, "alice")
        .await
        .unwrap();
    assert_eq!(views.status().applied, before);
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_refused() {
    let (_node, _views, service) = start(Settings::default());
    let one = serial("1");
    let unknown = service.set_enabled(&one, true, "alice").await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no device 1");
    assert!(matches!(
        service.remove(&one, "alice").await,
        Err(DeviceError::Unknown(_))
    ));
    let queued = service.queue_command(&one, request(1), "alice").await;
    assert!(matches!(queued, Err(DeviceError::Unknown(_))));
    let nameless = service.put(one, named(""), "alice").await.unwrap_err();
    assert!(matches!(nameless, DeviceError::Registration(_)));
    let author = service
        .put(one, named("x"), &"x".repeat(300))
        .await
        .unwrap_err();
    assert!(matches!(author, DeviceError::Author(_)));

    service.put(one, named("one"), "alice").await.unwrap();
    let cancelled = service.cancel_command(&one, 7, "alice").await.unwrap_err();
    assert_eq!(cancelled.to_string(), "device 1 has no command 7");
    for bad in [
        CommandRequest {
            name: String::new(),
            ..request(1)
        },
        CommandRequest {
            arguments: vec![0; 118],
            ..request(1)
        },
        CommandRequest {
            expires_in: Duration::from_millis(999),
            ..request(1)
        },
        CommandRequest {
            expires_in: Duration::from_secs(31 * 86_400),
            ..request(1)
        },
    ] {
        let refused = service.queue_command(&one, bad.clone(), "alice").await;
        assert!(
            matches!(refused, Err(DeviceError::Request { .. })),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn a_command_lives_through_sending_and_its_answer() {
    let (node, views, service) = start(Settings::default());
    let one = serial("1");
    service.put(one, named("one"), "alice").await.unwrap();
    let picture = queue(&service, 2).await;
    let text = queue(&service, 3).await;
    let alert = queue(&service, ACKNOWLEDGE_ALERT).await;
    let pending = || {
        views
            .pending_commands(&one)
            .iter()
            .map(|c| c.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        pending(),
        [alert.id, picture.id, text.id],
        "though queued at the same time"
    );

    let unsent = service.command_settled(&one, picture.id, 0).await;
    assert!(matches!(
        unsent,
        Err(DeviceError::Transition(TransitionError::Illegal { .. }))
    ));
    service.command_sent(&one, picture.id).await.unwrap();
    service.command_sent(&one, picture.id).await.unwrap();
    assert_eq!(views.command(&one, picture.id).unwrap().attempts, 2);
    assert_eq!(pending().len(), 3, "unanswered, it goes out again");
    service.command_settled(&one, picture.id, 0).await.unwrap();
    let before = views.status().applied;
    service.command_settled(&one, picture.id, 0).await.unwrap();
    assert_eq!(
        views.status().applied,
        before,
        "the same answer again is no news"
    );
    assert!(service.command_settled(&one, picture.id, 1).await.is_err());
    service.command_sent(&one, text.id).await.unwrap();
    service.command_settled(&one, text.id, 9).await.unwrap();
    assert_eq!(pending(), [alert.id]);
    let state = |id| views.command(&one, id).map(|c| (c.state, c.result));
    assert_eq!(state(picture.id), Some((CommandState::Confirmed, Some(0))));
    assert_eq!(state(text.id), Some((CommandState::Refused, Some(9))));

    views.stop();
    let again = node.start();
    assert_eq!(again.commands(&one), views.commands(&one), "over a restart");
}

#[tokio::test]
async fn commands_expire_by_the_clock_and_then_by_a_record() {
    let (node, views, service) = start(Settings::default());
    let one = serial("1");
    service.put(one, named("one"), "alice").await.unwrap();
    let first = queue(&service, 2).await;
    service.command_sent(&one, first.id).await.unwrap();
    node.clock.advance(Duration::from_secs(30));
    let second = queue(&service, 2).await;
    assert_eq!(service.expire_due(node.clock.wall()).await.unwrap(), 0);
    node.clock.advance(Duration::from_secs(30));
    assert_eq!(
        views.pending_commands(&one),
        std::slice::from_ref(&second),
        "at once"
    );
    let late = service.command_sent(&one, first.id).await;
    assert!(matches!(
        late,
        Err(DeviceError::Transition(TransitionError::Overdue { .. }))
    ));
    assert_eq!(service.expire_due(node.clock.wall()).await.unwrap(), 1);
    assert_eq!(
        views.command(&one, first.id).unwrap().state,
        CommandState::Expired
    );
    assert_eq!(service.expire_due(node.clock.wall()).await.unwrap(), 0);
    assert_eq!(metric(&views, "views_commands_unsettled"), 1);
}

#[tokio::test]
async fn commands_of_a_device_are_bounded_waiting_and_settled() {
    let (_node, views, service) = start(Settings {
        pending_commands: 2,
        settled_commands_kept: 3,
        ..Settings::default()
    });
    let one = serial("1");
    service.put(one, named("one"), "alice").await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let command = queue(&service, 2).await;
        service.command_sent(&one, command.id).await.unwrap();
        service.command_settled(&one, command.id, 0).await.unwrap();
        ids.push(command.id);
    }
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let kept = || {
        views
            .commands(&one)
            .iter()
            .map(|c| c.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(kept(), [5, 4, 3]);
    queue(&service, 2).await;
    queue(&service, 2).await;
    let full = service
        .queue_command(&one, request(2), "alice")
        .await
        .unwrap_err();
    assert_eq!(
        full.to_string(),
        "device 1 has 2 commands waiting, the limit; cancel one, or wait"
    );
    assert_eq!(kept(), [7, 6, 5, 4, 3]);
}

#[tokio::test]
async fn an_import_is_checked_as_a_whole_and_written_in_chunks() {
    let (_node, views, service) = start(Settings::default());
    let devices = |count: u32| {
        (0..count)
            .map(|n| (serial(&n.to_string()), named("x")))
            .collect()
    };
    let mut wrong: Vec<_> = devices(3);
    wrong[2].1.check_in_minutes = 0;
    assert!(service.import(wrong, "alice").await.is_err());
    assert_eq!(views.device_count(), 0);
    let mut live = views.subscribe();
    assert_eq!(
        service.import(devices(2_500), "alice").await.unwrap(),
        2_500
    );
    assert_eq!(views.device_count(), 2_500);
    let audit = audit(&mut live);
    let counts: Vec<_> = audit
        .iter()
        .map(|(_, a)| a.detail["devices"].as_u64())
        .collect();
    assert_eq!(counts, [Some(1_000), Some(1_000), Some(500)]);
    assert_eq!(service.import(vec![], "alice").await.unwrap(), 0);
}

#[tokio::test]
async fn a_full_state_tree_takes_no_new_device_but_changes_of_old_ones() {
    let (_node, _views, service) = start(Settings {
        // One device and the topic of its audit.
        max_topics: 2,
        ..Settings::default()
    });
    service
        .put(serial("1"), named("one"), "alice")
        .await
        .unwrap();
    let refused = service
        .put(serial("2"), named("two"), "alice")
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("views.max_topics"),
        "{refused}"
    );
    let queued = service
        .queue_command(&serial("1"), request(1), "alice")
        .await;
    assert!(matches!(queued, Err(DeviceError::TopicLimit { limit: 2 })));
    service
        .put(serial("1"), named("uno"), "alice")
        .await
        .unwrap();
}

#[tokio::test]
async fn verbs_about_one_device_take_turns_even_when_one_is_dropped_half_way() {
    let (node, views, service) = start(Settings::default());
    let one = serial("1");
    service.put(one, named("one"), "alice").await.unwrap();
    node.journal.hold(Lane::Normal);
    let abandoned = service.queue_command(&one, request(2), "alice");
    let gave_up = tokio::time::timeout(Duration::ZERO, abandoned).await;
    assert!(gave_up.is_err(), "nothing is durable");
    let next = service.queue_command(&one, request(2), "alice");
    let release = async { node.journal.release(Lane::Normal) };
    let (next, ()) = tokio::join!(next, release);
    assert_eq!(next.unwrap().id, 2, "the abandoned one has taken 1");
    assert_eq!(views.commands(&one).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_verbs_at_once_lose_nothing_and_give_no_id_twice() {
    let (_node, views, service) = start(Settings::default());
    let service = Arc::new(service);
    let mut tasks = tokio::task::JoinSet::new();
    for name in ["1", "2", "3"] {
        service
            .put(serial(name), named(name), "alice")
            .await
            .unwrap();
        for _ in 0..20 {
            let service = Arc::clone(&service);
            tasks.spawn(async move {
                let queued = service
                    .queue_command(&serial(name), request(2), "alice")
                    .await;
                queued.unwrap();
            });
        }
    }
    tasks.join_all().await;
    for name in ["1", "2", "3"] {
        let ids: Vec<_> = views.commands(&serial(name)).iter().map(|c| c.id).collect();
        assert_eq!(ids, (1..=20).rev().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_failed_journal_and_ended_views_are_said() {
    let (node, views, service) = start(Settings::default());
    node.journal.hold(Lane::Normal);
    let put = service.put(serial("1"), named("one"), "alice");
    let fail = async { node.journal.fail(Lane::Normal, CommitErrorKind::Sync) };
    let (put, ()) = tokio::join!(put, fail);
    assert!(matches!(put, Err(DeviceError::Commit(_))));
    views.stop();
    let after = service.put(serial("2"), named("two"), "alice").await;
    assert!(matches!(after, Err(DeviceError::Submit(_))), "{after:?}");
    let (_node, views, service) = start(Settings::default());
    views.stop();
    let put = service.put(serial("1"), named("one"), "alice").await;
    assert!(matches!(put, Err(DeviceError::Stopped)), "{put:?}");
}
