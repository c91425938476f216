//! `load PORT REQUESTS`: sends so many orders over eight connections, and waits for each answer.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

const CONNECTIONS: u32 = 8;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || -> u32 {
        arguments
            .next()
            .and_then(|text| text.parse().ok())
            .expect("PORT REQUESTS")
    };
    let (port, requests) = (next(), next());
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || client(port, connection, requests / CONNECTIONS));
        }
    });
}

fn client(port: u32, connection: u32, requests: u32) {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("the service");
    stream.set_nodelay(true).expect("a socket");
    let mut answers = BufReader::new(stream.try_clone().expect("a socket"));
    for request in 0..requests {
        let order = order(connection, request);
        let head = format!(
            "POST /orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            order.len()
        );
        stream
            .write_all((head + &order).as_bytes())
            .expect("the service listens");
        answer(&mut answers);
    }
}

/// Reads an answer to its end.
fn answer(answers: &mut impl BufRead) {
    let mut length = 0;
    let mut line = String::new();
    for number in 0.. {
        line.clear();
        answers.read_line(&mut line).expect("an answer");
        assert!(number > 0 || line.contains(" 200 "), "{line}");
        if line == "\r\n" {
            break;
        }
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().expect("a length");
        }
    }
    answers
        .read_exact(&mut vec![0; length])
        .expect("a whole answer");
}

/// Some 1.5 kB, a hundred allocations for a reader.
fn order(connection: u32, request: u32) -> String {
    let items: Vec<String> = (0..15)
        .map(|item| {
            format!(r#"{{"name":"item {item} of {request}","tags":["red","round","number {item}"],"price":{},"count":{}}}"#, request % 1000, item + 1)
        })
        .collect();
    format!(
        r#"{{"customer":"customer {connection}","items":[{}],"notes":{{"by":"hand {request}","to":"the door","at":"noon"}}}}"#,
        items.join(",")
    )
}
