//! The settings of what asks for a dump by itself, beside signals and calls. All of it is off unless it is asked for.

use std::fmt;
use std::time::Duration;

use crate::units::{format_size, parse_duration, parse_size};

/// What asks for a dump by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Triggers {
    /// Resident memory that reaches a level. `MEMDUMP_ON_MEMORY`.
    pub memory: Option<MemoryLevels>,
    /// Resident memory that rises fast. `MEMDUMP_ON_RISE`.
    pub rise: Option<MemoryRise>,
    /// The runtime runs out of memory. `MEMDUMP_ON_MEMORY_ERROR`.
    pub memory_error: bool,
    /// The process ends; for how long its end may be held up. `MEMDUMP_ON_EXIT`.
    pub exit: Option<Duration>,
    /// Between two such dumps of a process and those forked from it pass this time at least, then twice this time, and so on up to
    /// a day. `MEMDUMP_TRIGGER_INTERVAL`; a minute.
    pub interval: Duration,
}

/// How long the end of the process may be held up where nothing else is said: less than container managers grant (30 s).
pub(crate) const EXIT_LIMIT: Duration = Duration::from_secs(20);

impl Triggers {
    /// None.
    pub(crate) const OFF: Self = Self {
        memory: None,
        rise: None,
        memory_error: false,
        exit: None,
        interval: Duration::from_secs(60),
    };
}

/// Resident memory at which a dump is taken, and by how much it has to grow for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLevels {
    /// The first level.
    pub first: Amount,
    /// From one level to the next.
    pub step: Amount,
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Bytes.
    Bytes(u64),
    /// Per cent of what the process may use at most: the least of its control groups' limits and the machine's memory.
    Percent(u8),
}

impl fmt::Display for MemoryLevels {
    /// As the setting takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.first, self.step)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => f.write_str(&format_size(*bytes)),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl fmt::Display for MemoryRise {
    /// As the setting takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}", format_size(self.bytes), self.within)
    }
}

/// A rise of resident memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRise {
    /// By so many bytes.
    pub bytes: u64,
    /// In this time.
    pub within: Duration,
}

pub(crate) const LEVELS_ALLOWED: &str = "off, or a level of memory such as 2G, 80% (of the limit), 2G+256M or 80%+5% (again at each step)";
pub(crate) const RISE_ALLOWED: &str =
    "off, or a rise such as 100M/min, 1G/h or 200M/10min (10 seconds to a day)";
pub(crate) const EXIT_ALLOWED: &str =
    "on, off, or for how long the exit may be held up, such as 20s";

/// Reads `2G`, `80%`, `2G+512M`. Without a step it is an eighth of the level: a comparison needs a second dump.
pub(crate) fn parse_levels(text: &str) -> Option<MemoryLevels> {
    let (first, step) = match text.split_once('+') {
        Some((first, step)) => (parse_amount(first)?, Some(parse_amount(step)?)),
        None => (parse_amount(text)?, None),
    };
    let step = step.unwrap_or(match first {
        Amount::Bytes(bytes) => Amount::Bytes((bytes / 8).max(1)),
        Amount::Percent(percent) => Amount::Percent((percent / 8).max(1)),
    });
    Some(MemoryLevels { first, step })
}

fn parse_amount(text: &str) -> Option<Amount> {
    let text = text.trim();
    // Rust would take it for a sign.
    if text.starts_with('+') {
        return None;
    }
    let amount = match text.strip_suffix('%') {
        Some(percent) => Amount::Percent(percent.trim_end().parse().ok().filter(|&p| p <= 100)?),
        None => Amount::Bytes(parse_size(text)?),
    };
    (!matches!(amount, Amount::Bytes(0) | Amount::Percent(0))).then_some(amount)
}

/// Reads `100M/min`, `1G/h`, `200M/10min`.
pub(crate) fn parse_rise(text: &str) -> Option<MemoryRise> {
    let (bytes, within) = text.split_once('/')?;
    let within = within.trim();
    let within = if within.starts_with(|c: char| c.is_ascii_digit()) {
        parse_duration(within)?
    } else {
        parse_duration(&format!("1{within}"))?
    };
    let bytes = parse_size(bytes).filter(|&bytes| bytes > 0)?;
    let allowed = Duration::from_secs(10)..=Duration::from_secs(86_400);
    allowed
        .contains(&within)
        .then_some(MemoryRise { bytes, within })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let of = |first, step| Some(MemoryLevels { first, step });
        let (g, m) = (1_u64 << 30, 1_u64 << 20);
        assert_eq!(
            parse_levels("2G"),
            of(Amount::Bytes(2 * g), Amount::Bytes(g / 4))
        );
        assert_eq!(
            parse_levels(" 2G + 512M "),
            of(Amount::Bytes(2 * g), Amount::Bytes(512 * m))
        );
        assert_eq!(
            parse_levels("80%"),
            of(Amount::Percent(80), Amount::Percent(10))
        );
        for text in ["2G+512M", "80%+5%", "1500M+1K", "7+1"] {
            assert_eq!(parse_levels(text).unwrap().to_string(), text);
        }
        assert_eq!(
            parse_levels("80 %+5%"),
            of(Amount::Percent(80), Amount::Percent(5))
        );
        for bad in [
            "", "0", "0%", "101%", "-5%", "2G+", "+2G", "2G+0", "%", "2G++1G",
        ] {
            assert_eq!(parse_levels(bad), None, "{bad}");
        }
    }

    #[test]
    fn rises() {
        let of = |bytes, seconds| {
            let within = Duration::from_secs(seconds);
            Some(MemoryRise { bytes, within })
        };
        assert_eq!(parse_rise("100M/min"), of(100 << 20, 60));
        assert_eq!(parse_rise("1G / h"), of(1 << 30, 3600));
        assert_eq!(parse_rise("200M/10min"), of(200 << 20, 600));
        assert_eq!(parse_rise("1/30"), of(1, 30));
        assert_eq!(parse_rise("100M/min").unwrap().to_string(), "100M/60s");
        for bad in [
            "",
            "100M",
            "100M/",
            "/min",
            "0/min",
            "1M/1s",
            "1M/48h",
            "1M/fortnight",
        ] {
            assert_eq!(parse_rise(bad), None, "{bad}");
        }
    }
}
