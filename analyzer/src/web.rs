//! The files of the pages, as `analyzer/web/` has them: the report puts them into one, the explorer serves each.

/// A file of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebFile {
    /// What it is called, `table.js`.
    pub name: &'static str,
    /// What is in it.
    pub text: &'static str,
}

macro_rules! file {
    ($name:literal) => {
        WebFile {
            name: $name,
            text: include_str!(concat!("../web/", $name)),
        }
    };
}

/// The scripts of both pages, in the order in which they are run.
pub const SCRIPTS: [WebFile; 14] = [
    file!("vendor/d3-hierarchy.min.js"),
    file!("vendor/uPlot.iife.min.js"),
    file!("dom.js"),
    file!("numbers.js"),
    file!("table.js"),
    file!("growth-chart.js"),
    file!("growth-table.js"),
    file!("tree-map.js"),
    file!("chain.js"),
    file!("verdict.js"),
    file!("type-table.js"),
    file!("object-table.js"),
    file!("thread-list.js"),
    file!("facts.js"),
];

/// The rules of both pages. Those of pictures are [`page_style`](crate::picture::svg::page_style)'s.
pub const STYLES: [WebFile; 2] = [file!("vendor/uPlot.min.css"), file!("theme.css")];

/// The report's own.
pub(crate) const REPORT_HTML: WebFile = file!("report.html");
/// The script of the report, after the others.
pub(crate) const REPORT_JS: WebFile = file!("report.js");

/// The explorer's page.
pub(crate) const EXPLORER_HTML: WebFile = file!("explorer.html");
/// What only that has.
pub(crate) const EXPLORER: [WebFile; 8] = [
    file!("ask.js"),
    file!("command-lines.js"),
    file!("views.js"),
    file!("object-view.js"),
    file!("query-view.js"),
    file!("explorer.js"),
    file!("explorer.css"),
    file!("icon.svg"),
];
