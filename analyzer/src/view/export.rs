//! What was exported: a line for each dump.

use super::Width;
use super::number::count;
use crate::sql::export::Exports;

/// A line for each dump, and where its files are.
pub fn text(exports: &Exports, _: Width) -> String {
    exports
        .files
        .chunk_by(|a, b| a.dump == b.dump)
        .map(|of_dump| {
            let written: Vec<u64> = of_dump.iter().filter_map(|file| file.rows).collect();
            let there = of_dump.len() - written.len();
            let mut parts = Vec::new();
            if !written.is_empty() {
                let rows = count(written.iter().sum());
                parts.push(format!("{rows} rows in {} files", written.len()));
            }
            if there > 0 {
                parts.push(format!(
                    "{there} files were there already, and are left as they are"
                ));
            }
            format!("{}: {}\n", of_dump[0].dump.display(), parts.join("; "))
        })
        .collect()
}
