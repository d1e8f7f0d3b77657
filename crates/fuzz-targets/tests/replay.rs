//! Feeds every committed input to its target.

use std::path::Path;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 20] = [
    ("access", spica_fuzz_targets::access::run),
    ("cases", spica_fuzz_targets::cases::run),
    ("dc09", spica_fuzz_targets::dc09::run),
    ("dialogue", spica_fuzz_targets::dialogue::run),
    ("frame", spica_fuzz_targets::frame::run),
    ("http", spica_fuzz_targets::http::run),
    ("link", spica_fuzz_targets::link::run),
    ("live", spica_fuzz_targets::live::run),
    ("mqtt", spica_fuzz_targets::mqtt::run),
    ("mqtt_session", spica_fuzz_targets::mqtt_session::run),
    ("plans", spica_fuzz_targets::plans::run),
    ("profile", spica_fuzz_targets::profile::run),
    ("proxy", spica_fuzz_targets::proxy::run),
    ("rule_expressions", spica_fuzz_targets::rules::expression),
    ("rules", spica_fuzz_targets::rules::run),
    ("scram", spica_fuzz_targets::scram::run),
    ("segment", spica_fuzz_targets::segment::run),
    ("smpp", spica_fuzz_targets::smpp::run),
    ("sparkplug", spica_fuzz_targets::sparkplug::run),
    ("websocket", spica_fuzz_targets::websocket::run),
];

#[test]
fn committed_inputs_break_no_promise() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, run) in TARGETS {
        let mut inputs = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let data = std::fs::read(&path).unwrap();
            println!("{}", path.display());
            run(&data);
            mutations(&data).for_each(|data| run(&data));
            inputs += 1;
        }
        assert!(inputs > 0, "no input for {name}");
    }
}

/// Cheap neighbours of an input: cut short, one bit flipped, doubled.
fn mutations(data: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cuts = (0..data.len())
        .step_by((data.len() / 32).max(1))
        .map(|at| data[..at].to_vec());
    let flips = (0..data.len()).step_by((data.len() / 64).max(1)).map(|at| {
        let mut flipped = data.to_vec();
        flipped[at] ^= 1 << (at % 8);
        flipped
    });
    cuts.chain(flips)
        .chain(std::iter::once([data, data].concat()))
}
