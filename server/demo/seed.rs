//! Repeatable chance: every drawn value follows from a seed and the path to the thing it belongs
//! to, never from what was drawn before. No global state, no clock.

/// A place in the tree of draws; children are reached by name or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(u64);

impl Place {
    /// The root of everything drawn from `seed`.
    pub const fn root(seed: u64) -> Self {
        Self(mix(seed ^ 0x5851_f42d_4c95_7f2d))
    }

    /// The child named `name`.
    pub fn at(self, name: &str) -> Self {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(mix(self.0 ^ hash))
    }

    /// The child with number `index`.
    pub const fn nth(self, index: u64) -> Self {
        Self(mix(self.0.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(1)))
    }

    /// Draws for `facet` of this thing.
    pub fn draw(self, facet: &str) -> Draw {
        Draw(self.at(facet).0)
    }
}

/// A stream of draws (SplitMix64).
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 up to, not including, `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// Whether something that happens `percent` of the time happens.
    pub fn chance(&mut self, percent: f64) -> bool {
        let bar = self.below(1_000_000) as f64;
        bar < percent * 10_000.0
    }

    /// One of `choices`, each as likely as the next.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64);
        &choices[usize::try_from(index).unwrap_or_default()]
    }

    /// One of `choices`, as likely as its weight says.
    pub fn weighted<T: Copy>(&mut self, choices: &[(u32, T)]) -> T {
        let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut rest = self.below(u64::from(total));
        for (weight, choice) in choices {
            match rest.checked_sub(u64::from(*weight)) {
                None => return *choice,
                Some(left) => rest = left,
            }
        }
        choices[choices.len() - 1].1
    }

    /// `length` characters of `alphabet`.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }

    /// `length` hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        self.text(b"0123456789abcdef", length)
    }

    /// A UUID in its usual spelling.
    pub fn uuid(&mut self) -> String {
        uuid::Uuid::from_u64_pair(self.bits(), self.bits()).to_string()
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_path_draws_the_same_and_another_path_does_not() {
        let place = Place::root(7).at("function").nth(3);
        assert_eq!(place.draw("x").bits(), Place::root(7).at("function").nth(3).draw("x").bits());
        assert_ne!(place.draw("x").bits(), place.draw("y").bits());
        assert_ne!(place.draw("x").bits(), Place::root(8).at("function").nth(3).draw("x").bits());
        assert_ne!(Place::root(7).nth(0), Place::root(7).nth(1));
    }

    #[test]
    fn chance_and_weights_come_out_as_asked() {
        let place = Place::root(1);
        let hits = (0..10_000).filter(|i| place.nth(*i).draw("c").chance(12.0)).count();
        assert!((1_050..1_350).contains(&hits), "{hits}");
        let heavy =
            (0..10_000).filter(|i| place.nth(*i).draw("w").weighted(&[(3, true), (1, false)])).count();
        assert!((7_250..7_750).contains(&heavy), "{heavy}");
    }
}
