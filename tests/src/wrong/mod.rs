//! Files that are not sound, each wrong in one way, with the place that an error must name.

mod blocks;
mod columns;
mod indexes;
mod outside;
mod values;

use crate::block::Block;
use crate::file::File;
use crate::heap::Heap;
use crate::kind;

/// Where the fault lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blame {
    /// In the file's header, or in there being none.
    Header,
    /// In the version: the file may be right, but the reader is too old.
    Version,
    /// In the trailer, or in there being none.
    Trailer,
    /// In the block of this number and kind.
    Block(u64, u8),
    /// Between what the index says and what there is: any of the index blocks, the blocks that they list, and the trailer.
    Index,
}

/// A file that is not sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// What is wrong.
    pub name: String,
    /// The file.
    pub bytes: Vec<u8>,
    /// What an error must name.
    pub blame: Blame,
}

/// The right file of which all others are made: every kind of block at least twice, three index blocks, a group that goes on
/// in the next block.
pub fn right() -> File {
    let mut heap = Heap::new()
        .objects((1..=9).map(|n| n * 0x100), "app.models.SomeRef", 48)
        .object(0x2000, "dict", 232);
    for position in 0..9 {
        heap = heap.refers(0x2000, (position + 1) * 0x100, &format!("[{position}]"));
        heap = heap.refers((position + 1) * 0x100, 0x2000, ".parent");
    }
    for (number, name) in ["list", "tuple", "str", "int", "float"]
        .into_iter()
        .enumerate()
    {
        let address = 0x3000 + 0x100 * number as u64;
        heap = heap
            .object(address, name, 64)
            .module(&format!("app.{name}"), address)
            .fault(address, "unreadable")
            .value(address, "held");
        heap = heap.metadata(&format!("key {number}"), name);
    }
    for number in 0..6 {
        heap = heap
            .site(3 + number as u8, &[0x5000 + number, 0x4000])
            .loaded_file(&format!("/lib/{number}"), 0x4000 + 0x1000 * number)
            .vtable(0x1000 + 0x10 * number, 0x1800 + 8 * number);
    }
    heap.records_per_block(4)
        .blocks_per_index(7)
        .address_shift(4)
        .file()
}

/// All of them.
pub fn files() -> Vec<Wrong> {
    [
        outside::headers(),
        outside::trailers(),
        blocks::headers(),
        columns::directories(),
        values::values(),
        values::ids(),
        indexes::indexes(),
        outside::loose(),
    ]
    .concat()
}

/// The right file, changed; the error must name the block that was changed.
fn in_block(name: &str, kind: u8, nth: usize, change: impl FnOnce(&mut Block)) -> Wrong {
    let mut file = right();
    let part = file.parts_of(kind)[nth];
    change(file.block(kind, nth));
    let built = file.build();
    let (number, said_kind) = built.places[part].block.expect("the part is a block");
    Wrong {
        name: format!("{} block: {name}", kind::name(kind)),
        bytes: built.bytes,
        blame: Blame::Block(number, said_kind),
    }
}

fn in_file(name: &str, blame: Blame, change: impl FnOnce(&mut File)) -> Wrong {
    let mut file = right();
    change(&mut file);
    Wrong {
        name: name.to_owned(),
        bytes: file.build().bytes,
        blame,
    }
}
