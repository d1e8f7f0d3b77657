use spica_cases::{CaseVerb, Severity};
use spica_model::{Kind, Lane};

use crate::world::{World, at, rules};

fn tell(world: &mut World, notice: &str) {
    let payload = format!(r#"{{"notice":"{notice}","text":"About {notice}","epoch":3}}"#);
    let path = format!("system/pair/{notice}");
    let mut record = world.record(Lane::Critical, &path, payload.as_bytes());
    record.kind = Kind::Event;
    world.take(record);
}

fn active(world: &World) -> Vec<String> {
    let open = world.cases.open().filter(|case| case.active);
    open.map(|case| case.condition.clone()).collect()
}

#[test]
fn the_loss_of_a_partner_is_a_case_until_the_pair_is_complete() {
    let mut world = World::new(rules());
    tell(&mut world, "partner-lost");
    let case = world.one();
    assert_eq!(
        (case.source.as_str(), case.severity),
        ("system/pair", Severity::High)
    );
    assert_eq!(case.text, "About partner-lost");
    tell(&mut world, "solo");
    tell(&mut world, "failover");
    assert_eq!(active(&world), ["partner-lost", "solo", "failover"]);
    tell(&mut world, "partner-back");
    assert_eq!(active(&world), ["solo", "failover"]);
    tell(&mut world, "complete");
    assert_eq!(active(&world), Vec::<String>::new());
}

#[test]
fn every_notice_that_raises_is_ended_by_another_one_or_by_a_person() {
    for notice in [
        "failover",
        "partner-lost",
        "solo",
        "silent",
        "stale",
        "unhealthy-start",
        "undecided",
        "role-error",
        "diverged",
        "damage",
    ] {
        let mut world = World::new(rules());
        tell(&mut world, notice);
        assert_eq!(active(&world), [notice]);
        tell(&mut world, "complete");
        let by_person = matches!(notice, "diverged" | "damage");
        assert_eq!(active(&world).len(), usize::from(by_person), "{notice}");
        if by_person {
            let id = world.one().id;
            world.on_case(id, CaseVerb::Clear).unwrap();
            assert_eq!(active(&world), Vec::<String>::new());
        }
    }
}

#[test]
fn what_becomes_active_ends_what_kept_it_from_it() {
    for notice in ["active", "promoted", "failover"] {
        let mut world = World::new(rules());
        for trouble in ["undecided", "unhealthy-start", "stale"] {
            tell(&mut world, trouble);
        }
        tell(&mut world, notice);
        let left = active(&world);
        assert_eq!(left.len(), usize::from(notice == "failover"), "{left:?}");
    }
}

#[test]
fn other_records_below_the_pair_say_nothing() {
    let mut world = World::new(rules());
    for notice in ["late/door", "noon", "active", "complete"] {
        tell(&mut world, notice);
    }
    world.now = at(5);
    world.delete("system/pair/solo");
    assert_eq!((world.open(), world.drafts.len()), (0, 0));
}

#[test]
fn a_notice_without_a_text_has_its_name() {
    let mut world = World::new(rules());
    world.value("system/pair/partner-lost", "{}");
    assert_eq!(world.one().text, "Partner lost");
}
