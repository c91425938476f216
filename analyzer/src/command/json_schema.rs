use std::io::Write;

use clap::builder::PossibleValuesParser;
use schemars::Schema;

use super::{attach, info, load, report, verify};
use crate::analysis::{
    biggest::Biggest, chain::Explained, growth::Growth, leaks::Leaks, new_objects::NewObjects,
    series::Series, show::Shown, survivors::Survivors, suspects::Suspects, top::Top,
};
use crate::send::Sent;
use crate::sql::export::Exports;
use crate::view::json::{Document, schema};
use crate::view::schema::Schema as SqlSchema;

/// Gives every document its name, and makes the list of all.
macro_rules! documents {
    ($($name:literal: $result:ty),* $(,)?) => {
        $(impl Document for $result {
            const NAME: &'static str = $name;
        })*

        /// The documents that commands give, by name.
        const DOCUMENTS: &[(&str, fn() -> Schema)] = &[$(($name, schema::<$result>)),*];
    };
}

documents! {
    "attach": attach::Outcome,
    "chain": Explained,
    "diff": Growth,
    "export": Exports,
    "info": info::Infos,
    "leaks": Leaks,
    "load": load::Answer,
    "new": NewObjects,
    "report": report::Written,
    "schema": SqlSchema,
    "send": Sent,
    "series": Series,
    "show": Shown,
    "survivors": Survivors,
    "suspects": Suspects,
    "top": Top,
    "top_objects": Biggest,
    "verify": verify::Verdicts,
}

/// What the JSON documents of `--json` look like, as JSON Schema
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump json-schema                  the names of all documents
  memdump json-schema diff > diff.schema.json")]
pub(super) struct JsonSchema {
    /// The document: `diff` of the schema `memdump.diff/1` [default: the names of all]
    #[arg(hide_possible_values = true, value_parser = PossibleValuesParser::new(DOCUMENTS.iter().map(|(name, _)| *name)))]
    name: Option<String>,
}

impl JsonSchema {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut out = anstream::stdout().lock();
        for (name, schema) in DOCUMENTS {
            match &self.name {
                None => writeln!(out, "{name}")?,
                Some(asked) if asked == name => {
                    writeln!(out, "{}", serde_json::to_string_pretty(&schema())?)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
