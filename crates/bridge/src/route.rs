//! Where a message has come through, and which record it is: user properties of MQTT 5.

/// The nodes that a message has come through, with commas; the last one sent it.
pub(crate) const VIA: &str = "spica-via";
/// The node and place of the record that a message says.
pub(crate) const RECORD: &str = "spica-record";
/// Nodes that a message may come through.
const NODES: usize = 16;

/// Whether a message must not go (further): it has been at `node`, or at too many.
pub(crate) fn is_circle(via: &str, node: &str) -> bool {
    let mut nodes = via.split(',').filter(|it| !it.is_empty());
    nodes.any(|it| it == node) || via.split(',').count() >= NODES
}

/// What says that a message has come through `node` as well. A comma in a node's path is written as
/// what no path has.
pub(crate) fn through(via: &str, node: &str) -> String {
    if via.is_empty() {
        node.to_owned()
    } else {
        format!("{via},{node}")
    }
}

/// A node's path as it stands in a list.
pub(crate) fn named(node: &str) -> String {
    node.replace(',', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_what_has_been_there() {
        let via = through(&through("", "root/a"), &named("root/b,c"));
        assert_eq!(via, "root/a,root/b+c");
        assert!(is_circle(&via, "root/a"));
        assert!(is_circle(&via, &named("root/b,c")));
        assert!(!is_circle(&via, "root"));
        assert!(!is_circle("", "root/a"));
        let long = vec!["x"; NODES].join(",");
        assert!(is_circle(&long, "y"));
    }
}
