//! Pictures of chains and neighbourhoods: what is in them, that nothing overlaps, and that no name can do harm.

#![allow(missing_docs)]

mod support;

use memdump_analyzer::analysis::chain::{ChainQuestion, Explained, explain_all};
use memdump_analyzer::analysis::neighbourhood::neighbourhood;
use memdump_analyzer::graph::RootFilter;
use memdump_analyzer::picture::layout::{Area, Placed, place};
use memdump_analyzer::picture::{
    Bounds, Edge, Line, Node, NodeId, NodeKind, Picture, dot, fitted, of_chains, of_object, png,
    svg,
};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::snapshot::Snapshot;
use memdump_format::{Address, RootKind};
use proptest::prelude::*;
use support::{Heap, memdump, service};

const BOUNDS: Bounds = Bounds {
    nodes: 40,
    pixels: 1600,
};

fn explained(heap: &Heap, pattern: &str) -> Explained {
    let snapshot = Snapshot::load(heap.dump(), &Silent).expect("a snapshot");
    let question = ChainQuestion {
        pattern: pattern.parse().expect("a pattern"),
        from: RootFilter::Any,
        avoid: Vec::new(),
        max_depth: None,
        limit: Some(20),
    };
    explain_all(&snapshot, &question, &Silent).expect("an answer")
}

fn drawn(heap: &Heap, pattern: &str) -> (Picture, Placed) {
    let explained = explained(heap, pattern);
    fitted(BOUNDS, |nodes| of_chains::picture(&explained, nodes))
}

fn around(heap: &Heap, address: u64, depth: u32) -> (Picture, Placed) {
    let snapshot = Snapshot::load(heap.dump(), &Silent).expect("a snapshot");
    let found = neighbourhood(&snapshot, Address(address), depth, &Silent).expect("an answer");
    fitted(BOUNDS, |nodes| of_object::picture(&found, nodes))
}

/// Boxes and arrows in words, as the picture has them.
fn told(picture: &Picture) -> String {
    let name = |number: usize| {
        let node = &picture.nodes[number];
        let lines: Vec<&str> = node.lines.iter().map(|line| &*line.text).collect();
        let mark = match node.kind {
            NodeKind::Root => "(root) ",
            NodeKind::Object => "",
            NodeKind::Target => "(target) ",
            NodeKind::More => "(more) ",
        };
        mark.to_owned() + &lines.join(" | ")
    };
    let mut text = picture.headline.clone() + "\n";
    for note in &picture.notes {
        text += &format!("{note}\n");
    }
    for edge in &picture.edges {
        let (from, to) = (name(edge.from.0), name(edge.to.0));
        text += &format!("{from}  --{}-->  {to}\n", edge.label);
    }
    text
}

fn overlap(a: &Area, b: &Area) -> bool {
    let apart = a.x + a.width <= b.x
        || b.x + b.width <= a.x
        || a.y + a.height <= b.y
        || b.y + b.height <= a.y;
    !apart
}

fn inside(inner: &Area, outer: &Area) -> bool {
    inner.x >= outer.x
        && inner.y >= outer.y
        && inner.x + inner.width <= outer.x + outer.width
        && inner.y + inner.height <= outer.y + outer.height
}

/// Nothing lies upon another thing, every text is where it belongs, and all of it on the picture.
fn assert_readable(placed: &Placed, what: &str) {
    let paper = Area {
        x: 0.0,
        y: 0.0,
        width: placed.width,
        height: placed.height,
    };
    let mut things: Vec<Area> = placed.nodes.iter().map(|node| node.area).collect();
    things.extend(placed.captions.iter().map(|text| text.area));
    let labels = placed.edges.iter().filter_map(|edge| edge.label.as_ref());
    things.extend(labels.map(|label| label.area));
    for (number, thing) in things.iter().enumerate() {
        assert!(inside(thing, &paper), "{what}: {thing:?} leaves {paper:?}");
        for other in &things[number + 1..] {
            assert!(!overlap(thing, other), "{what}: {thing:?} and {other:?}");
        }
    }
    for node in &placed.nodes {
        for (number, line) in node.lines.iter().enumerate() {
            assert!(inside(&line.area, &node.area), "{what}: {line:?}");
            for other in &node.lines[number + 1..] {
                assert!(!overlap(&line.area, &other.area), "{what}: {line:?}");
            }
        }
    }
    for edge in &placed.edges {
        assert!(!edge.route.curves.is_empty(), "{what}: an arrow is missing");
    }
    // No arrow runs through a box, nor through what another one is called.
    let labels = placed.edges.iter().map(|edge| edge.label.as_ref());
    let labels: Vec<Option<Area>> = labels.map(|label| label.map(|label| label.area)).collect();
    for (number, edge) in placed.edges.iter().enumerate() {
        let others = labels
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != number);
        let others = others.filter_map(|(_, label)| label.as_ref());
        let boxes = placed.nodes.iter().map(|node| &node.area);
        let things: Vec<&Area> = boxes.chain(others).collect();
        for (x, y) in edge.route.samples() {
            for thing in &things {
                let is_in = x > thing.x + 0.5
                    && x < thing.x + thing.width - 0.5
                    && y > thing.y + 0.5
                    && y < thing.y + thing.height - 0.5;
                assert!(
                    !is_in,
                    "{what}: arrow {number} at {x}, {y} runs through {thing:?}"
                );
            }
        }
    }
}

