//! The explorer answers what the commands answer, to who has the token.

#![allow(missing_docs)]

mod support;

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use memdump_analyzer::progress::Silent;
use memdump_analyzer::ui::{Explorer, Stages, Token, router};
use memdump_format::Dump;
use serde_json::{Value, json};
use support::{Heap, busy_service, memdump, service};
use tower::ServiceExt;

/// An explorer over dumps in a directory, and the commands beside it.
struct Served {
    directory: tempfile::TempDir,
    router: Router,
    token: String,
}

impl Served {
    fn of(heaps: &[(&str, Heap)]) -> Served {
        let directory = tempfile::tempdir().expect("a directory");
        let dumps: Vec<Dump> = heaps
            .iter()
            .map(|(name, heap)| {
                let path = heap.write(&directory.path().join(name));
                let dump = Dump::open(&path).expect("a whole dump");
                // As somebody would name it who stands in the directory.
                dump.called(Path::new(name))
            })
            .collect();
        let stages = Arc::new(Stages::new(Arc::new(Silent)));
        let explorer = Explorer::new(dumps, stages).expect("metadata");
        let token = Token::new().expect("random numbers");
        Served {
            directory,
            token: token.text().to_owned(),
            router: router(Arc::new(explorer), token),
        }
    }

    fn leaking() -> Served {
        Served::of(&[("a.dump", service(3)), ("b.dump", service(5))])
    }

