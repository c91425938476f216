//! What a program says of its own blocks against what its debug information tells.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

mod support;

use std::collections::BTreeMap;

use memdump_format::{Address, Dump};
use memdump_resolve::{Program, Source, Summary, Symbols, write_typed};
use support::{BARE, Content, DEV, FAT, LINES, Native, Profile, RELEASE};

/// The static variables that hold what the target makes, but for what `dyn Any` holds.
fn holder(content: Content) -> &'static str {
    match content {
        Content::Heap => "memdump_types_target::heap::CACHE",
        Content::Zoo => "memdump_types_target::zoo::ZOO",
    }
}

/// Blocks and their bytes.
#[derive(Clone, Copy, Default)]
struct Amount {
    blocks: usize,
    bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.blocks += 1;
        self.bytes += bytes;
    }
}

/// How many blocks were named right and wrong, and how many not at all.
#[derive(Default)]
struct Score {
    right: Amount,
    wrong: Amount,
    unknown: Amount,
    /// Blocks that the program holds, and no chain of references leads to.
    lost: usize,
    /// Share of the references of typed blocks that have a field's name, in percent.
    labelled: f64,
    /// Share of references that are none, in percent: of all words that look like one, and of those that typed blocks are left with.
    stale: (f64, f64),
}

impl Score {
    fn of_blocks(&self, of: Amount) -> f64 {
        let all = self.right.blocks + self.wrong.blocks + self.unknown.blocks;
        percent(of.blocks, all)
    }

    fn of_bytes(&self, of: Amount) -> f64 {
        let all = self.right.bytes + self.wrong.bytes + self.unknown.bytes;
        percent(of.bytes as usize, all as usize)
    }

    /// What full debug information has to give.
    fn assert_full(&self) {
        assert!(self.of_blocks(self.right) >= 99.5);
        assert!(self.of_blocks(self.wrong) <= 0.1);
        assert!(percent(self.lost, self.right.blocks) <= 0.01);
        assert!(self.labelled >= 99.0);
        assert!(self.stale.1 <= 1.0);
    }

    fn print(&self, profile: Profile, content: Content, stacks: bool) {
        println!(
            "{:8}{} {:?} stacks {} | blocks {:6.2} % right {:5.2} % wrong {:5.2} % unknown | bytes {:6.2} % {:5.2} % {:5.2} % | lost {:4} \
             | references labelled {:6.2} %, stale {:5.2} % -> {:5.2} %",
            profile.name,
            if profile.has_frame_pointers {
                ""
            } else {
                " bare"
            },
            content,
            if stacks { "on " } else { "off" },
            self.of_blocks(self.right),
            self.of_blocks(self.wrong),
            self.of_blocks(self.unknown),
            self.of_bytes(self.right),
            self.of_bytes(self.wrong),
            self.of_bytes(self.unknown),
            self.lost,
            self.labelled,
            self.stale.0,
            self.stale.1,
        );
    }
}

fn percent(of: usize, all: usize) -> f64 {
    100.0 * of as f64 / all.max(1) as f64
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
    // Neither side writes which one of a function's closures it is; debug information gives each its number.
    if truth.contains("{{closure}}") {
        let is_number = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
        let (path, made) = name.split_once('{').unwrap_or((name, ""));
        let number = made
            .strip_prefix("closure_env#")
            .or_else(|| made.strip_prefix("async_fn_env#"))
            .and_then(|rest| rest.strip_suffix('}'));
        return truth.strip_suffix("{{closure}}") == Some(path) && number.is_some_and(is_number);
    }
    // An arena's memory is of no one type, and no type may be claimed for it.
    if truth == "mixed" {
        return name.contains(" bytes]");
    }
    truth == name
        // An `Arc<str>` is made as one of bytes.
        || (truth == "alloc::sync::Arc<str>" && matches!(name, "alloc::sync::Arc<[u8]>" | "alloc::sync::Arc<u8>"))
        || (truth == "alloc::rc::Rc<str>" && matches!(name, "alloc::rc::Rc<[u8]>" | "alloc::rc::Rc<u8>"))
        // Debug information writes closures' traits with their generics, and defaults of constants.
        || (truth.contains("dyn core::ops::function::Fn(") && name.contains("dyn core::ops::function::Fn<("))
        || truth.replace("Output = ", "Output=") == name
        || truth.replace("bumpalo::Bump]", "bumpalo::Bump<1>]") == name
}

