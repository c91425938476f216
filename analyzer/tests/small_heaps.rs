//! Small heaps as people draw them, with the answers that they can check by hand: of every object its distance, what it
//! was reached from, its dominator and its retained bytes; and of types with several objects what they retain together.
//!
//! A line draws an object: its name, `:` and its type if others have it too, its size, `held` by a module or by `native`
//! code, and what it refers to, strongly (`->`) or weakly (`~>`). Sizes are powers of two, so a sum tells what is in it.

#![allow(missing_docs)]

mod support;

use memdump_analyzer::analysis::top::{TopOrder, top_retained};
use memdump_analyzer::graph::{DominatorTree, Graph, Reached, Start, search_everything};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_format::{ObjectId, RootKind};
use support::Heap;

struct Drawn<'t> {
    names: Vec<&'t str>,
    heap: Heap,
}

const FIRST: u64 = 0x1000;
const STEP: u64 = 0x10;

fn draw(text: &str) -> Drawn<'_> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let name = |line| -> &str { split_name(line).0 };
    let names: Vec<&str> = lines().map(name).collect();
    let address = |name: &str| {
        let at = names.iter().position(|&known| known == name);
        FIRST + STEP * at.unwrap_or_else(|| panic!("{name} is not drawn")) as u64
    };
    let mut heap = Heap::of_process(1);
    let mut references = Vec::new();
    for line in lines() {
        let (name, type_name) = split_name(line);
        let mut words = line.split_whitespace().skip(1);
        let size = words.next().and_then(|size| size.parse().ok());
        heap = heap.object(address(name), type_name, size.expect("a size"));
        let mut is_strong = true;
        for word in words {
            match word {
                "held" => heap = heap.root(RootKind::Module, "m", "", address(name)),
                // More than any of these heaps has.
                "native" => heap = heap.counted(99),
                "->" => is_strong = true,
                "~>" => is_strong = false,
                target => references.push((address(name), address(target), is_strong)),
            }
        }
    }
    for (source, target, is_strong) in references {
        heap = if is_strong {
            heap.refers(source, target, "")
        } else {
            heap.refers_weakly(source, target, "")
        };
    }
    Drawn { names, heap }
}

/// `NAME:TYPE`; who has no type has one of its own.
fn split_name(line: &str) -> (&str, &str) {
    let word = line.split_whitespace().next().unwrap_or("");
    word.split_once(':').unwrap_or((word, word))
}

/// A line for each object and for each type that several have.
fn answers(drawn: &Drawn<'_>) -> Vec<String> {
    let snapshot = Snapshot::load(drawn.heap.dump(), &Silent).expect("a snapshot");
    let graph = Graph::build(&snapshot, &Silent).expect("a graph");
    let search = search_everything(&snapshot, &graph, &Silent).expect("an answer");
    let tree = DominatorTree::new(&snapshot, &graph, &Silent).expect("an answer");
    let name = |id: ObjectId| drawn.names[id.index()];
    let row = |id: ObjectId| {
        let from = match search.reached(id) {
            Reached::Not => "nothing",
            Reached::Held(Start::Root) => "root",
            Reached::Held(Start::Native) => "native",
            Reached::Held(Start::Garbage) => "garbage",
            Reached::From(parent) => name(parent),
        };
        format!(
            "{} {} from {from}, dominator {}, retains {}",
            name(id),
            search.distance(id).expect("everything is reached"),
            tree.dominator(id).map_or("none", name),
            tree.retained(id)
        )
    };
    let mut rows: Vec<String> = snapshot.ids().map(row).collect();
    let top = top_retained(&snapshot, TopOrder::Bytes, &Silent).expect("an answer");
    let mut types: Vec<String> = top
        .types
        .iter()
        .filter(|row| row.count > 1)
        .map(|row| format!("{} retains {}", row.type_name, row.retained.expect("asked")))
        .collect();
    types.sort();
    rows.extend(types);
    rows
}

macro_rules! small_heaps {
    ($($name:ident: $heap:literal gives $answers:literal)+) => {$(
        #[test]
        fn $name() {
            let expected: Vec<&str> = $answers.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            assert_eq!(answers(&draw($heap)), expected);
        }
    )+};
}