/// What is drawn by each kind of leak: the ten of which the pictures are looked at.
fn heaps() -> Vec<(&'static str, Heap, &'static str)> {
    let mut wide = Heap::of_process(1).module(0x1000, "app");
    for group in 0..30 {
        let (holder, leaf) = (0x10_000 + group * 0x100, 0x20_000 + group * 0x100);
        wide = wide
            .object(holder, &format!("app.pool{group}.Pool"), 64)
            .object(leaf, "app.Leaf", 64)
            .refers(0x1000, holder, &format!(".pool_{group}"))
            .refers(holder, leaf, ".leaf");
    }
    let mut long = Heap::of_process(1).module(0x1000, "app.pipeline");
    let mut last = 0x1000;
    for step in 0..60 {
        let next = 0x10_000 + step * 0x100;
        let kind = format!("app.pipeline.Stage{step}");
        long = long
            .object(next, &kind, 64)
            .refers(last, next, &format!(".then_{step}"));
        last = next;
    }
    let long = long
        .object(0x90_000, "app.Leaf", 64)
        .refers(last, 0x90_000, ".leaf");
    let mut list = Heap::of_process(1).module(0x1000, "app.queue");
    let mut last = 0x1000;
    for node in 0..200 {
        let next = 0x10_000 + node * 0x100;
        let label = if node == 0 { ".head" } else { ".next" };
        list = list
            .object(next, "app.queue.Node", 48)
            .refers(last, next, label);
        last = next;
    }
    let mut mutual = Heap::of_process(1).module(0x1000, "app.tree");
    let mut last = 0x1000;
    for level in 0..40 {
        let (node, children) = (0x10_000 + level * 0x1000, 0x10_800 + level * 0x1000);
        mutual = mutual
            .object(node, "app.tree.Node", 48)
            .object(children, "list", 88)
            .refers(last, node, if level == 0 { ".root" } else { "[0]" })
            .refers(node, children, ".children");
        last = children;
    }
    let unicode = Heap::of_process(1)
        .module(0x1000, "приложение.Größe")
        .object(0x1100, "dict", 64)
        .object(0x1200, "ελληνικά.Κρυφή_μνήμη", 64)
        .object(0x1300, "缓存.对象", 64)
        .refers(0x1000, 0x1100, ".кэш")
        .refers(0x1100, 0x1200, "['naïve café']")
        .refers(0x1200, 0x1300, "['キー']");
    let names = Heap::of_process(1)
        .module(0x1000, &"deeply.nested.package.".repeat(12))
        .object(
            0x1100,
            &format!("app.{}", "VeryLongClassName".repeat(20)),
            64,
        )
        .object(0x1200, "app.Leaf", 64)
        .refers(0x1000, 0x1100, &format!(".{}", "attribute_".repeat(30)))
        .refers(0x1100, 0x1200, ".leaf");
    let mut hub = Heap::of_process(1)
        .module(0x1000, "app.registry")
        .object(0x1100, "dict", 640);
    hub = hub.refers(0x1000, 0x1100, ".by_id");
    for entry in 0..5000 {
        let at = 0x100_000 + entry * 0x40;
        hub = hub
            .object(at, "app.Leaf", 64)
            .refers(0x1100, at, &format!("['{entry}']"));
    }
    let frames = service(3)
        .object(0x9000, "app.models.SomeRef", 48)
        .frame("worker", "run (app/worker.py)", 7, "<local item>", 0x9000)
        .object(0x9100, "app.models.SomeRef", 48);
    let two_ways = Heap::of_process(1)
        .module(0x1000, "app.a")
        .module(0x2000, "app.b")
        .object(0x3000, "app.Leaf", 64)
        .object(0x3100, "app.Leaf", 64)
        .object(0x3200, "app.Leaf", 64)
        .root(RootKind::Native, "libfoo.so", "", 0x3200)
        .refers(0x1000, 0x3000, ".leaf")
        .refers(0x2000, 0x3100, ".leaf");
    vec![
        ("short", service(5), "SomeRef"),
        ("long", long, "Leaf"),
        ("wide", wide, "Leaf"),
        ("cyclic", list, "Node"),
        ("cyclic-by-two", mutual, "Node"),
        ("unicode", unicode, "对象"),
        ("long-names", names, "Leaf"),
        ("hub", hub, "Leaf"),
        ("holders", frames, "SomeRef"),
        ("two-roots", two_ways, "Leaf"),
    ]
}

