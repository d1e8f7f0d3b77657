//! A set of event codes.

/// Any of the 256 codes, in 32 bytes: small enough to hand around by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CodeSet([u64; 4]);

impl CodeSet {
    /// No code.
    pub const EMPTY: Self = Self([0; 4]);
    /// All codes.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// Whether `code` is in the set.
    #[must_use]
    pub const fn has(&self, code: u8) -> bool {
        self.0[(code >> 6) as usize] >> (code & 0x3f) & 1 == 1
    }

    /// Puts `code` into the set, or takes it out.
    pub const fn set(&mut self, code: u8, is_in: bool) {
        let bit = 1 << (code & 0x3f);
        let half = &mut self.0[(code >> 6) as usize];
        *half = if is_in { *half | bit } else { *half & !bit };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_own_bit() {
        for code in 0..=255 {
            let mut set = CodeSet::EMPTY;
            set.set(code, true);
            for other in 0..=255 {
                assert_eq!(set.has(other), other == code);
            }
            set.set(code, false);
            assert_eq!(set, CodeSet::EMPTY);
            assert!(CodeSet::ALL.has(code));
        }
    }
}