small_heaps! {
    a_chain: "
        A 1 held -> B
        B 2      -> C
        C 4
    " gives "
        A 0 from root, dominator none, retains 7
        B 1 from A, dominator A, retains 6
        C 2 from B, dominator B, retains 4
    "

    // Neither B nor C keeps D alive alone, A does.
    a_diamond: "
        A 1 held -> B C
        B 2      -> D
        C 4      -> D
        D 8      -> E
        E 16
    " gives "
        A 0 from root, dominator none, retains 31
        B 1 from A, dominator A, retains 2
        C 1 from A, dominator A, retains 4
        D 2 from B, dominator A, retains 24
        E 3 from D, dominator D, retains 16
    "

    what_two_roots_share_has_no_dominator: "
        A 1 held -> C
        B 2 held -> C
        C 4      -> D
        D 8
    " gives "
        A 0 from root, dominator none, retains 1
        B 0 from root, dominator none, retains 2
        C 1 from A, dominator none, retains 12
        D 2 from C, dominator C, retains 8
    "

    a_root_within_a_chain_cuts_it: "
        A 1 held -> B
        B 2 held -> C
        C 4
    " gives "
        A 0 from root, dominator none, retains 1
        B 0 from root, dominator none, retains 6
        C 1 from B, dominator B, retains 4
    "

    // The chain to D leads through B; without B it would be longer, and D still there.
    the_shortest_chain_is_not_the_only_one: "
        A 1 held -> B C
        B 2      -> D
        C 4      -> E
        E 8      -> D
        D 16
    " gives "
        A 0 from root, dominator none, retains 31
        B 1 from A, dominator A, retains 2
        C 1 from A, dominator A, retains 12
        E 2 from C, dominator C, retains 8
        D 2 from B, dominator A, retains 16
    "

    a_cycle_that_is_entered_twice: "
        A 1 held -> B C
        B 2      -> C
        C 4      -> B
    " gives "
        A 0 from root, dominator none, retains 7
        B 1 from A, dominator A, retains 2
        C 1 from A, dominator A, retains 4
    "

    a_reference_to_itself_and_two_to_one_object_are_nothing_special: "
        A 1 held -> A B B
        B 2      -> B C C
        C 4
    " gives "
        A 0 from root, dominator none, retains 7
        B 1 from A, dominator A, retains 6
        C 2 from B, dominator B, retains 4
    "

    // Each node retains those behind it; all nodes together retain the value once.
    a_list_linked_both_ways: "
        A 1 held    -> N1
        N1:Node 2   -> N2
        N2:Node 4   -> N1 N3
        N3:Node 8   -> N2 V
        V 16
    " gives "
        A 0 from root, dominator none, retains 31
        N1 1 from A, dominator A, retains 30
        N2 2 from N1, dominator N1, retains 28
        N3 3 from N2, dominator N2, retains 24
        V 4 from N3, dominator N3, retains 16
        Node retains 30
    "

    // No T alone retains S, both together do; but L is held by A, too.
    what_two_of_a_type_share_is_retained_by_the_type: "
        A 1 held -> T1 T2 L
        T1:T 2   -> S
        T2:T 4   -> S
        S 8      -> L
        L 16
    " gives "
        A 0 from root, dominator none, retains 31
        T1 1 from A, dominator A, retains 2
        T2 1 from A, dominator A, retains 4
        S 2 from T1, dominator A, retains 8
        L 1 from A, dominator A, retains 16
        T retains 14
    "

    a_weak_reference_keeps_nothing_alive: "
        A 1 held -> B ~> C
        B 2      -> C
        C 4
    " gives "
        A 0 from root, dominator none, retains 7
        B 1 from A, dominator A, retains 6
        C 2 from B, dominator B, retains 4
    "

    // B is one step from native code, but the chain from the module is the one that tells something.
    native_code_comes_after_the_roots: "
        A 1 held   -> C
        C 2        -> B
        N 4 native -> B D
        B 8
        D 16
    " gives "
        A 0 from root, dominator none, retains 3
        C 1 from A, dominator A, retains 2
        N 0 from native, dominator none, retains 20
        B 2 from C, dominator none, retains 8
        D 1 from N, dominator N, retains 16
    "

    // X and Y hold each other and nothing holds them; that X refers to B takes nothing away from A.
    garbage_takes_nothing_from_what_is_alive: "
        A 1 held -> B
        B 2
        X 4      -> Y B
        Y 8      -> X Z
        Z 16
    " gives "
        A 0 from root, dominator none, retains 3
        B 1 from A, dominator A, retains 2
        X 0 from garbage, dominator none, retains 28
        Y 1 from X, dominator X, retains 24
        Z 2 from Y, dominator Y, retains 16
    "

    // D is as far from X as from Y and has a lower parent there, but Y begins only when X has taken all that it reaches.
    garbage_that_was_reached_stays_where_it_is: "
        X 1      -> P
        Y 2      -> O
        O 4      -> D
        P 8      -> D
        D 16
    " gives "
        X 0 from garbage, dominator none, retains 9
        Y 0 from garbage, dominator none, retains 6
        O 1 from Y, dominator Y, retains 4
        P 1 from X, dominator X, retains 8
        D 2 from P, dominator none, retains 16
    "

    // The first by number begins; what it does not reach begins anew.
    garbage_begins_at_its_first_object: "
        X 1      -> Z
        Y 2      -> Z
        Z 4
    " gives "
        X 0 from garbage, dominator none, retains 1
        Y 0 from garbage, dominator none, retains 2
        Z 1 from X, dominator none, retains 4
    "

    an_empty_heap_has_no_rows: "" gives ""
}
