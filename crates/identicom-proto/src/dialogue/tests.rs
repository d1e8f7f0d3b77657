use super::*;

#[test]
fn a_dialogue_is_small() {
    assert!(size_of::<Dialogue>() <= 300, "{}", size_of::<Dialogue>());
}
