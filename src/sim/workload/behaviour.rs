//! How containers of an image behave: whether they come up, and how they answer.

use std::collections::BTreeMap;

/// How containers of one image behave.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// Share of the requests answered with 200, in percent.
    pub success_pct: f64,
    /// The status of the other answers. Linkerd calls only 5xx a failure.
    pub error_status: u16,
    /// How long answers take.
    pub latency: Latency,
    /// Whether containers come up.
    pub fate: Fate,
}

/// A log-normal distribution by two of its quantiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Half of the answers take less, in milliseconds.
    pub median_ms: f64,
    /// 99 of 100 answers take less, in milliseconds.
    pub p99_ms: f64,
}

/// What becomes of a container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It becomes ready this many seconds after its pod was created.
    Ready {
        /// Seconds.
        after_s: f64,
    },
    /// The image is not there: `ImagePullBackOff`.
    NoImage,
    /// It starts, ends with exit code 1, and is started again: `CrashLoopBackOff`.
    Crashes,
    /// It runs, but its readiness probe never succeeds.
    NeverReady,
}

impl Default for Behaviour {
    /// A healthy application: every answer a 200, most within 20 ms, ready after 2 s.
    fn default() -> Self {
        Self {
            success_pct: 100.0,
            error_status: 500,
            latency: Latency {
                median_ms: 20.0,
                p99_ms: 80.0,
            },
            fate: Fate::Ready { after_s: 2.0 },
        }
    }
}

impl Latency {
    /// The latency of one request, in milliseconds, for a draw from the normal distribution.
    pub fn of(self, normal: f64) -> f64 {
        /// The 99th percentile of the normal distribution.
        const NORMAL_P99: f64 = 2.326_347_874;
        let median = self.median_ms.max(0.001);
        let spread = (self.p99_ms.max(median) / median).ln() / NORMAL_P99;
        median * (spread * normal).exp()
    }
}

/// Behaviours by image reference, exactly as the pod template spells it; all other images behave as by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviours {
    default: Behaviour,
    by_word: BTreeMap<String, Behaviour>,
    by_image: BTreeMap<String, Behaviour>,
    by_config: BTreeMap<String, Behaviour>,
}

/// Between an image and the word of its configuration, where that says how it behaves.
const CONFIGURED: char = '#';

impl Behaviours {
    /// Declares how an image behaves, from now on and for running containers too.
    pub fn set(&mut self, image: &str, behaviour: Behaviour) {
        self.by_image.insert(image.to_owned(), behaviour);
    }

    /// Declares how images behave that are not named, but have this word in their tag.
    pub fn set_word(&mut self, word: &str, behaviour: Behaviour) {
        self.by_word.insert(word.to_owned(), behaviour);
    }

    /// Declares how pods behave, whatever their image, that read a ConfigMap with this word in it when they start.
    pub fn set_config(&mut self, word: &str, behaviour: Behaviour) {
        self.by_config.insert(word.to_owned(), behaviour);
    }

    /// The first declared word that is in one of these texts; `None` when nothing is declared of configurations.
    pub fn config_word(&self, texts: &[String]) -> Option<&str> {
        let mut words = self.by_config.keys();
        let found = words.find(|word| texts.iter().any(|text| text.contains(word.as_str())));
        (!self.by_config.is_empty()).then(|| found.map_or("", String::as_str))
    }

    /// An image together with the word of its configuration, as [`Behaviours::of`] takes it.
    pub fn configured(image: &str, word: &str) -> String {
        if word.is_empty() {
            image.to_owned()
        } else {
            format!("{image}{CONFIGURED}{word}")
        }
    }

    /// Declares how every image behaves that is not named.
    pub fn set_default(&mut self, behaviour: Behaviour) {
        self.default = behaviour;
    }

    /// How an image behaves.
    pub fn of(&self, image: &str) -> &Behaviour {
        let (image, word) = image.split_once(CONFIGURED).unwrap_or((image, ""));
        if let Some(behaviour) = self.by_config.get(word) {
            return behaviour;
        }
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        let by_word = || {
            self.by_word
                .iter()
                .find(|(word, _)| tag.contains(word.as_str()))
                .map(|(_, b)| b)
        };
        self.by_image.get(image).or_else(by_word).unwrap_or(&self.default)
    }

    /// Which of a pod's images answers its requests: the first that is named, else the first. Side-cars come and go
    /// beside the application without being declared.
    pub fn answering<'a>(&self, images: &[&'a str]) -> &'a str {
        let named = images.iter().find(|image| self.by_image.contains_key(**image));
        named.or(images.first()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_goes_by_its_name_then_by_a_word_in_its_tag() {
        let with = |success_pct| Behaviour {
            success_pct,
            ..Behaviour::default()
        };
        let mut behaviours = Behaviours::default();
        behaviours.set_word("bad", with(1.0));
        behaviours.set("app:2-bad", with(2.0));
        let table = [
            ("app:1", 100.0),
            ("app:1-bad", 1.0),
            ("app:2-bad", 2.0),
            ("bad/app:1", 100.0),
            ("bad", 100.0),
        ];
        for (image, success_pct) in table {
            assert_eq!(behaviours.of(image).success_pct, success_pct, "{image}");
        }
    }
}
