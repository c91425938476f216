//! Numbers as people read them.

use indicatif::{BinaryBytes, HumanCount};

use crate::analysis::identity::Identity;

/// `12,345`.
pub(crate) fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

/// `+12,345`, `-3`, `0`.
pub(super) fn growth(growth: i64) -> String {
    signed(growth, count)
}

/// `1.20 KiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    BinaryBytes(bytes).to_string()
}

/// `+1.20 KiB`.
pub(super) fn bytes_growth(growth: i64) -> String {
    signed(growth, bytes)
}

/// `+12,345`, `+12.5`, `+0.04`, `-3.0`, `0`.
pub(super) fn per_minute(rate: f64) -> String {
    let digits = match rate.abs() {
        0.0 => return "0".to_owned(),
        size if size >= 99.95 => return growth(rate.round() as i64),
        size if size >= 0.95 => 1,
        _ => 2,
    };
    format!("{rate:+.digits$}")
}

fn signed(number: i64, text: impl Fn(u64) -> String) -> String {
    let sign = match number {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", text(number.unsigned_abs()))
}

/// A time that is given in minutes, as `45 s`, `12 min`, `6.5 h`, `12 days`, `a year or more`.
pub(super) fn minutes(minutes: f64) -> String {
    const HOUR: f64 = 60.0;
    const DAY: f64 = 24.0 * HOUR;
    match minutes {
        less if less < 0.1 => format!("{:.1} s", less * 60.0),
        less if less < 2.0 => format!("{:.0} s", less * 60.0),
        less if less < 2.0 * HOUR => format!("{less:.0} min"),
        less if less < 2.0 * DAY => format!("{:.1} h", less / HOUR),
        less if less < 365.0 * DAY => format!("{:.0} days", less / DAY),
        _ => "a year or more".to_owned(),
    }
}

/// `1 object`, `2 objects`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// How objects were known to be the same.
pub(super) fn identity(identity: &Identity) -> String {
    match identity {
        Identity::Exact => "identity: exact".to_owned(),
        Identity::ByAddress => "identity: by address".to_owned(),
        Identity::Unavailable { reason } => format!("no identity: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_growth_has_its_sign() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(growth(12_345), "+12,345");
        assert_eq!(growth(-3), "-3");
        assert_eq!(growth(0), "0");
        assert_eq!(growth(i64::MIN), "-9,223,372,036,854,775,808");
        assert_eq!(
            [12_345.4, -99.96, 12.34, 1.0, 0.041, 0.0].map(per_minute),
            ["+12,345", "-100", "+12.3", "+1.0", "+0.04", "0"]
        );
        assert_eq!(bytes(1_228), "1.20 KiB");
        assert_eq!(bytes_growth(-512), "-512 B");
        let times = [0.75, 12.4, 390.0, 20_000.0, f64::INFINITY].map(minutes);
        assert_eq!(
            times,
            ["45 s", "12 min", "6.5 h", "14 days", "a year or more"]
        );
    }
}
