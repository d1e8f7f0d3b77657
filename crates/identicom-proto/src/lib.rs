//! Identicom profile 1 as pure state machines: frames, messages, profile data, the station's dialogue.