    fn send(&self, request: Request<Body>) -> (StatusCode, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let response = self
                .router
                .clone()
                .oneshot(request)
                .await
                .expect("answered");
            let status = response.status();
            let body = to_bytes(response.into_body(), usize::MAX).await;
            (status, body.expect("a body").to_vec())
        })
    }

    fn request(&self, path: &str) -> axum::http::request::Builder {
        Request::builder()
            .uri(path)
            .header("host", "127.0.0.1:8000")
            .header("authorization", format!("Bearer {}", self.token))
    }

    fn told(&self, path: &str) -> (u16, Value) {
        let request = self.request(path).body(Body::empty()).expect("a request");
        let (status, body) = self.send(request);
        (
            status.as_u16(),
            serde_json::from_slice(&body).expect("JSON"),
        )
    }

    fn answer(&self, path: &str) -> Value {
        let (status, answer) = self.told(path);
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn sql(&self, sql: &str) -> (u16, Value) {
        let request = self
            .request("/api/sql")
            .method("POST")
            .header("content-type", "application/json")
            .body(Body::from(json!({ "sql": sql }).to_string()))
            .expect("a request");
        let (status, body) = self.send(request);
        (
            status.as_u16(),
            serde_json::from_slice(&body).expect("JSON"),
        )
    }

    fn command(&self, arguments: &[&str]) -> Value {
        let ran = memdump(self.directory.path(), &[arguments, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).expect("JSON")
    }
}

/// The answer without what only the explorer tells.
fn without(mut answer: Value, fields: &[&str]) -> Value {
    for field in fields {
        assert!(
            answer
                .as_object_mut()
                .expect("an object")
                .remove(*field)
                .is_some(),
            "{field}"
        );
    }
    answer
}

#[test]
fn views_are_what_the_commands_give() {
    let served = Served::leaking();
    for (path, arguments, more) in [
        ("/api/info", &["info", "a.dump", "b.dump"][..], &[][..]),
        ("/api/diff", &["diff", "a.dump", "b.dump"], &["matching"]),
        (
            "/api/diff?sort=name",
            &["diff", "a.dump", "b.dump", "--sort", "name"],
            &["matching"],
        ),
        (
            "/api/diff?before=2&after=1",
            &["diff", "b.dump", "a.dump"],
            &["matching"],
        ),
        (
            "/api/top?sort=count",
            &["top", "b.dump", "--retained", "--sort", "count"],
            &["matching"],
        ),
        (
            "/api/top?dump=1&sort=retained",
            &["top", "a.dump", "--sort", "retained"],
            &["matching"],
        ),
        (
            "/api/instances",
            &["top", "b.dump", "--objects"],
            &["identity"],
        ),
        (
            "/api/instances?type=SomeRef",
            &["top", "b.dump", "--objects", "--type", "SomeRef"],
            &["identity"],
        ),
        (
            "/api/chain?type=SomeRef&before=1",
            &["chain", "a.dump", "b.dump", "--type", "SomeRef"],
            &[],
        ),
        (
            "/api/chain?type=SomeRef",
            &["chain", "b.dump", "--type", "SomeRef"],
            &[],
        ),
        (
            "/api/chain?type=Request&from=frame",
            &["chain", "b.dump", "--type", "Request", "--from", "frame"],
            &[],
        ),
        (
            "/api/chain?type=SomeRef&avoid=tuple,list",
            &[
                "chain", "b.dump", "--type", "SomeRef", "--avoid", "list", "--avoid", "tuple",
            ],
            &[],
        ),
        (
            "/api/chain?type=SomeRef&max_depth=1",
            &["chain", "b.dump", "--type", "SomeRef", "--max-depth", "1"],
            &[],
        ),
        (
            "/api/show?address=0x1300",
            &["show", "b.dump", "0x1300"],
            &[],
        ),
        (
            "/api/show?address=0x2000&dump=1",
            &["show", "a.dump", "0x2000"],
            &[],
        ),
        (
            "/api/suspects",
            &["suspects", "a.dump", "b.dump"],
            &["words"],
        ),
        ("/api/schema", &["sql", "--schema"], &[]),
    ] {
        assert_eq!(
            without(served.answer(path), more),
            served.command(arguments),
            "{path}"
        );
    }
}

#[test]
fn a_series_is_what_the_command_gives() {
    let heaps: Vec<(String, Heap)> = (1..=5)
        .map(|minutes| (format!("{minutes}.dump"), busy_service(minutes)))
        .collect();
    let heaps: Vec<(&str, Heap)> = heaps
        .iter()
        .map(|(name, heap)| (&**name, heap.clone()))
        .collect();
    let served = Served::of(&heaps);
    let names: Vec<&str> = heaps.iter().map(|(name, _)| *name).collect();
    let command = [&["diff"], &names[..], &["--sort", "bytes"]].concat();
    assert_eq!(
        without(served.answer("/api/series?sort=bytes"), &["matching"]),
        served.command(&command)
    );
    let command = [&["suspects"], &names[..]].concat();
    assert_eq!(
        without(served.answer("/api/suspects"), &["words"]),
        served.command(&command)
    );
}

#[test]
fn every_object_is_shown_as_by_the_command() {
    let served = Served::leaking();
    let objects = served.answer("/api/instances?limit=1000");
    let objects = objects["objects"].as_array().expect("a list");
    assert!(objects.len() >= 10);
    for object in objects {
        let address = object["address"].as_str().expect("an address");
        let shown = served.answer(&format!("/api/show?address={address}"));
        assert_eq!(
            shown,
            served.command(&["show", "b.dump", address]),
            "{address}"
        );
    }
}

#[test]
fn lists_come_in_pages() {
    let served = Served::leaking();
    let all = served.answer("/api/instances?type=SomeRef&limit=100");
    assert_eq!(all["total"], 5);
    let second = served.answer("/api/instances?type=SomeRef&offset=2&limit=2");
    assert_eq!(second["total"], 5);
    assert_eq!(
        second["objects"].as_array(),
        Some(&all["objects"].as_array().expect("a list")[2..4].to_vec())
    );
    let list = served.answer("/api/show?address=0x1300");
    let third = served.answer("/api/neighbours?address=0x1300&side=references&offset=2&limit=1");
    assert_eq!(third["total"], list["references"]["total"]);
    assert_eq!(third["listed"][0], list["references"]["listed"][2]);
    let none = served.answer("/api/neighbours?address=0x1300&side=referrers&offset=9");
    assert_eq!(none["listed"], json!([]));
}

#[test]
fn new_objects_are_those_of_the_command() {
    let served = Served::leaking();
    let new = served.answer("/api/instances?type=SomeRef&before=1");
    let command = served.command(&["new", "a.dump", "b.dump", "--type", "SomeRef"]);
    let addresses = |answer: &Value| -> Vec<String> {
        let objects = answer["objects"].as_array().expect("a list").iter();
        let mut all: Vec<String> = objects
            .map(|object| object["address"].to_string())
            .collect();
        all.sort();
        all
    };
    assert_eq!(addresses(&new), addresses(&command));
    assert_eq!(new["identity"], command["identity"]);
    assert_eq!(new["total"], 2);
}

#[test]
fn chains_are_drawn() {
    let served = Served::leaking();
    let request = served.request("/api/picture?type=SomeRef&before=1");
    let (status, picture) = served.send(request.body(Body::empty()).expect("a request"));
    let picture = String::from_utf8(picture).expect("text");
    assert_eq!(status, 200, "{picture}");
    assert!(
        picture.starts_with("<svg") || picture.starts_with("<?xml"),
        "{picture}"
    );
    assert!(picture.contains("SomeRef"));
}

#[test]
fn what_an_object_dominates_is_listed() {
    let served = Served::leaking();
    let below = served.answer("/api/dominated?address=0x1300&limit=1000");
    let objects = below["objects"].as_array().expect("a list");
    assert_eq!(below["total"], objects.len());
    assert!(!objects.is_empty());
    for object in objects {
        assert_eq!(object["dominator"]["address"], "0x1300");
    }
    let top = served.answer("/api/dominated?limit=1000");
    assert!(
        top["objects"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|object| object["dominator"].is_null())
    );
}

#[test]
fn what_is_not_there_is_refused_in_the_commands_words() {
    let served = Served::leaking();
    for (path, status, words) in [
        ("/api/show?address=0x77", 404, "no object begins at 0x77"),
        ("/api/show?address=x", 400, "`x` is no address"),
        ("/api/show", 400, "address"),
        (
            "/api/chain?type=SomeRex",
            404,
            "did you mean app.models.SomeRef",
        ),
        ("/api/chain?type=", 400, "must not be empty"),
        ("/api/top?dump=3", 404, "there is no dump 3"),
        ("/api/top?dump=0", 404, "there is no dump 0"),
        ("/api/top?sort=colour", 400, "colour"),
        ("/api/nothing", 404, "no such view"),
    ] {
        let (found, answer) = served.told(path);
        let error = answer["error"].as_str().expect("an error");
        assert_eq!(found, status, "{path}: {error}");
        assert!(error.contains(words), "{path}: {error}");
    }
}

#[test]
fn dumps_of_other_processes_have_no_new_objects() {
    let other = service(5).metadata("pid", "99");
    let served = Served::of(&[("a.dump", service(3)), ("b.dump", other)]);
    assert_eq!(
        served.answer("/api/diff")["identity"]["kind"],
        "unavailable"
    );
    let (status, answer) = served.told("/api/instances?type=SomeRef&before=1");
    assert_eq!(status, 400, "{answer}");
}

#[test]
fn a_query_gives_rows() {
    let served = Served::leaking();
    let (status, answer) = served
        .sql("SELECT id, address, type_name, NULL AS n FROM instance WHERE dump = 1 AND id = 0");
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        answer["columns"][1],
        json!({"name": "address", "is_address": true})
    );
    assert_eq!(answer["rows"], json!([[0, "0x1000", "module", null]]));
    assert_eq!(answer["cut"], false);
    let (_, many) = served.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n",
    );
    assert_eq!(many["rows"].as_array().map(Vec::len), Some(1000));
    assert_eq!(many["cut"], true);
}

