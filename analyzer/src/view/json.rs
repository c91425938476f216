//! Results for programs: one JSON document, complete, with a version.
//!
//! A field that is renamed, taken away, or means something else makes a new version; added ones do not.

use std::io::{self, Write};
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

const VERSION: u32 = 1;

/// A result that is given as a JSON document of the schema `memdump.NAME/1`.
pub trait Document: Serialize + JsonSchema {
    /// `diff`
    const NAME: &'static str;
}

#[derive(Serialize, JsonSchema)]
struct Whole<'r, T> {
    /// The document's name and version.
    schema: String,
    /// The files, as they were named.
    dumps: Vec<String>,
    #[serde(flatten)]
    result: &'r T,
}

/// What a document of this kind looks like, as JSON Schema (draft 2020-12).
pub fn schema<T: Document>() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Whole<'_, T>>();
    let name = schema_name(T::NAME);
    if let Some(told) = schema.pointer_mut("/properties/schema") {
        *told = serde_json::json!({ "const": name });
    }
    schema.insert("title".into(), name.into());
    schema
}

fn schema_name(name: &str) -> String {
    format!("memdump.{name}/{VERSION}")
}

/// Writes a result as its document.
pub fn write<T: Document>(out: impl Write, dumps: &[&Path], result: &T) -> io::Result<()> {
    write_as(out, T::NAME, dumps, result)
}

/// Writes what is a document of that name, or has more in it than that.
pub fn write_as<T: Serialize>(
    mut out: impl Write,
    name: &str,
    dumps: &[&Path],
    result: &T,
) -> io::Result<()> {
    let document = Whole {
        schema: schema_name(name),
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
