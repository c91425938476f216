//! `rows DUMP`: a dump as lines of text, read by the slow reader, for tests in other languages.
//!
//! `O ADDRESS TYPE SIZE REFCOUNT FLAGS`, `R SOURCE TARGET WEAK LABEL`, `T KIND NAME THREAD LINE TARGET LABEL` (roots),
//! `F ADDRESS MESSAGE`, `V ADDRESS VALUE`, `M KEY VALUE`, `S TEXT` (every string, used or not); separated by tabs, addresses decimal.

use std::error::Error;
use std::io::{BufWriter, Write};

use memdump_tests::slow_reader;
use memdump_tests::{Contents, RawLabel};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: rows DUMP")?;
    let contents = slow_reader::read(&std::fs::read(path)?)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    print(&contents, &mut out)?;
    out.flush()?;
    Ok(())
}

fn print(dump: &Contents, out: &mut impl Write) -> std::io::Result<()> {
    let string = |id: u64| dump.strings[id as usize].as_str();
    let optional = |id: Option<u64>| id.map_or("", string);
    let label = |label: RawLabel| {
        let text = if label.names_a_string() {
            string(label.value)
        } else {
            ""
        };
        match label.kind {
            1 => format!(".{text}"),
            2 => format!("[{text}]"),
            3 => format!("<key {text}>"),
            4 => format!("[{}]", label.value),
            5 => format!("[{}]", label.value as i64),
            6 => format!("<closure {text}>"),
            7 => format!("<local {text}>"),
            8 => format!("<stack {}>", label.value),
            9 => ".__class__".to_owned(),
            10 => format!("<{text}>"),
            11 => "<element>".to_owned(),
            12 => format!("+{}", label.value),
            _ => String::new(),
        }
    };
    for object in &dump.objects {
        let class = &dump.types[object.type_id as usize];
        writeln!(
            out,
            "O\t{}\t{}.{}\t{}\t{}\t{}",
            object.address,
            string(class.module),
            string(class.name),
            object.size,
            object.refcount,
            object.flags
        )?;
    }
    for reference in &dump.references {
        writeln!(
            out,
            "R\t{}\t{}\t{}\t{}",
            dump.objects[reference.source as usize].address,
            reference.target,
            u8::from(reference.weak),
            label(reference.label)
        )?;
    }
    for root in &dump.roots {
        writeln!(
            out,
            "T\t{}\t{}\t{}\t{}\t{}\t{}",
            root.kind,
            optional(root.name),
            optional(root.thread),
            root.line,
            root.target,
            label(root.label)
        )?;
    }
    for fault in &dump.faults {
        writeln!(out, "F\t{}\t{}", fault.address, string(fault.message))?;
    }
    for (object, value) in &dump.values {
        writeln!(
            out,
            "V\t{}\t{value}",
            dump.objects[*object as usize].address
        )?;
    }
    for text in &dump.strings {
        writeln!(out, "S\t{text}")?;
    }
    for (key, value) in &dump.metadata {
        writeln!(out, "M\t{key}\t{value}")?;
    }
    Ok(())
}
