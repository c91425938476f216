//! The report: what is in it, that it is one file whatever the heap, and that no name can do harm.

#![allow(missing_docs)]

mod support;

use memdump_analyzer::progress::Silent;
use memdump_analyzer::report::{gather, page};
use memdump_format::RootKind;
use proptest::prelude::*;
use serde_json::Value;
use support::{Heap, busy_service, memdump, service};

const MOST: usize = 2_000_000;

fn page_of(heaps: &[Heap]) -> String {
    let dumps = heaps.iter().map(Heap::dump).collect();
    let report = gather(dumps, &Silent).expect("a report");
    page(&report, MOST)
}

/// What the page's script is given.
fn data(page: &str) -> Value {
    let (_, rest) = page
        .split_once("<script type=\"application/json\" id=\"data\">")
        .expect("data");
    let (json, _) = rest.split_once("</script>").expect("an end");
    serde_json::from_str(json).expect("JSON")
}

fn series() -> Vec<Heap> {
    [1, 2, 3, 4, 5].map(busy_service).to_vec()
}

#[test]
fn a_series_is_told_by_every_section() {
    let data = data(&page_of(&series()));
    let words = &data["verdict"]["suspects"][0];
    assert_eq!(
        words["sentence"],
        "app.models.SomeRef accumulates in a list"
    );
    assert_eq!(words["confidence"], "certain");
    let grown = &data["series"]["types"][0];
    assert_eq!(grown["type"], "app.models.SomeRef");
    assert_eq!(
        grown["count"]["values"],
        serde_json::json!([2, 4, 6, 8, 10])
    );
    assert!(data["diff"].is_null());
    let chains = &data["chains"][0];
    assert_eq!(chains["explained"]["types"][0], "app.models.SomeRef");
    assert_eq!(chains["explained"]["objects"], 8);
    assert!(
        chains["command"]
            .as_str()
            .is_some_and(|line| line.starts_with("memdump chain --type app.models.SomeRef "))
    );
    assert!(
        chains["picture"]
            .as_str()
            .is_some_and(|svg| svg.starts_with("<svg ") && svg.contains("global_data"))
    );
    assert_eq!(data["top"]["types"][0]["type"], "app.pool.Connection");
    assert_eq!(data["objects"]["total"], data["top"]["objects"]);
    assert_eq!(data["map"]["root"]["retained"], data["top"]["bytes"]);
    assert_eq!(data["threads"]["threads"][0]["name"], "MainThread");
    assert_eq!(data["infos"].as_array().map(Vec::len), Some(5));
    assert!(data["of_dumps"].is_null());
    for section in [
        "verdict", "growth", "map", "types", "objects", "threads", "facts",
    ] {
        let lines = data["commands"][section].as_array().expect(section);
        assert!(
            lines.iter().all(|line| line
                .as_str()
                .is_some_and(|line| line.starts_with("memdump "))),
            "{section}"
        );
        assert!(!lines.is_empty(), "{section}");
    }
}

#[test]
fn two_dumps_tell_what_is_new() {
    let data = data(&page_of(&[busy_service(1), busy_service(2)]));
    let grown = data["diff"]["types"].as_array().expect("types");
    let grown = grown
        .iter()
        .find(|row| row["type"] == "app.models.SomeRef")
        .expect("the leak");
    assert_eq!(
        (&grown["count_growth"], &grown["new"]),
        (&2.into(), &2.into())
    );
    assert_eq!(data["series"]["moments"].as_array().map(Vec::len), Some(2));
}

#[test]
fn one_dump_tells_what_one_can() {
    let data = data(&page_of(&[service(3)]));
    assert!(data["series"].is_null() && data["diff"].is_null());
    assert_eq!(
        data["verdict"]["headline"],
        "one dump: it cannot be told what grows; two or more can"
    );
    let explained = data["chains"].as_array().expect("chains");
    let types: Vec<&Value> = explained
        .iter()
        .map(|chains| &chains["explained"]["types"][0])
        .collect();
    assert!(
        types.contains(&&Value::from("app.models.SomeRef")),
        "{types:?}"
    );
    assert_eq!(data["map"]["root"]["children"][0]["name"], "app.views");
}

