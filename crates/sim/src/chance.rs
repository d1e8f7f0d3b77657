//! Chance from a seed: splitmix64 to seed, xoshiro256++ to draw. The same on every machine.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance {
    state: [u64; 4],
}

impl Chance {
    /// The stream of `seed`; streams with another `purpose` have nothing to do with it.
    #[must_use]
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        let mut at = seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mut next = || {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (at ^ (at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Self {
            state: [next(), next(), next(), next()],
        }
    }

    /// The next 64 bits.
    pub(crate) fn draw(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A number from `0` to `end - 1`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The upper half of a product: no division, and a bias far below what anyone could notice.
        ((u128::from(self.draw()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// True once in `times`; never when `times` is 0.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }

    /// True for `percent` of a hundred draws.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the two nodes.
    pub(crate) fn node(&mut self) -> usize {
        usize::from(self.draw() & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_stream_everywhere_and_purposes_part() {
        let mut one = Chance::new(7, 1);
        let mut same = Chance::new(7, 1);
        let mut other = Chance::new(7, 2);
        let draws: Vec<u64> = (0..8).map(|_| one.draw()).collect();
        assert!(draws.iter().all(|draw| *draw == same.draw()));
        assert!(draws.iter().any(|draw| *draw != other.draw()));
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_both_ends() {
        let mut chance = Chance::new(1, 1);
        let seen: Vec<u64> = (0..200).map(|_| chance.between(3, 5)).collect();
        assert_eq!(seen.iter().min(), Some(&3));
        assert_eq!(seen.iter().max(), Some(&5));
        assert_eq!(chance.below(0), 0);
        assert!(!chance.one_in(0));
    }
}
