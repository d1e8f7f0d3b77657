//! Fuzz target: the dialogue. The input is a row of things that happen, each a byte that says what
//! and the bytes that it takes; an oracle watches what the dialogue wants done.

mod input;
mod oracle;

use std::sync::Arc;
use std::time::Instant;

use spica_identicom_proto::dialogue::Dialogue;
use spica_identicom_proto::profile::{DeleteArgument, Profile};

use self::input::Script;
use self::oracle::Oracle;

/// Runs the target on one input. Its first byte is the profile's: 1 for devices that delete all.
///
/// # Panics
/// If the dialogue breaks one of the promises that [`Oracle`] watches.
pub fn run(data: &[u8]) {
    let Some((first, script)) = data.split_first() else {
        return;
    };
    let mut profile = Profile::clone(&Profile::built_in());
    profile.limits.picture_blocks_per_turn = 2;
    // Long connections see more.
    profile.limits.violations = u8::MAX;
    profile.limits.bad_frames = 200;
    if first & 1 == 1 {
        profile.delete_argument = DeleteArgument::None;
    }
    #[expect(clippy::disallowed_methods, reason = "only differences to it matter")]
    let mut now = Instant::now();
    let mut dialogue = Dialogue::new(Arc::new(profile), now);
    let mut oracle = Oracle::default();
    let (mut page, mut script) = (Vec::new(), Script::new(script));
    while let Some((wait, input)) = script.next(&mut page) {
        now += wait;
        oracle.before(&input);
        let mut out = Vec::new();
        dialogue.handle(now, input, &mut out, |action| oracle.action(&action));
        oracle.sent(&mut out);
        (script.from, script.appended) = (oracle.from(), oracle.appended());
        assert_eq!(dialogue.is_closed(), oracle.is_closed());
        assert_eq!(dialogue.next_deadline().is_none(), oracle.is_closed());
    }
}

#[cfg(test)]
mod tests {
    /// Long rows of anything, beyond the committed ones: the same ones in every run.
    #[test]
    fn random_rows_break_no_promise() {
        let mut state = 1u64;
        let mut byte = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        for _ in 0..3_000 {
            // A known device, so that the row gets somewhere.
            let mut row = vec![byte(), 0, 0, 18];
            row.extend(b"12345\0\0\0\0\x001.0\0\0\0\0\0");
            row.push(8);
            row.extend((0..400).map(|_| byte()));
            super::run(&row);
        }
    }
}
