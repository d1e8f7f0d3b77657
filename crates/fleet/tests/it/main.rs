//! Whole dialogues of the fleet with a small station of the tests' own, and the books.

#[cfg(test)]
mod books;
#[cfg(test)]
mod dialogues;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod load;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod station;
