//! What may be published over HTTP, and by whom.

use spica_model::Topic;

use crate::auth::Identity;
use crate::problem::Problem;
use crate::state::Names;
use crate::token::Role;

/// The first levels below a node that have a meaning of their own.
const RESERVED: [&str; 7] = [
    "devices", "audit", "system", "alarms", "handlers", "cases", "mqtt",
];

/// Decides whether `identity` may publish to `topic`, or delete it.
///
/// # Errors
/// 403 that says what is allowed instead.
pub(crate) fn may_publish(
    names: &Names,
    identity: &Identity,
    topic: &Topic,
) -> Result<(), Problem> {
    let node = &names.node;
    let Some(below) = topic.below(node.as_str()) else {
        return Err(Problem::forbidden(format!(
            "{topic} is not below {node}: this node owns only what is; only its owner writes a topic"
        )));
    };
    if identity.role == Role::Device {
        return own_data(names, identity, topic);
    }
    let first = below.split('/').next().unwrap_or_default();
    if RESERVED.contains(&first) {
        return Err(Problem::forbidden(format!(
            "{node}/{first} is written by the node itself: use the endpoints for devices, cases, \
             handlers, tokens and bans"
        )));
    }
    Ok(())
}

/// A device writes its own data, if it is registered and enabled; that is looked up by the caller.
fn own_data(names: &Names, identity: &Identity, topic: &Topic) -> Result<(), Problem> {
    let own = identity
        .serial
        .map(|serial| format!("{}/{serial}/data", names.devices));
    match own {
        Some(own) if topic.below(&own).is_some_and(|rest| !rest.is_empty()) => Ok(()),
        Some(own) => Err(Problem::forbidden(format!(
            "the token of a device publishes below {own}/ only; {topic} is not"
        ))),
        None => Err(Problem::forbidden("this device's token names no serial")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::ProblemKind;
    use spica_devices::Serial;

    fn identity(role: Role, serial: Option<&str>) -> Identity {
        let serial = serial.map(|serial| Serial::new(serial).unwrap());
        Identity {
            id: "1".into(),
            name: "n".into(),
            role,
            serial,
        }
    }

    #[test]
    fn everyone_writes_where_they_may_and_nowhere_else() {
        let names = Names::new(Topic::new("root/s1").unwrap());
        let operator = identity(Role::Operator, None);
        let device = identity(Role::Device, Some("77"));
        let lost = identity(Role::Device, None);
        for (who, topic, may) in [
            (&operator, "root/s1/weather/wind", true),
            (&operator, "root/s1/deviceses", true),
            (&operator, "root/s1", false),
            (&operator, "root/s2/a", false),
            (&operator, "root/s10/a", false),
            (&operator, "root/s1/devices", false),
            (&operator, "root/s1/devices/77/data/x", false),
            (&operator, "root/s1/audit/x", false),
            (&operator, "root/s1/system/tokens/x", false),
            (&operator, "root/s1/mqtt/sessions/x/session", false),
            (&operator, "root/s1/cases/x", false),
            (&device, "root/s1/devices/77/data/x", true),
            (&device, "root/s1/devices/77/data/x/y", true),
            (&device, "root/s1/devices/77/data", false),
            (&device, "root/s1/devices/77/data/", false),
            (&device, "root/s1/devices/77/registration", false),
            (&device, "root/s1/devices/78/data/x", false),
            (&device, "root/s1/weather", false),
            (&lost, "root/s1/devices/77/data/x", false),
        ] {
            let topic = Topic::new(topic).unwrap();
            let decided = may_publish(&names, who, &topic);
            assert_eq!(decided.is_ok(), may, "{:?} {topic}", who.role);
            if let Err(problem) = decided {
                assert_eq!(problem.kind(), ProblemKind::Forbidden);
            }
        }
    }
}
