//! How cases behave, as seen from the journal.

mod check_ins;
mod flood;
mod life;
mod model;
mod notices;
mod orders;
mod payloads;
mod restarts;
mod shelves;
mod thresholds;
mod timers;
mod world;
mod year;
