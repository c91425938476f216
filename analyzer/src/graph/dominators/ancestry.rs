//! Nearest common ancestors in a tree, by jump pointers (Myers, "An Applicative Random-Access Stack", 1983): two columns,
//! and O(log n) steps even where the tree is a list a million long.

/// A tree whose nodes are numbered so that parents have lower numbers; 0 is its root.
pub(super) struct Ancestry<'t> {
    parents: &'t [u32],
    depths: Vec<u32>,
    /// An ancestor further up; how much further depends on the depth alone.
    jumps: Vec<u32>,
}

impl<'t> Ancestry<'t> {
    pub(super) fn new(parents: &'t [u32]) -> Ancestry<'t> {
        let mut depths: Vec<u32> = vec![0; parents.len()];
        let mut jumps: Vec<u32> = vec![0; parents.len()];
        for node in 1..parents.len() {
            let parent = parents[node] as usize;
            let first = jumps[parent] as usize;
            let second = jumps[first] as usize;
            depths[node] = depths[parent] + 1;
            let is_even = depths[parent] - depths[first] == depths[first] - depths[second];
            jumps[node] = if is_even { second } else { parent } as u32;
        }
        Ancestry {
            parents,
            depths,
            jumps,
        }
    }

    /// The lowest node that both are below, or are.
    pub(super) fn common(&self, a: u32, b: u32) -> u32 {
        let depth = self.depths[a as usize].min(self.depths[b as usize]);
        let (mut a, mut b) = (self.raise(a, depth), self.raise(b, depth));
        while a != b {
            let jumps = (self.jumps[a as usize], self.jumps[b as usize]);
            (a, b) = if jumps.0 != jumps.1 {
                jumps
            } else {
                (self.parents[a as usize], self.parents[b as usize])
            };
        }
        a
    }

    fn raise(&self, mut node: u32, depth: u32) -> u32 {
        while self.depths[node as usize] > depth {
            let jump = self.jumps[node as usize];
            node = if self.depths[jump as usize] >= depth {
                jump
            } else {
                self.parents[node as usize]
            };
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn obvious(parents: &[u32], mut a: u32, mut b: u32) -> u32 {
        while a != b {
            if a > b {
                a = parents[a as usize];
            } else {
                b = parents[b as usize];
            }
        }
        a
    }

    proptest! {
        #[test]
        fn agrees_with_climbing_step_by_step(
            // How far up each parent is: mostly one step, so that trees are deep.
            steps in prop::collection::vec(prop_oneof![4 => Just(1_u32), 1 => 1_u32..40], 1..200),
        ) {
            let parents: Vec<u32> = std::iter::once(0)
                .chain((1..).zip(&steps).map(|(node, &step)| node - step.min(node)))
                .collect();
            let tree = Ancestry::new(&parents);
            for a in 0..parents.len() as u32 {
                for b in 0..parents.len() as u32 {
                    prop_assert_eq!(tree.common(a, b), obvious(&parents, a, b));
                }
            }
        }
    }
}
