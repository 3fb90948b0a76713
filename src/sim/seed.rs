//! The only chance there is in the world: numbers that follow from a given seed.

/// A small generator (splitmix64): the same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// A generator. Mix in a `salt` of one's own so that two parts of the world do not draw from one another.
    pub fn new(seed: u64, salt: &str) -> Self {
        let salted = salt.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(salted)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number in `0..1`, evenly spread.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number of a normal distribution with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Some characters as Kubernetes takes them for generated names.
    pub fn name(&mut self, length: usize) -> String {
        let next = |_| SAFE[(self.next_u64() % SAFE.len() as u64) as usize] as char;
        (0..length).map(next).collect()
    }
}

/// No vowels and none that look alike: generated names spell no words.
const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A number in the same characters, as the template's hash is spelled in names.
pub fn safe(mut number: u64) -> String {
    let mut text = String::new();
    for _ in 0..10 {
        text.push(SAFE[(number % SAFE.len() as u64) as usize] as char);
        number /= SAFE.len() as u64;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_salts_keep_streams_apart() {
        let draw = |seed, salt: &str| {
            let mut seeded = Seeded::new(seed, salt);
            (seeded.next_u64(), seeded.next_u64())
        };
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
    }

    #[test]
    fn units_are_even_and_normals_are_normal() {
        let mut seeded = Seeded::new(7, "test");
        let units: Vec<f64> = (0..10_000).map(|_| seeded.unit()).collect();
        let mean = units.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let normals: Vec<f64> = (0..10_000).map(|_| seeded.normal()).collect();
        let above = normals.iter().filter(|n| **n > 2.3263).count();
        assert!(
            (60..=140).contains(&above),
            "{above} of 10000 above the 99th percentile"
        );
    }
}
