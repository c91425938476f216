//! Which variant of an enum a value most likely is: what decides it lies in the value's memory, and so not in the dump, but each variant has its
//! pointers at places of its own.

use crate::block_type::BlockType;
use crate::fields::{Field, Pointer};
use crate::leads::Target;
use crate::program::Program;

/// Words of a value that are looked at.
const MOST_WORDS: u64 = 64;

/// How well a variant fits the references that a value has; the greater, the better.
type Fit = (usize, std::cmp::Reverse<usize>);

impl Program<'_> {
    /// Of pointers of which one lies at a place of a block, those that can lead where the reference there does, and are of the variant that explains
    /// most of the references around it, and has fewest pointers where there are none. `target` tells where the reference at a place leads.
    pub(crate) fn likeliest(
        &self,
        block: &BlockType,
        size: u64,
        place: u64,
        either: &[Pointer],
        target: impl Fn(u64) -> Option<Target>,
    ) -> Vec<Pointer> {
        let value = self.value_around(block, size, place);
        let first = place - (place - value.start).min(MOST_WORDS / 2 * 8) / 8 * 8;
        let around: Vec<(Option<Target>, Field)> = (0..MOST_WORDS)
            .map(|word| first.saturating_add(8 * word))
            .take_while(|&at| at < value.end)
            .map(|at| (target(at), self.field(block, size, at)))
            .collect();
        let fit = |pointer: &Pointer| -> Fit {
            let variant = variant_of(pointer, either);
            let (mut explained, mut missing) = (0, 0);
            for (target, field) in &around {
                let Field::Pointer { either, .. } = field else {
                    continue;
                };
                let mut own = either
                    .iter()
                    .filter(|other| is_within(&other.path, variant))
                    .peekable();
                match target {
                    _ if own.peek().is_none() => {}
                    Some(target) if own.any(|own| self.can_lead(own, *target)) => explained += 1,
                    _ => missing += 1,
                }
            }
            (explained, std::cmp::Reverse(missing))
        };
        let own = target(place);
        let can_lead = |pointer: &&Pointer| own.is_none_or(|own| self.can_lead(pointer, own));
        let leading = either.iter().filter(can_lead);
        let fits: Vec<(Fit, &Pointer)> = leading.map(|one| (fit(one), one)).collect();
        let best = fits.iter().map(|(fit, _)| *fit).max();
        let likely = fits.into_iter().filter(|(fit, _)| Some(*fit) == best);
        likely.map(|(_, pointer)| pointer.clone()).collect()
    }
}

/// The path of a pointer as far as it tells it from the others: `.state.Open` of `.state.Open.file`, beside `.state.Closed.reason`.
fn variant_of<'p>(pointer: &'p Pointer, either: &[Pointer]) -> &'p str {
    let path = &*pointer.path;
    let same = |other: &Pointer| {
        let pairs = path.bytes().zip(other.path.bytes());
        pairs.take_while(|(a, b)| a == b).count()
    };
    let others = either.iter().filter(|other| other.path != pointer.path);
    let shared = others.map(same).min().unwrap_or(path.len());
    // To the end of the name that differs.
    let rest = path.get(shared..).unwrap_or_default();
    let end = rest.get(1..).and_then(|rest| rest.find(['.', '[']));
    &path[..end.map_or(path.len(), |end| shared + 1 + end)]
}

/// Whether a path is another one or goes on from it.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::Pointee;

    #[test]
    fn a_path_tells_its_variant() {
        let either = [
            ".state.Open.file",
            ".state.Closed.reason",
            ".state.Open.name[0]",
        ];
        let either = either.map(|path| Pointer {
            path: path.into(),
            target: Pointee::Unknown,
            is_owner: false,
        });
        assert_eq!(variant_of(&either[0], &either[..2]), ".state.Open");
        assert_eq!(variant_of(&either[1], &either), ".state.Closed");
        assert_eq!(variant_of(&either[0], &either[..1]), ".state.Open.file");
        assert!(is_within(".state.Open.file", ".state.Open"));
        assert!(!is_within(".state.Opened", ".state.Open"));
    }
}