#[test]
fn nothing_overlaps_and_no_text_leaves_its_box() {
    for (name, heap, pattern) in heaps() {
        let (picture, placed) = drawn(&heap, pattern);
        assert_readable(&placed, name);
        assert!(
            placed.width.max(placed.height) <= 1600.0,
            "{name}: {} x {}",
            placed.width,
            placed.height
        );
        assert!(picture.nodes.len() <= 40, "{name}");
        // To be looked at: PICTURES=directory cargo test -p memdump --test pictures
        if let Some(directory) = std::env::var_os("PICTURES") {
            let text = svg::svg(&picture, &placed, 1600);
            let at = std::path::Path::new(&directory).join(name);
            std::fs::write(
                at.with_extension("png"),
                png::png(&text, &placed).expect("drawn"),
            )
            .expect("written");
            std::fs::write(at.with_extension("svg"), text).expect("written");
        }
    }
}

/// An object to which 20,000 others refer, which a list holds.
fn crowded() -> Heap {
    let mut heap = service(3)
        .object(0x9000, "app.config.Settings", 64)
        .holding("<Settings production>")
        .object(0x9100, "type", 1064)
        .object(0x9200, "dict", 64)
        .refers(0x9000, 0x9100, ".__class__")
        .refers(0x9000, 0x9200, ".options")
        .refers(0x9200, 0x9000, "['self']")
        .refers_weakly(0x9200, 0x1300, "['cache']")
        .object(0x9300, "list", 160_000)
        .root(RootKind::Thread, "profile function", "<profile>", 0x9000);
    for number in 0..20_000 {
        let at = 0x100_000 + number * 0x40;
        let kind = if number % 4 == 0 {
            "app.web.Session"
        } else {
            "app.models.Row"
        };
        heap = heap.object(at, kind, 48).refers(at, 0x9000, ".settings");
        heap = heap.refers(0x9300, at, &format!("[{number}]"));
    }
    heap
}

#[test]
fn what_is_around_an_object_is_drawn_and_the_crowd_is_counted() {
    let (picture, placed) = around(&crowded(), 0x9000, 2);
    assert_readable(&placed, "crowded");
    insta::assert_snapshot!("around", told(&picture));
    let (picture, placed) = around(&crowded(), 0x9300, 3);
    assert_readable(&placed, "list");
    assert!(
        told(&picture).contains("+19,992 more | 14,994 app.models.Row | 4,998 app.web.Session"),
        "{}",
        told(&picture)
    );
    let (picture, _) = around(&service(3), 0x1300, 1);
    insta::assert_snapshot!("around-a-list", told(&picture));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The layout is a library's, and a young one's.
    #[test]
    fn any_graph_can_be_laid_out(
        names in prop::collection::vec("[a-z.]{0,40}", 1..30),
        arrows in prop::collection::vec((0_usize..30, 0_usize..30, "[a-z]{0,30}"), 0..45),
    ) {
        let node = |name: &String| Node {
            kind: NodeKind::Object,
            lines: vec![Line { text: name.clone(), brief: None, strong: true }],
            tooltip: String::new(),
        };
        let mut picture = Picture {
            headline: "any".to_owned(),
            nodes: names.iter().map(node).collect(),
            ..Picture::default()
        };
        for (from, to, label) in arrows {
            let (from, to) = (NodeId(from % names.len()), NodeId(to % names.len()));
            // As pictures are made: two boxes have one arrow each way.
            if !picture.edges.iter().any(|edge| (edge.from, edge.to) == (from, to)) {
                picture.edges.push(Edge { from, to, label, strong: true });
            }
        }
        assert_readable(&place(&picture, 1600.0), "any");
    }
}

