//! What a dump is, for people.

use super::Width;
use super::number::{bytes, count, plural};
use super::style::{alarm, faint, strong};
use crate::analysis::info::Info;

/// Faults beyond these are only counted; they repeat themselves.
const FAULTS: usize = 10;

/// Facts, one a line.
pub fn text(info: &Info, width: Width) -> String {
    let mut text = strong(&info.file.display().to_string()) + "\n";
    let mut fact = |name: &str, value: String| text += &format!("  {name:<20}{value}\n");
    fact("format", info.format.clone());
    for (key, value) in &info.metadata {
        fact(key, width.fit(value, 22));
    }
    fact("objects", count(info.objects));
    fact("references", count(info.references));
    fact("types", count(info.types));
    fact("strings", count(info.strings));
    fact("roots", count(info.roots));
    fact("bytes of objects", bytes(info.object_bytes));
    fact("of these static", bytes(info.static_bytes));
    if let Some(share) = info.explained_share() {
        fact(
            "share of memory",
            format!("{:.0} % of the resident memory is objects", share * 100.0),
        );
    }
    fact("file", bytes(info.file_bytes));
    if let Some(each) = info.file_bytes_per_object() {
        fact("file per object", format!("{each:.1} B"));
    }
    if info.faults.is_empty() {
        fact("faults", "none".to_owned());
        return text;
    }
    let faults = plural(info.faults.len() as u64, "thing could", "things could");
    text += &alarm(&format!("  {faults} not be read when the dump was made\n"));
    for fault in info.faults.iter().take(FAULTS) {
        text += &format!("    {}: {}\n", fault.address, fault.message);
    }
    if info.faults.len() > FAULTS {
        let more = count((info.faults.len() - FAULTS) as u64);
        text += &faint(&format!("    … and {more} more\n"));
    }
    text
}
