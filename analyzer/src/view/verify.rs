//! Whether a dump is whole, for people.

use super::number::{count, plural};
use super::style::alarm;
use crate::analysis::verify::Verified;

/// One line, and one for each problem.
pub fn text(verified: &Verified) -> String {
    let file = verified.file.display();
    if verified.is_whole() {
        return format!(
            "{file}: whole: {}, {}, {} ({} dangling, {} weak)\n",
            plural(verified.blocks, "block", "blocks"),
            plural(verified.objects, "object", "objects"),
            plural(verified.references, "reference", "references"),
            count(verified.dangling),
            count(verified.weak),
        );
    }
    let problems = plural(verified.problems.len() as u64, "problem", "problems");
    let mut text = format!("{file}: {}\n", alarm(&format!("damaged: {problems}")));
    for problem in &verified.problems {
        text += &format!("  {problem}\n");
    }
    text
}
