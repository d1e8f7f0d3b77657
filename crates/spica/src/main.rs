//! The spica binary.
fn main() {}
