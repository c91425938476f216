//! A picture as text for Graphviz, for those who have it and want it their own way.

use std::fmt::Write as _;

use super::text::drawable;
use super::{NodeKind, Picture};

/// The picture in the language `dot`, names uncut.
pub fn dot(picture: &Picture) -> String {
    let mut text = String::from("digraph memdump {\n");
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Memory takes every text.
        let _ = writeln!(text, "  {line};");
    };
    line(format_args!("rankdir=LR"));
    line(format_args!("labelloc=t"));
    let captions: Vec<String> = std::iter::once(&picture.headline)
        .chain(&picture.notes)
        .map(|text| quoted(text))
        .collect();
    line(format_args!("label=\"{}\"", captions.join("\\n")));
    line(format_args!(
        "node [shape=box, style=\"rounded,filled\", fillcolor=\"#f6f8fa\", color=\"#8c959f\", fontname=\"monospace\"]"
    ));
    line(format_args!(
        "edge [color=\"#6e7781\", fontname=\"monospace\"]"
    ));
    for (number, node) in picture.nodes.iter().enumerate() {
        let lines: Vec<String> = node.lines.iter().map(|line| quoted(&line.text)).collect();
        let style = match node.kind {
            NodeKind::Root => ", fillcolor=\"#ddf4ff\", color=\"#0969da\"",
            NodeKind::Object => "",
            NodeKind::Target => ", fillcolor=\"#fff1e5\", color=\"#bc4c00\"",
            NodeKind::More => ", style=\"rounded,dashed\"",
        };
        let tooltip: Vec<String> = node.tooltip.lines().map(quoted).collect();
        line(format_args!(
            "n{number} [label=\"{}\", tooltip=\"{}\"{style}]",
            lines.join("\\n"),
            tooltip.join("\\n")
        ));
    }
    for edge in &picture.edges {
        let style = if edge.strong { "" } else { ", style=dashed" };
        line(format_args!(
            "n{} -> n{} [label=\"{}\"{style}]",
            edge.from.0,
            edge.to.0,
            quoted(&edge.label)
        ));
    }
    text + "}\n"
}

/// As it stands between quotation marks: dot has escapes of its own, which names must not set off.
fn quoted(text: &str) -> String {
    drawable(text).replace('\\', "\\\\").replace('"', "\\\"")
}
