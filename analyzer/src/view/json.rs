//! Results for programs: one JSON document, complete, with a version.
//!
//! A field that is renamed, taken away, or means something else makes a new version; added ones do not.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'r, T> {
    schema: String,
    /// The files, as they were named.
    dumps: Vec<String>,
    #[serde(flatten)]
    result: &'r T,
}

/// Writes a result under the schema `memdump.NAME/1`.
pub fn write<T: Serialize>(
    mut out: impl Write,
    name: &str,
    dumps: &[&Path],
    result: &T,
) -> io::Result<()> {
    let document = Document {
        schema: format!("memdump.{name}/{VERSION}"),
        dumps: dumps
            .iter()
            .map(|path| path.display().to_string())
            .collect(),
        result,
    };
    let mut out = io::BufWriter::new(&mut out);
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)?;
    out.flush()
}
