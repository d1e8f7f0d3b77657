//! The cases that have names.

use std::path::Path;

use spica_sim::Scenario;

#[test]
fn every_scenario_goes_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut played = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario: Scenario = text.parse().unwrap();
        if let Err(failed) = scenario.play() {
            panic!("{}: {failed}\n{}", path.display(), failed.trace);
        }
        played += 1;
    }
    assert!(played >= 16, "{played}");
}

#[test]
fn a_scenario_can_fail() {
    let text = "start primary\nat 1s expect active = backup";
    let failed = text.parse::<Scenario>().unwrap().play().unwrap_err();
    assert_eq!(failed.line, 2);
}