#[test]
fn dumps_of_different_processes_are_compared_by_their_counts() {
    let other = busy_service(2).metadata("pid", "8");
    let data = data(&page_of(&[busy_service(1), other]));
    assert!(data["diff"]["types"][0]["new"].is_null());
    // All of them are explained: none is known to be new.
    assert!(data["chains"][0]["explained"]["identity"].is_null());
}

/// Dumps of another process are looked at after those of the last one's: the series is still told in order of time.
#[test]
fn a_process_that_was_started_anew_has_one_series() {
    let earlier = busy_service(1).metadata("pid", "8");
    let data = data(&page_of(&[earlier, busy_service(2), busy_service(3)]));
    let types = data["series"]["types"].as_array().expect("types");
    let leak = types.iter().find(|row| row["type"] == "app.models.SomeRef");
    let values = &leak.expect("the leak")["count"]["values"];
    assert_eq!(*values, serde_json::json!([2, 4, 6]));
}

#[test]
fn of_very_many_dumps_some_are_looked_at_that_are_spread_evenly() {
    let dump = |number: u64| {
        let time = format!("2026-11-22T{:02}:{:02}:00Z", number / 60, number % 60);
        service(number).metadata("time", &time)
    };
    let data = data(&page_of(&(0..298).map(dump).collect::<Vec<Heap>>()));
    let told = |list: &Value| list.as_array().map(Vec::len);
    assert_eq!(data["of_dumps"], 298);
    assert_eq!(told(&data["dumps"]), Some(100));
    assert_eq!(told(&data["series"]["moments"]), Some(100));
    let leak = &data["series"]["types"][0]["count"];
    let values: Vec<u64> = serde_json::from_value(leak["values"].clone()).expect("numbers");
    assert_eq!(values, (0..298).step_by(3).collect::<Vec<u64>>());
    assert_eq!(
        (&leak["growth"], &leak["trend"]),
        (&297.into(), &"steady".into())
    );
}

#[test]
fn a_root_between_those_of_a_frame_makes_no_second_thread() {
    let heap = service(3)
        .root(RootKind::Static, "builtins.frame", "", 0x1200)
        .frame(
            "MainThread",
            "handle (app/views.py)",
            42,
            "<local rows>",
            0x1300,
        );
    let data = data(&page_of(&[heap]));
    let told = data["threads"]["threads"].as_array().expect("threads");
    assert_eq!(told.len(), 1, "{told:?}");
    let variables = told[0]["frames"][0]["variables"].as_array();
    assert_eq!(variables.map(Vec::len), Some(2), "{told:?}");
}

#[test]
fn an_empty_heap_has_a_report() {
    let data = data(&page_of(&[Heap::of_process(1)]));
    assert_eq!(data["top"]["objects"], 0);
    assert_eq!(data["map"]["root"]["children"], serde_json::json!([]));
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let page = page_of(&series());
    // The names of XML's dialects look like addresses and are none.
    let page = page.replace("http://www.w3.org/", "");
    for forbidden in [
        "http://", "https://", "src=\"", "<link", "@import", "url(//",
    ] {
        for (place, _) in page.match_indices(forbidden) {
            // Licences and documentation in comments of libraries.
            let line = page[..place]
                .rsplit(['\n', '>'])
                .next()
                .unwrap_or_default()
                .trim_start();
            assert!(
                line.starts_with('/') || line.starts_with('*'),
                "{}",
                &page[place..][..80]
            );
        }
    }
    assert!(page.contains("default-src 'none'; script-src 'sha256-"));
}

const HOSTILE: [&str; 6] = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "{{script}}{{data}}",
    "\"'`&<>\\",
    "a\u{202e}b\u{0}\u{2028}",
    "]]></style><img src=x onerror=alert(1)>",
];

