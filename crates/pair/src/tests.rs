//! Two halves on a link that the test holds in its hands.

mod named;
mod random;
mod unheard;
mod world;