#[test]
fn a_query_may_only_read() {
    let served = Served::leaking();
    let file = served.directory.path().join("made.db");
    for sql in [
        "CREATE TABLE t(x)".to_owned(),
        "CREATE TEMP TABLE t(x)".to_owned(),
        "DROP VIEW growth".to_owned(),
        "DELETE FROM dump".to_owned(),
        "PRAGMA query_only = 0".to_owned(),
        "PRAGMA hard_heap_limit = 1".to_owned(),
        format!("ATTACH '{}' AS other", file.display()),
        format!("VACUUM INTO '{}'", file.display()),
        "BEGIN".to_owned(),
        "SELECT load_extension('x')".to_owned(),
        "SELECT zeroblob(1 << 30)".to_owned(),
    ] {
        let (status, answer) = served.sql(&sql);
        assert_eq!(status, 400, "{sql}: {answer}");
    }
    assert!(!file.exists());
    let (status, answer) = served.sql("SELECT nothing FROM instance");
    assert_eq!(status, 400);
    assert!(
        answer["error"]
            .as_str()
            .expect("an error")
            .contains("nothing")
    );
}

#[test]
fn nothing_is_told_without_the_token() {
    let served = Served::leaking();
    let ask = |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (status, _) = served.send(request.body(Body::empty()).expect("a request"));
        status.as_u16()
    };
    let host = ("host", "127.0.0.1:8000");
    let token = format!("Bearer {}", served.token);
    let token = ("authorization", &*token);
    for path in [
        "/api/info",
        "/api/progress",
        "/api/nothing",
        "/api/show?address=0x1000",
    ] {
        assert_eq!(ask(path, &[host]), 401, "{path}");
        assert_eq!(ask(path, &[("host", "evil.example"), token]), 403, "{path}");
        assert_eq!(
            ask(path, &[host, token, ("origin", "http://evil.example")]),
            403,
            "{path}"
        );
    }
    assert_eq!(ask("/api/info", &[host, token]), 200);
    assert_eq!(ask("/", &[host]), 200);
    assert_eq!(ask("/", &[("host", "evil.example")]), 403);
}

