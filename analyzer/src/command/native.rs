//! Dumps of native heaps get types before anything is asked of them.

use std::path::PathBuf;

use anstream::eprintln;
use memdump_format::Dump;
use memdump_resolve::{Kept, Outcome, Summary, Symbols, SymbolsError, is_native, open_typed};

use crate::view::number::count;

/// Where the types of native heaps come from.
#[derive(clap::Args, Debug)]
pub(super) struct NativeTypes {
    /// Dumps of native programs: take debug information from this file, or from a file of this directory; its build id must be the
    /// program's
    #[arg(long, global = true, display_order = 105, value_name = "PATH")]
    symbols: Vec<PathBuf>,
    /// Dumps of native programs: show blocks by size and site, and every word that looks like a reference
    #[arg(long, global = true, display_order = 106, conflicts_with = "symbols")]
    no_types: bool,
}

impl NativeTypes {
    /// The dump with types, if it is of a native heap and they are wanted.
    pub(super) fn give(&self, dump: Dump) -> anyhow::Result<Dump> {
        if self.no_types || !is_native(&dump.metadata()?) {
            return Ok(dump);
        }
        let name = dump.path().display().to_string();
        let symbols = Symbols::new(self.symbols.clone());
        // What was found without the files that are named now may be less.
        let anew = !self.symbols.is_empty();
        let (dump, outcome) = open_typed(dump, &symbols, anew)?;
        match outcome {
            Outcome::Cached => {}
            Outcome::Untyped(missing) => without_types(&name, missing, anew)?,
            // Only names of functions, from symbol tables.
            Outcome::Typed {
                symbols, missing, ..
            } if symbols.is_empty() => without_types(&name, missing, anew)?,
            Outcome::Typed {
                summary,
                kept,
                missing,
                unused,
                ..
            } => {
                eprintln!("memdump: {name}: {}; {}", told(&summary), place(&kept));
                for why in missing {
                    eprintln!("memdump: {name}: {why}");
                }
                for file in unused {
                    let file = file.display();
                    eprintln!(
                        "memdump: {name}: {file} was left out: no file of the program has its build id"
                    );
                }
            }
        }
        Ok(dump)
    }
}

/// Tells that no debug information was found.
///
/// # Errors
/// If a file was named by hand: it is no guess.
fn without_types(name: &str, missing: Vec<SymbolsError>, is_given: bool) -> anyhow::Result<()> {
    eprintln!("memdump: {name}: blocks have no types, and references are whatever looks like one");
    for why in missing {
        if is_given {
            return Err(why.into());
        }
        eprintln!("memdump: {name}: {why}");
    }
    Ok(())
}

fn told(summary: &Summary) -> String {
    let typed = summary.typed_by_stack + summary.typed_by_reference;
    format!(
        "{} of {} blocks have types, {} references have names, {} that no layout confirms are left out",
        count(typed),
        count(summary.blocks),
        count(summary.labelled),
        count(summary.dropped),
    )
}

fn place(kept: &Kept) -> String {
    match kept {
        Kept::In(path) => format!("kept in {}", path.display()),
        Kept::Nowhere(path, why) => {
            format!("not kept, {} cannot be written: {why}", path.display())
        }
    }
}
