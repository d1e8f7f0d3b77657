//! That the host says that it is there.
#![expect(clippy::unwrap_used, reason = "help for tests fails as tests do")]

use spica_model::{Kind, Timestamp};

use crate::world::{LANE, World};

const STATE: &str = "spBv1.0/STATE/spica";

fn said(world: &World) -> (bool, u64) {
    let (text, _) = world.state(STATE).unwrap();
    let said: serde_json::Value = serde_json::from_str(&text).unwrap();
    (
        said["online"].as_bool().unwrap(),
        said["timestamp"].as_u64().unwrap(),
    )
}

/// Serves until one more record is durable.
async fn serve_for_one(world: &World) {
    let next = world.journal.status(LANE).last.next();
    let watermark = world.journal.watermark(LANE);
    tokio::select! {
        () = world.host.serve() => unreachable!("it serves without end"),
        reached = watermark.reached(next) => reached.unwrap(),
    }
}

#[tokio::test]
async fn it_comes_and_goes_and_its_time_never_goes_back() {
    let world = World::new();
    serve_for_one(&world).await;
    assert_eq!(said(&world), (true, 1_000_000));
    assert_eq!(world.records(STATE)[0].kind, Kind::State);
    // The clock is set back, and another process begins.
    world.clock.set_wall(Timestamp::from_secs(500));
    world.host.leave().await;
    assert_eq!(said(&world), (false, 1_000_001));
    let mut world = world;
    world.restart();
    serve_for_one(&world).await;
    assert_eq!(said(&world), (true, 1_000_002));
}

#[tokio::test]
async fn nobody_else_may_say_that_it_is_not_there() {
    let mut world = World::new();
    serve_for_one(&world).await;
    world.run();
    for lie in [&br#"{"online":false,"timestamp":7}"#[..], b"OFFLINE", b""] {
        world.clock.advance(std::time::Duration::from_secs(1));
        let before = said(&world);
        world.publish(STATE, lie);
        world.run();
        let next = world.journal.status(LANE).last.next();
        let watermark = world.journal.watermark(LANE);
        tokio::select! {
            () = world.host.serve() => unreachable!("it serves without end"),
            reached = watermark.reached(next) => reached.unwrap(),
        }
        let after = said(&world);
        assert!(after.0 && after.1 > before.1, "{after:?}");
        world.run();
    }
}
