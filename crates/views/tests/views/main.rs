//! The views as their users know them, over a journal in memory.

#[cfg(test)]
mod follow;
#[cfg(test)]
mod node;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod service;
