//! What a program says of its own blocks against what its debug information tells.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

mod support;

use std::collections::BTreeMap;

use memdump_format::Dump;
use memdump_resolve::{Program, Source, Summary, Symbols, write_typed};
use support::{DEV, FAT, LINES, Native, Profile, RELEASE};

/// The static variable that holds what `dyn Any` does not.
const CACHE: &str = "memdump_types_target::heap::CACHE";

/// How many blocks were named right and wrong, and how many not at all.
struct Score {
    right: usize,
    wrong: usize,
    unknown: usize,
    /// Blocks that the program holds, and no chain of references leads to.
    lost: usize,
    /// Share of references that have a field's name, in percent.
    labelled: f64,
}

impl Score {
    fn share(&self, of: usize) -> f64 {
        100.0 * of as f64 / (self.right + self.wrong + self.unknown) as f64
    }

    /// What full debug information has to give.
    fn assert_full(&self) {
        assert!(self.share(self.right) >= 99.5);
        assert!(self.share(self.wrong) <= 0.1);
        assert!(self.share(self.lost) <= 0.01);
        assert!(self.labelled >= 99.0);
    }
}

fn typed(native: &Native) -> (Dump, Summary) {
    let symbols = Symbols::default();
    let sources = support::modules(&native.dump).into_iter();
    let sources: Vec<Source> = sources
        .map(|module| Source::find(module, &symbols))
        .collect();
    let sections: Vec<_> = sources.iter().map(Source::sections).collect();
    let program = Program::new(&sections);
    let (bytes, summary) =
        write_typed(&native.dump, &program, &[], Vec::new()).expect("a typed dump");
    let dump = Dump::from_bytes("typed.dump".as_ref(), bytes).expect("a dump");
    (dump, summary)
}

/// Whether both names mean the same type.
fn agree(truth: &str, name: &str) -> bool {
    if let Some(entry) = truth.strip_prefix("btree") {
        let node = name.strip_prefix("alloc::collections::btree::node::");
        let node = node.and_then(|node| {
            node.strip_prefix("LeafNode")
                .or_else(|| node.strip_prefix("InternalNode"))
        });
        return node == Some(entry);
    }
    truth == name
        // A literal `vec![a, b]` is made as a boxed array, and an `Arc<str>` as one of bytes.
        || (truth == "alloc::sync::Arc<str>" && matches!(name, "alloc::sync::Arc<[u8]>" | "alloc::sync::Arc<u8>"))
        // Debug information writes closures' traits with their generics.
        || (truth.contains("dyn core::ops::function::Fn()") && name.contains("dyn core::ops::function::Fn<()"))
}

fn score(profile: Profile, stacks: bool) -> Score {
    let native = support::dump(&support::build(profile), stacks);
    let (dump, summary) = typed(&native);
    assert_eq!(dump.counts().objects, native.dump.counts().objects);
    let names = support::types(&dump);
    let mut score = Score {
        right: 0,
        wrong: 0,
        unknown: 0,
        lost: 0,
        labelled: 100.0 * summary.labelled as f64
            / (summary.labelled + summary.conservative) as f64,
    };
    let mut roots = support::held_by(&dump, CACHE);
    // Without layouts no static variable has a size.
    assert!(!roots.is_empty() || summary.labelled == 0);
    if stacks {
        roots.extend(support::of_type(
            &dump,
            "[alloc::boxed::Box<dyn core::any::Any>]",
        ));
    }
    let reached = support::reached(&dump, roots);
    let mut wrong: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (address, truth) in &native.truths {
        let name = &names[address];
        if !reached.contains(address) {
            if !stacks {
                // What only `dyn Any` holds has no type that a field could tell.
                continue;
            }
            score.lost += 1;
            *wrong
                .entry((truth, "nothing that leads there"))
                .or_default() += 1;
        }
        // Without a stack, only what points to bytes knows whether they are text.
        let is_bytes = !stacks && truth == "str" && name == "[u8]";
        if is_bytes || agree(truth, name) {
            score.right += 1;
        } else {
            if name.contains(" bytes]") {
                score.unknown += 1;
            } else {
                score.wrong += 1;
            }
            *wrong.entry((truth, name)).or_default() += 1;
        }
    }
    for ((truth, name), count) in wrong {
        println!("{count:6} {truth} named {name}");
    }
    println!(
        "{:8} stacks {} | right {:6.2} % wrong {:5.2} % unknown {:5.2} % | lost {:4} | references labelled {:6.2} %, dropped {}",
        profile.name,
        if stacks { "on " } else { "off" },
        score.share(score.right),
        score.share(score.wrong),
        score.share(score.unknown),
        score.lost,
        score.labelled,
        summary.dropped,
    );
    score
}

#[test]
fn full_debug_information_tells_nearly_all_types_of_optimised_programs() {
    for profile in [RELEASE, FAT] {
        let score = score(profile, true);
        score.assert_full();
    }
}

#[test]
fn a_program_that_is_not_optimised_tells_its_types() {
    let score = score(DEV, true);
    score.assert_full();
}

#[test]
fn without_stacks_types_spread_from_static_variables() {
    let score = score(RELEASE, false);
    assert!(score.right >= 900);
    assert!(score.share(score.right) >= 98.0);
    assert!(score.share(score.wrong) <= 0.1);
}

#[test]
fn line_tables_alone_tell_names() {
    let score = score(LINES, true);
    assert!(score.share(score.right) >= 90.0);
    assert!(score.share(score.wrong) <= 0.1);
}