fn hostile(name: &str) -> Vec<Heap> {
    let dump = |sequence: u64| {
        let mut heap = Heap::of_process(sequence)
            .metadata("time", &format!("2026-11-22T10:{sequence:02}:00Z"))
            .metadata(name, name)
            .metadata("program", name)
            .root(RootKind::Module, name, "", 0x1000)
            .object(0x1000, "module", 72)
            .object(0x2000, "list", 900)
            .refers(0x1000, 0x2000, &format!(".{name}"))
            .frame(name, name, 3, &format!("<local {name}>"), 0x2000)
            .fault(0x1000, name);
        for number in 0..20 * sequence {
            let address = 0x10_000 + number * 0x40;
            heap = heap.object(address, name, 48).holding(name).refers(
                0x2000,
                address,
                &format!("[{number}]"),
            );
        }
        heap
    };
    (1..5).map(dump).collect()
}

#[test]
fn hostile_names_stay_text() {
    let plain = page_of(&hostile("app.Item"));
    let tags = |page: &str| {
        ["<script", "</script", "</style", "<img", "<!--"].map(|tag| page.matches(tag).count())
    };
    for name in HOSTILE {
        let page = page_of(&hostile(name));
        assert_eq!(tags(&page), tags(&plain), "{name:?}");
        let data = data(&page);
        assert!(
            data["top"]["types"]
                .as_array()
                .is_some_and(|types| types.len() >= 3),
            "{name:?}"
        );
    }
}

#[test]
fn a_page_is_small_whatever_the_names() {
    let long = "<ä".repeat(20_000);
    let page = page_of(&hostile(&long));
    assert!(page.len() < MOST, "{}", page.len());
    let data = data(&page);
    assert!(
        data["top"]["types"][0]["type"]
            .as_str()
            .is_some_and(|name| name.chars().count() < 1_000)
    );
}

#[test]
fn a_page_is_small_whatever_the_heap() {
    let dump = |sequence: u64| {
        let heap = Heap::of_process(sequence)
            .metadata("time", &format!("2026-11-22T10:{sequence:02}:00Z"));
        (0..6_000).fold(heap, |heap, number| {
            let name = format!("app.{}.Type{number}", "m".repeat(500));
            (0..=sequence % 2).fold(heap, |heap, n| {
                heap.object(0x1000 + (number * 2 + n) * 0x40, &name, 48)
            })
        })
    };
    let page = page_of(&[dump(1), dump(2), dump(3)]);
    assert!(page.len() < MOST, "{}", page.len());
    let data = data(&page);
    let shown = data["top"]["types"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!(
        shown + data["left_out"]["top"].as_u64().expect("a number"),
        6_000
    );
}

#[test]
fn the_command_replaces_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    for minutes in 1..4 {
        busy_service(minutes).write(&directory.path().join(format!("{minutes}.dump")));
    }
    let written = directory.path().join("report.html");
    let first = memdump(directory.path(), &["report"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(
        first.out.starts_with("wrote report.html, "),
        "{}",
        first.out
    );
    let page = std::fs::read_to_string(&written).expect("a page");
    assert_eq!(
        data(&page)["dumps"],
        serde_json::json!(["1.dump", "2.dump", "3.dump"])
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&written).expect("a file").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&written, "mine").expect("written");
    let refused = memdump(directory.path(), &["report"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("report.html exists"),
        "{}",
        refused.err
    );
    assert_eq!(std::fs::read_to_string(&written).expect("a page"), "mine");
    let forced = memdump(directory.path(), &["report", "1.dump", "--force", "--json"]);
    assert_eq!(forced.code, 0, "{}", forced.err);
    let told: Value = serde_json::from_str(&forced.out).expect("JSON");
    assert_eq!(
        told["bytes"],
        std::fs::metadata(&written).expect("a page").len()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_name_reaches_the_markup(name in "[<>/!&\"'{}a-z\\-\u{202e}\u{7f}é]{1,40}") {
        let page = page_of(&hostile(&name)[..2]);
        let plain = page_of(&hostile("app.Item")[..2]);
        prop_assert_eq!(page.matches("<").count(), plain.matches("<").count());
    }
}
