//! A fleet of simulated Identicom devices with its own encoder, and the books that say what was lost.
