use super::*;

#[test]
fn the_built_in_profile_is_valid() {
    let profile = Profile::parse(DEFAULT_TEXT).unwrap();
    assert_eq!(profile, *Profile::built_in());
    assert_eq!(profile.limits, Limits::default());
    assert_eq!(profile.timeouts, Timeouts::default());
}
