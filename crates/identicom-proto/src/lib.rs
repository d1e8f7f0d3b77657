//! Identicom profile 1 as pure state machines: frames, messages, profile data, the station's
//! dialogue.
//!
//! The vendor's document is not public: this is Spica's own profile, whose codes, names, classes and
//! field layouts are data (`profiles/identicom.toml`), so that the vendor's can replace them.
//!
//! What is not here: sockets, clocks, tasks, stores. A shell reads bytes, hands them to
//! [`frame::Decoder`], the frames to [`dialogue::Dialogue`], and does what that says:
//!
//! ```
//! use spica_identicom_proto::dialogue::{Action, Dialogue, Input, Verdict};
//! use spica_identicom_proto::frame::{Decoder, Direction};
//! use spica_identicom_proto::profile::Profile;
//!
//! # fn example(now: std::time::Instant) {
//! let profile = Profile::built_in();
//! let mut decoder = Decoder::new(Direction::FromDevice, profile.limits.data_from_device);
//! let mut dialogue = Dialogue::new(profile, now);
//!
//! let mut read = *b"\x1e\x8112345\0\0\0\0\01.0\0\0\0\0\0\x1e";
//! let (mut input, mut out, mut actions) = (&mut read[..], Vec::new(), Vec::new());
//! while let Some(next) = decoder.next(&mut input) {
//!     let what = next.map_or_else(Input::BadFrame, Input::Frame);
//!     dialogue.handle(now, what, &mut out, |action| match action {
//!         Action::CheckIn { identity } => actions.push(identity.serial().to_owned()),
//!         other => panic!("{other:?}"),
//!     });
//! }
//! assert_eq!(actions, ["12345"]);
//!
//! // The registry knows it: the log is read.
//! dialogue.handle(now, Input::Verdict(Verdict::Accepted), &mut out, |_| {});
//! assert_eq!(out, b"\x1e\x02\0\0\0\0\x1e");
//! # }
//! # #[allow(clippy::disallowed_methods)]
//! # fn main() { example(std::time::Instant::now()) }
//! ```

pub mod dialogue;
pub mod frame;
pub mod message;
pub mod profile;
