//! What a program says of its own blocks against what its debug information tells.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

mod support;

use std::collections::BTreeMap;

use memdump_format::{Address, Dump};
use memdump_resolve::{Program, Source, Summary, Symbols, write_typed};
use support::{BARE, Content, DEV, FAT, LINES, Native, Profile, RELEASE};

/// The static variables that hold what the target makes, but for what `dyn Any` holds.
fn holders(content: Content) -> &'static [&'static str] {
    match content {
        Content::Heap => &["memdump_types_target::heap::CACHE"],
        Content::Zoo => &["memdump_types_target::zoo::ZOO"],
        Content::Service => &[
            "memdump_types_target::service::SERVICE",
            "memdump_types_target::service::stores::LIMITS",
            "memdump_types_target::service::stores::PATTERNS",
            "memdump_types_target::service::stores::SCRATCH",
        ],
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
    /// Share of all references that have a field's name, in percent.
    labelled: f64,
    /// References of blocks of a type that the program knows which have none.
    unnamed: usize,
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
        assert!(self.of_blocks(self.unknown) <= 0.005);
        assert!(self.labelled >= 99.0);
        assert_eq!(self.unnamed, 0);
        assert!(self.stale.1 <= 1.0);
    }

    fn print(&self, profile: Profile, content: Content, stacks: bool) {
        println!(
            "{:8}{} {:?} stacks {} | blocks {:6.2} % right {:5.2} % wrong {:5.2} % unknown | bytes {:6.2} % {:5.2} % {:5.2} % | lost {:4} \
             | references labelled {:6.2} % ({} not, of known types), stale {:5.2} % -> {:5.2} %",
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
            self.unnamed,
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

/// The name of a type as debug information has it, spelled as `std::any::type_name` does.
fn spelled(name: &str) -> String {
    // Bounds of a trait object stand in parentheses.
    let mut spelled = String::new();
    let mut rest = name;
    while let Some((before, bounds)) = rest.split_once("(dyn ") {
        let end = end_of(bounds, ')');
        spelled += before;
        spelled += &format!("dyn {}", &bounds[..end]);
        rest = &bounds[(end + 1).min(bounds.len())..];
    }
    spelled += rest;
    // Closures, and what `async` makes, have numbers, and their generics behind them.
    for kind in ["closure_env", "async_fn_env", "async_block_env"] {
        let mark = format!("::{{{kind}#");
        while let Some((before, after)) = spelled.split_once(&mark) {
            let after = after.split_once('}').map_or("", |(_, after)| after);
            let end = after
                .strip_prefix('<')
                .map_or(0, |inside| end_of(inside, '>') + 2);
            let (generics, after) = after.split_at(end);
            spelled = format!("{before}{generics}::{{{{closure}}}}{after}");
        }
    }
    spelled
}

/// Where the bracket ends that was opened in front of a text.
fn end_of(text: &str, bracket: char) -> usize {
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            _ if c == bracket && depth == 0 && before != '-' => return at,
            '<' | '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    text.len()
}

/// Whether an array is told with its length: as the compiler boxes what stands in `vec![…]`.
fn is_array_of(truth: &str, name: &str) -> bool {
    let element = |name: &str| {
        let inside = name.strip_prefix('[')?.strip_suffix(']')?;
        Some(
            inside
                .rsplit_once("; ")
                .map_or(inside, |(element, _)| element)
                .to_owned(),
        )
    };
    element(truth).is_some() && element(truth) == element(name)
}

/// Whether both names mean the same type.
fn agree(truth: &str, name: &str) -> bool {
    let name = &*spelled(name);
    if let Some(entry) = truth.strip_prefix("btree") {
        let node = name.strip_prefix("alloc::collections::btree::node::");
        let node = node.and_then(|node| {
            node.strip_prefix("LeafNode")
                .or_else(|| node.strip_prefix("InternalNode"))
        });
        return node == Some(entry);
    }
    // An arena's memory is of no one type, and no type may be claimed for it.
    if truth == "mixed" {
        return name.contains(" bytes]");
    }
    truth == name
        || is_array_of(truth, name)
        // An `Arc<str>` is made as one of bytes.
        || (truth == "alloc::sync::Arc<str>" && matches!(name, "alloc::sync::Arc<[u8]>" | "alloc::sync::Arc<u8>"))
        || (truth == "alloc::rc::Rc<str>" && matches!(name, "alloc::rc::Rc<[u8]>" | "alloc::rc::Rc<u8>"))
        // Debug information writes closures' traits with their generics, and defaults of constants.
        || (truth.contains("dyn core::ops::function::Fn(") && name.contains("dyn core::ops::function::Fn<("))
        || truth.replace(" = ", "=") == name
        || truth.replace("<'_, ", "<") == name
        || truth.replace("bumpalo::Bump]", "bumpalo::Bump<1>]") == name
}

fn score(profile: Profile, content: Content, stacks: bool) -> Score {
    let native = support::dump(&support::build(profile), content, stacks);
    let (dump, summary) = typed(&native);
    assert_eq!(dump.counts().objects, native.dump.counts().objects);
    let names = support::types(&dump);
    let references = support::references(&dump);
    let unnamed = support::unnamed(&dump).into_iter();
    let truths = &native.truths;
    let addresses = support::addresses(&dump);
    let of_typed = |pair: &&(Address, Address)| !names[&pair.0].0.contains(" bytes]");
    let is_stale = |pair: &&(Address, Address)| truths.stale.contains(pair);
    let mut score = Score {
        labelled: percent(
            summary.labelled as usize,
            (summary.labelled + summary.conservative) as usize,
        ),
        unnamed: unnamed
            .filter(|source| {
                let address = &addresses[source.index()];
                truths.types.contains_key(address) && !names[address].0.contains(" bytes]")
            })
            .count(),
        stale: (
            percent(truths.stale.len(), truths.references),
            percent(
                references.iter().filter(of_typed).filter(is_stale).count(),
                references.iter().filter(of_typed).count(),
            ),
        ),
        ..Score::default()
    };
    let mut roots = support::held_by(&dump, holders(content));
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

const ALL: [Content; 3] = [Content::Heap, Content::Zoo, Content::Service];

/// All are told before any is judged.
fn scores(profiles: &[Profile], stacks: bool) -> Vec<(Content, Score)> {
    let pairs = profiles
        .iter()
        .flat_map(|&profile| ALL.map(|content| (profile, content)));
    pairs
        .filter(|(profile, content)| profile.has_service || *content != Content::Service)
        .map(|(profile, content)| (content, score(profile, content, stacks)))
        .collect()
}

#[test]
fn names_are_spelled_alike() {
    for (name, spelling) in [
        (
            "a::walk::{async_fn_env#0}<u8, Vec<u8>>",
            "a::walk<u8, Vec<u8>>::{{closure}}",
        ),
        (
            "Cell<a::{async_block_env#12}, Box<(dyn a::Run<Output=(u8, u8)> + Send)>>",
            "Cell<a::{{closure}}, Box<dyn a::Run<Output=(u8, u8)> + Send>>",
        ),
        ("(u8, fn(u8) -> u8)", "(u8, fn(u8) -> u8)"),
    ] {
        assert_eq!(spelled(name), spelling);
    }
    assert!(agree("[u8]", "[u8; 3]") && !agree("[u8]", "[u16; 3]") && !agree("[u8]", "u8"));
}

#[test]
fn full_debug_information_tells_nearly_all_types_of_optimised_programs() {
    for (_, score) in scores(&[RELEASE, FAT], true) {
        score.assert_full();
    }
}

#[test]
fn a_program_that_is_not_optimised_tells_its_types() {
    for (_, score) in scores(&[DEV], true) {
        score.assert_full();
    }
}

#[test]
fn without_frame_pointers_fields_tell_what_stacks_do_not() {
    for (_, score) in scores(&[BARE], true) {
        assert!(score.of_blocks(score.right) >= 99.5);
        assert!(score.of_blocks(score.wrong) <= 0.1);
    }
}

#[test]
fn without_stacks_types_spread_from_static_variables() {
    for (_, score) in scores(&[RELEASE], false) {
        assert!(score.right.blocks >= 900);
        assert!(score.of_blocks(score.right) >= 98.0);
        assert!(score.of_blocks(score.wrong) <= 0.1);
        assert!(percent(score.lost, score.right.blocks) <= 0.01);
    }
}

/// By hand: its libraries take too long to compile for every profile.
#[test]
#[ignore = "compiles for minutes"]
fn the_service_in_the_other_profiles() {
    let with_service = |profile| Profile {
        has_service: true,
        ..profile
    };
    score(with_service(FAT), Content::Service, true).assert_full();
    let bare = score(with_service(BARE), Content::Service, true);
    assert!(bare.of_blocks(bare.right) >= 99.5);
    assert!(bare.of_blocks(bare.wrong) <= 0.1);
    let lines = score(with_service(LINES), Content::Service, true);
    // Where texts of JSON are made, code of several functions is one, and says no more than that they are bytes.
    assert!(lines.of_blocks(lines.right) >= 85.0);
}

#[test]
fn line_tables_alone_tell_names() {
    for (_, score) in scores(&[LINES], true) {
        assert!(score.of_blocks(score.right) >= 98.0);
        // Where LLVM merged two generic functions of the program, their names alone do not tell which one it was.
        assert!(score.of_blocks(score.wrong) <= 1.0);
    }
}