fn score(profile: Profile, content: Content, stacks: bool) -> Score {
    let native = support::dump(&support::build(profile), content, stacks);
    let (dump, summary) = typed(&native);
    assert_eq!(dump.counts().objects, native.dump.counts().objects);
    let names = support::types(&dump);
    let references = support::references(&dump);
    let truths = &native.truths;
    let of_typed = |pair: &&(Address, Address)| !names[&pair.0].0.contains(" bytes]");
    let is_stale = |pair: &&(Address, Address)| truths.stale.contains(pair);
    let mut score = Score {
        labelled: percent(
            summary.labelled as usize,
            (summary.labelled + summary.conservative) as usize,
        ),
        stale: (
            percent(truths.stale.len(), truths.references),
            percent(
                references.iter().filter(of_typed).filter(is_stale).count(),
                references.iter().filter(of_typed).count(),
            ),
        ),
        ..Score::default()
    };
    let mut roots = support::held_by(&dump, holder(content));
    // Without layouts no static variable has a size.
    assert!(!roots.is_empty() || summary.labelled == 0);
    let has_stacks = stacks && profile.has_frame_pointers;
    if has_stacks && content == Content::Heap {
        roots.extend(support::of_type(
            &dump,
            "[alloc::boxed::Box<dyn core::any::Any>]",
        ));
    }
    let reached = support::reached(&references, roots);
    let mut wrong: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (address, truth) in &truths.types {
        let (name, size) = &names[address];
        if !reached.contains(address) {
            if !has_stacks && content == Content::Heap {
                // What only `dyn Any` holds has no type that a field could tell.
                continue;
            }
            score.lost += 1;
            *wrong
                .entry((truth, "nothing that leads there"))
                .or_default() += 1;
        }
        // Without a stack, only what points to bytes knows whether they are text.
        let is_bytes = !has_stacks && truth == "str" && name == "[u8]";
        if is_bytes || agree(truth, name) {
            score.right.add(*size);
            continue;
        }
        // Which trait a block's value has is true, and not its type.
        let is_unknown = name.contains(" bytes]") || name.contains("c<dyn ");
        match is_unknown {
            true => score.unknown.add(*size),
            false => score.wrong.add(*size),
        }
        *wrong.entry((truth, name)).or_default() += 1;
    }
    for ((truth, name), count) in wrong {
        println!("{count:6} {truth} named {name}");
    }
    score.print(profile, content, stacks);
    score
}

const BOTH: [Content; 2] = [Content::Heap, Content::Zoo];

/// All are told before any is judged.
fn scores(profiles: &[Profile], stacks: bool) -> Vec<Score> {
    let pairs = profiles
        .iter()
        .flat_map(|&profile| BOTH.map(|content| (profile, content)));
    pairs
        .map(|(profile, content)| score(profile, content, stacks))
        .collect()
}

#[test]
fn full_debug_information_tells_nearly_all_types_of_optimised_programs() {
    for score in scores(&[RELEASE, FAT], true) {
        score.assert_full();
    }
}

#[test]
fn a_program_that_is_not_optimised_tells_its_types() {
    for score in scores(&[DEV], true) {
        score.assert_full();
    }
}

#[test]
fn without_frame_pointers_fields_tell_what_stacks_do_not() {
    for score in scores(&[BARE], true) {
        assert!(score.of_blocks(score.right) >= 99.5);
        assert!(score.of_blocks(score.wrong) <= 0.1);
    }
}

#[test]
fn without_stacks_types_spread_from_static_variables() {
    for score in scores(&[RELEASE], false) {
        assert!(score.right.blocks >= 900);
        assert!(score.of_blocks(score.right) >= 97.0);
        assert!(score.of_blocks(score.wrong) <= 0.1);
    }
}

#[test]
fn line_tables_alone_tell_names() {
    for score in scores(&[LINES], true) {
        assert!(score.of_blocks(score.right) >= 98.0);
        // Where LLVM merged two generic functions of the program, their names alone do not tell which one it was.
        assert!(score.of_blocks(score.wrong) <= 1.0);
    }
}
