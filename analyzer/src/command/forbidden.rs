//! What a script or a CI forbids: where it is found the result is printed as ever, and the command ends with a code of its own.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use bytesize::ByteSize;

use crate::exit_code::is_closed_pipe;
use crate::view::number::{bytes, count, plural};

/// What was forbidden is there.
#[derive(Debug, thiserror::Error)]
pub enum Forbidden {
    /// Something grew by so much.
    #[error("--fail-on-growth {limit} forbids it: {what}")]
    Growth {
        /// What was allowed is less.
        limit: String,
        /// What grew, and by how much.
        what: String,
    },
    /// Something leaks, or may.
    #[error("--fail-on {level} forbids it: {}", plural(*suspects as u64, "such suspect", "such suspects"))]
    Suspects {
        /// How sure a suspicion must be.
        level: &'static str,
        /// How many are so sure.
        suspects: usize,
    },
}

impl Forbidden {
    /// Ends a command that has given its result. Who reads no further does not change what was found.
    pub(super) fn judge(found: Option<Forbidden>, given: anyhow::Result<()>) -> anyhow::Result<()> {
        match (found, given) {
            (_, Err(error)) if !is_closed_pipe(&error) => Err(error),
            (Some(forbidden), _) => Err(forbidden.into()),
            (None, given) => given,
        }
    }
}

/// The least growth that is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrowthLimit {
    Objects(i64),
    Bytes(i64),
}

/// By how much something grew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grown {
    pub(super) objects: i64,
    pub(super) bytes: i64,
}

impl GrowthLimit {
    fn is_reached(self, grown: Grown) -> bool {
        match self {
            GrowthLimit::Objects(limit) => grown.objects >= limit,
            GrowthLimit::Bytes(limit) => grown.bytes >= limit,
        }
    }

    /// In the unit of the limit.
    fn amount(self, grown: Grown) -> i64 {
        match self {
            GrowthLimit::Objects(_) => grown.objects,
            GrowthLimit::Bytes(_) => grown.bytes,
        }
    }

    fn told(self, amount: i64) -> String {
        match self {
            GrowthLimit::Objects(_) => plural(amount.unsigned_abs(), "object", "objects"),
            GrowthLimit::Bytes(_) => bytes(amount.unsigned_abs()),
        }
    }

    /// What grew by so much: one of the types, or, if that is asked about as well, all together.
    pub(super) fn exceeded<'n, N: fmt::Display + 'n>(
        self,
        types: impl Iterator<Item = (&'n N, Grown)>,
        total: Option<Grown>,
    ) -> Option<Forbidden> {
        let mut grown: Vec<(&N, i64)> = types
            .filter(|(_, grown)| self.is_reached(*grown))
            .map(|(name, grown)| (name, self.amount(grown)))
            .collect();
        grown.sort_by_key(|&(_, amount)| Reverse(amount));
        let what = match (&grown[..], total.filter(|total| self.is_reached(*total))) {
            ([(name, amount), more @ ..], _) => {
                let more = match more.len() as u64 {
                    0 => String::new(),
                    more => format!(", and {}", plural(more, "more type", "more types")),
                };
                format!("{} more of {name}{more}", self.told(*amount))
            }
            ([], Some(total)) => format!("{} more in all", self.told(self.amount(total))),
            ([], None) => return None,
        };
        let limit = self.to_string();
        Some(Forbidden::Growth { limit, what })
    }
}

impl FromStr for GrowthLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<GrowthLimit, String> {
        const FORM: &str =
            "write a number of objects, as 100, or of bytes with their unit, as 1MiB";
        let whole = |number: u64| i64::try_from(number).ok().filter(|&number| number > 0);
        let limit = match text.parse::<u64>() {
            Ok(objects) => whole(objects).map(GrowthLimit::Objects),
            Err(_) => text
                .parse::<ByteSize>()
                .ok()
                .and_then(|size| whole(size.as_u64()))
                .map(GrowthLimit::Bytes),
        };
        limit.ok_or_else(|| format!("{FORM}; 1 forbids any growth"))
    }
}

impl fmt::Display for GrowthLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            GrowthLimit::Objects(limit) => f.write_str(&count(limit.unsigned_abs())),
            GrowthLimit::Bytes(limit) => f.write_str(&bytes(limit.unsigned_abs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_objects_or_with_a_unit_bytes() {
        let limit = |text: &str| text.parse::<GrowthLimit>().ok();
        assert_eq!(limit("100"), Some(GrowthLimit::Objects(100)));
        assert_eq!(limit("1MiB"), Some(GrowthLimit::Bytes(1 << 20)));
        assert_eq!(limit("1.5 KiB"), Some(GrowthLimit::Bytes(1536)));
        assert_eq!(limit("64kB"), Some(GrowthLimit::Bytes(64_000)));
        assert_eq!(limit("7B"), Some(GrowthLimit::Bytes(7)));
        for wrong in [
            "0",
            "0MiB",
            "-1",
            "",
            "many",
            "18446744073709551615",
            "9EiB",
        ] {
            assert_eq!(limit(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_grew_most_is_told_and_the_total_where_no_type_did() {
        let grown = |objects, bytes| Grown { objects, bytes };
        let types = [("a", grown(3, 10)), ("b", grown(9, -5)), ("c", grown(2, 4))];
        let told = |limit: GrowthLimit, total| {
            let types = types.iter().map(|(name, grown)| (name, *grown));
            limit.exceeded(types, total).map(|found| found.to_string())
        };
        assert_eq!(
            told(GrowthLimit::Objects(3), None).as_deref(),
            Some("--fail-on-growth 3 forbids it: 9 objects more of b, and 1 more type")
        );
        assert_eq!(
            told(GrowthLimit::Bytes(11), Some(grown(14, 11))).as_deref(),
            Some("--fail-on-growth 11 B forbids it: 11 B more in all")
        );
        assert_eq!(told(GrowthLimit::Bytes(12), Some(grown(14, 11))), None);
        assert_eq!(told(GrowthLimit::Objects(10), None), None);
    }
}