#[test]
fn what_chains_have_in_common_is_drawn_once() {
    let (picture, _) = drawn(&service(5), "SomeRef");
    insta::assert_snapshot!(told(&picture));
}

#[test]
fn loops_are_arrows_back() {
    for (name, heap, pattern) in heaps() {
        if name.starts_with("cyclic") {
            insta::assert_snapshot!(name, told(&drawn(&heap, pattern).0));
        }
    }
}

#[test]
fn types_of_rust_are_drawn_without_paths_where_these_have_no_room() {
    let heap = Heap::of_process(1)
        .object(0x1000, ":alloc::sync::Arc<shop::receipts::Receipt>", 72)
        .object(0x1100, ":[shop::receipts::Line]", 72)
        .root(RootKind::Static, "shop::receipts::RECEIPTS", "", 0x1000)
        .refers(0x1000, 0x1100, ".lines");
    let (picture, placed) = around(&heap, 0x1000, 1);
    let text = svg::svg(&picture, &placed, 1600);
    for drawn in [
        ">Arc&lt;Receipt&gt;</text>",
        ">[shop::receipts::Line]</text>",
    ] {
        assert!(text.contains(drawn), "{text}");
    }
    // All of it is told to those who point there, and in the text for Graphviz.
    let full = "alloc::sync::Arc<shop::receipts::Receipt>";
    assert!(text.contains(&full.replace('<', "&lt;").replace('>', "&gt;")));
    assert!(dot::dot(&picture).contains(full));
}

/// The thread is called like its function: each has its place all the same.
#[test]
fn a_frame_is_told_by_its_function_and_its_file() {
    let heap = service(3).object(0x9000, "app.models.Job", 48).frame(
        "run",
        "run (app/worker.py)",
        7,
        "<local job>",
        0x9000,
    );
    let (picture, _) = drawn(&heap, "Job");
    let text = told(&picture);
    assert!(
        text.contains("(root) frame | run | app/worker.py  --<local job>-->"),
        "{text}"
    );
    let (picture, _) = around(&heap, 0x9000, 1);
    let text = told(&picture);
    assert!(
        text.contains("(root) thread run, frame | run | app/worker.py:7  --<local job>-->"),
        "{text}"
    );
}

#[test]
fn what_has_no_room_is_counted() {
    for (name, heap, pattern) in heaps() {
        if ["long", "wide"].contains(&name) {
            let explained = explained(&heap, pattern);
            let picture = of_chains::picture(&explained, 12);
            assert!(picture.nodes.len() <= 13, "{name}: {}", picture.nodes.len());
            insta::assert_snapshot!(format!("folded-{name}"), told(&picture));
        }
    }
}

#[test]
fn every_object_is_drawn_or_counted() {
    let (_, heap, pattern) = heaps().swap_remove(2);
    let explained = explained(&heap, pattern);
    for nodes in [6, 10, 20, 40, 100] {
        let picture = of_chains::picture(&explained, nodes);
        // Each Pool leads to one object; those that are not drawn are in boxes of their own, or in the notes.
        let lines = picture
            .nodes
            .iter()
            .flat_map(|node| &node.lines)
            .map(|line| &*line.text);
        let drawn = lines.clone().filter(|text| *text == "1 object").count();
        let more = lines.filter_map(|text| {
            text.strip_prefix('+')?
                .strip_suffix(" more")?
                .parse::<usize>()
                .ok()
        });
        assert_eq!(
            drawn + more.sum::<usize>(),
            20,
            "{nodes} boxes: {}",
            told(&picture)
        );
        assert!(
            picture
                .notes
                .iter()
                .any(|note| note.contains("10 more shapes of 10 objects"))
        );
    }
}

/// Names that try to leave their place in an SVG file or a terminal.
fn hostile() -> Heap {
    let name =
        "</text></svg><script>alert(1)</script>&lt;&#x3c;\"'\u{1b}]0;x\u{7}\u{202e}\u{ffff}\\";
    Heap::of_process(1)
        .module(0x1000, name)
        .object(0x1100, &format!("app:{name}"), 64)
        .refers(0x1000, 0x1100, &format!(".{name}"))
}

