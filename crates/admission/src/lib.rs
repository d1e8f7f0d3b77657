//! Who may connect: caps, rates, bans. Pure; time is an argument.
