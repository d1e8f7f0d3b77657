//! Tests of the engine as a whole.

mod behaves;
mod converge;
mod limits;
mod link;
mod viewer;
mod world;

pub(crate) use world::subscribe;
