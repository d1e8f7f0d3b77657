//! keepalived on both nodes of a pair: a virtual address that follows the active.

use crate::cli::{Keepalived, Side};

/// The configuration for one of the nodes as text.
pub(super) fn render(args: &Keepalived) -> String {
    let Keepalived {
        side,
        virtual_ip,
        interface,
        http,
        router_id,
    } = args;
    let (side, priority) = match side {
        Side::Primary => ("primary", 100),
        Side::Backup => ("backup", 90),
    };
    format!(
        "\
# keepalived (2.0 or later) on the {side} of a pair of Spica nodes, by `spica topology keepalived`.
# Both nodes need it, one with --side primary, one with --side backup, all else the same.
#
# The address {virtual_ip} is where the sum of these is highest:
#   100 or 90   primary or backup
#    30         the process answers  (/health/live)
#   100         the node is active   (/health/active)
#
# Hence it follows the active. While no node is active it goes to one that answers: a node takes
# over when its partner is gone AND a client asks for it, and clients ask at this address. That
# is why no check may take the address away altogether (no `weight 0`).
#
# keepalived decides who has the address, never who is active: that is for the pair alone.
# Spica must listen on all addresses (http.listen = \"0.0.0.0:8080\"), since the virtual one comes
# and goes. Two machines with the address at once are harmless: one of them does not serve.

global_defs {{
    enable_script_security
    script_user nobody
}}

vrrp_script spica_live {{
    script \"/usr/bin/curl --silent --fail --output /dev/null --max-time 1 http://{http}/health/live\"
    interval 1
    timeout 2
    fall 2
    rise 1
    weight 30
}}

vrrp_script spica_active {{
    script \"/usr/bin/curl --silent --fail --output /dev/null --max-time 1 http://{http}/health/active\"
    interval 1
    timeout 2
    fall 1
    rise 1
    weight 100
}}

vrrp_instance spica {{
    state BACKUP
    interface {interface}
    virtual_router_id {router_id}
    priority {priority}
    advert_int 0.3
    virtual_ipaddress {{
        {virtual_ip}
    }}
    track_script {{
        spica_live
        spica_active
    }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(side: Side) -> String {
        render(&Keepalived {
            side,
            virtual_ip: "10.0.0.100/24".parse().unwrap(),
            interface: "eth0".into(),
            http: "127.0.0.1:8080".parse().unwrap(),
            router_id: 51,
        })
    }

    fn number(text: &str, name: &str, nth: usize) -> u32 {
        let mut values = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(name));
        values.nth(nth).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn the_address_follows_the_active_and_else_goes_where_a_vote_is_heard() {
        let (primary, backup) = (at(Side::Primary), at(Side::Backup));
        let (live, active) = (number(&primary, "weight", 0), number(&primary, "weight", 1));
        let base = |text: &str| number(text, "priority", 0);
        let (primary, backup) = (base(&primary), base(&backup));
        assert!(
            backup + live + active > primary + live,
            "the backup is active"
        );
        assert!(backup + live > primary, "the primary's process is gone");
        assert!(primary + live > backup + live, "nobody is active");
        assert!(
            primary + live + active < 255,
            "the largest priority of VRRP"
        );
    }

    #[test]
    fn it_names_the_address_and_the_checks() {
        let text = at(Side::Backup);
        for part in [
            "10.0.0.100/24",
            "http://127.0.0.1:8080/health/active",
            "interface eth0",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