#[test]
fn hostile_names_are_text() {
    let (picture, placed) = drawn(&hostile(), "*");
    let text = svg::svg(&picture, &placed, 1600);
    assert!(!text.contains("<script"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{ffff}']));
    // It is sound XML, and has nothing in it but what pictures have.
    let tree = resvg::usvg::roxmltree::Document::parse(&text).expect("sound XML");
    let known = [
        "svg", "title", "style", "defs", "marker", "path", "rect", "g", "text",
    ];
    for element in tree.descendants().filter(|node| node.is_element()) {
        assert!(known.contains(&element.tag_name().name()), "{element:?}");
    }
    let titles = tree
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "title")));
    assert!(
        titles
            .filter_map(|title| title.text())
            .any(|title| title.contains("<script>alert(1)</script>&lt;"))
    );
    png::png(&text, &placed).expect("drawn");
    // One statement a line, whatever is in the names.
    let dot = dot::dot(&picture);
    let ends = dot.lines().filter(|line| line.ends_with("];")).count();
    assert_eq!(ends, 2 + picture.nodes.len() + picture.edges.len(), "{dot}");
}

#[test]
fn the_same_picture_is_the_same_file() {
    let (_, heap, pattern) = heaps().swap_remove(2);
    let text = |_| {
        let (picture, placed) = drawn(&heap, pattern);
        svg::svg(&picture, &placed, 1600)
    };
    let texts: Vec<String> = (0..4).map(text).collect();
    assert!(texts.iter().all(|text| *text == texts[0]));
}

/// `memdump chain … -o c.svg | head -1`
#[test]
fn the_picture_is_written_whoever_reads_the_text() {
    let directory = tempfile::tempdir().expect("a directory");
    service(5).write(&directory.path().join("b.dump"));
    for arguments in [
        &["chain", "b.dump", "--type", "SomeRef", "-o", "c.svg"][..],
        &["show", "b.dump", "0x1300", "--graph", "o.svg"],
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_memdump"));
        let command = command.current_dir(&directory).args(arguments);
        let mut child = command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("started");
        drop(child.stdout.take());
        child.wait().expect("ended");
    }
    for name in ["c.svg", "o.svg"] {
        let text = std::fs::read_to_string(directory.path().join(name)).expect(name);
        assert!(text.ends_with("</svg>"), "{name}");
    }
}

#[test]
fn the_command_writes_pictures_and_replaces_none() {
    let directory = tempfile::tempdir().expect("a directory");
    service(5).write(&directory.path().join("b.dump"));
    let chain = |more: &[&str]| {
        let arguments = [&["chain", "b.dump", "--type", "SomeRef"], more].concat();
        memdump(directory.path(), &arguments)
    };
    let read = |name: &str| std::fs::read(directory.path().join(name)).expect("a file");
    for (name, begin) in [
        ("c.svg", "<?xml"),
        ("c.PNG", "\u{fffd}PNG"),
        ("c.dot", "digraph"),
    ] {
        let ran = chain(&["-o", name]);
        assert_eq!((ran.code, ran.err), (0, format!("memdump: wrote {name}\n")));
        assert!(ran.out.contains("5 app.models.SomeRef"), "{}", ran.out);
        assert!(
            String::from_utf8_lossy(&read(name)).starts_with(begin),
            "{name}"
        );
    }
    let ran = memdump(
        directory.path(),
        &["show", "b.dump", "0x1300", "--graph", "o.svg"],
    );
    assert_eq!((ran.code, &*ran.err), (0, "memdump: wrote o.svg\n"));
    assert!(String::from_utf8_lossy(&read("o.svg")).contains("up to 2 references away"));
    std::fs::write(directory.path().join("mine.svg"), "mine").expect("written");
    let ran = chain(&["-o", "mine.svg"]);
    assert_eq!(
        (ran.code, &*ran.out, read("mine.svg")),
        (2, "", b"mine".to_vec())
    );
    insta::assert_snapshot!(ran.err);
    assert_eq!(chain(&["-o", "mine.svg", "--force"]).code, 0);
    assert!(read("mine.svg").starts_with(b"<?xml"));
    let ran = chain(&["-o", "chain.pdf"]);
    assert_eq!((ran.code, &*ran.out), (2, ""));
    insta::assert_snapshot!(ran.err);
    // Nothing is left lying about.
    let files = std::fs::read_dir(directory.path())
        .expect("a directory")
        .count();
    assert_eq!(files, 6);
}
