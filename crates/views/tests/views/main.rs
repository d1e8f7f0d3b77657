//! The views as their users know them, over a journal in memory, and once over one on files.

#[cfg(test)]
mod follow;
#[cfg(test)]
mod node;
#[cfg(test)]
mod on_files;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod restate;
#[cfg(test)]
mod service;