#[test]
fn the_page_is_whole_and_takes_nothing_from_elsewhere() {
    let served = Served::leaking();
    let get = |path: &str| {
        let request = served.request(path).body(Body::empty()).expect("a request");
        let (status, body) = served.send(request);
        assert_eq!(status, 200, "{path}");
        String::from_utf8(body).expect("text")
    };
    let page = get("/");
    let named: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(named.len() > 10);
    for name in named {
        assert!(!name.contains(':') && !name.starts_with('/'), "{name}");
        get(&format!("/{name}"));
    }
    assert!(!page.contains("<script>") && !page.contains(" style="));
}

#[test]
fn every_response_tells_the_browser_the_rules() {
    let served = Served::leaking();
    for path in ["/", "/explorer.js", "/api/info", "/api/nothing"] {
        let request = served.request(path).body(Body::empty()).expect("a request");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let response = runtime
            .block_on(served.router.clone().oneshot(request))
            .expect("answered");
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert!(
            header("content-security-policy").starts_with("default-src 'self'"),
            "{path}"
        );
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin"),
            "{path}"
        );
    }
}

#[test]
fn one_dump_is_enough_and_an_empty_one_too() {
    for heap in [service(3), Heap::of_process(1)] {
        let served = Served::of(&[("a.dump", heap)]);
        for path in [
            "/api/info",
            "/api/top",
            "/api/instances",
            "/api/dominated",
            "/api/suspects",
            "/api/map",
            "/api/threads",
        ] {
            served.answer(path);
        }
    }
}

#[test]
fn names_stay_what_they_are() {
    let hostile = "<img src=x onerror=alert(1)>\u{202e}</script>";
    let heap = Heap::of_process(1)
        .module(0x1000, "app")
        .object(0x2000, hostile, 80)
        .refers(0x1000, 0x2000, ".x");
    let served = Served::of(&[("a.dump", heap)]);
    let shown = served.answer("/api/show?address=0x2000");
    assert_eq!(
        shown["type"],
        "<img src=x onerror=alert(1)>\\u{202e}</script>"
    );
}
