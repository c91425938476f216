//! Files made by hand, with right checksums and wrong contents.

/// A column: its number, how it is stored, its claimed length, its stored bytes.
#[derive(Clone)]
pub struct Column {
    pub number: u8,
    pub storage: u8,
    pub claimed: u32,
    pub stored: Vec<u8>,
}

/// A column stored as it is.
pub fn plain(number: u8, bytes: &[u8]) -> Column {
    Column {
        number,
        storage: 0,
        claimed: bytes.len() as u32,
        stored: bytes.to_vec(),
    }
}

/// A column of varints.
pub fn varints(number: u8, values: &[u64]) -> Column {
    let mut bytes = Vec::new();
    for &value in values {
        let mut rest = value;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    plain(number, &bytes)
}

/// A compressed column.
pub fn zstd(number: u8, bytes: &[u8]) -> Column {
    let stored = zstd::bulk::compress(bytes, 1).unwrap();
    Column {
        number,
        storage: 1,
        claimed: bytes.len() as u32,
        stored,
    }
}

/// A block; `first` is counted by [`file`] unless it is given.
#[derive(Clone)]
pub struct Block {
    pub kind: u8,
    pub records: u32,
    pub first: u64,
    pub number: u32,
    pub columns: Vec<Column>,
}

pub fn block(kind: u8, records: u32, columns: Vec<Column>) -> Block {
    Block {
        kind,
        records,
        first: 0,
        number: 0,
        columns,
    }
}

impl Block {
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for column in &self.columns {
            body.extend([column.number, column.storage, 0, 0]);
            body.extend((column.stored.len() as u32).to_le_bytes());
            body.extend(column.claimed.to_le_bytes());
        }
        self.columns
            .iter()
            .for_each(|column| body.extend(&column.stored));
        let mut bytes = b"MBLK".to_vec();
        bytes.extend([self.kind, self.columns.len() as u8, 0, 0]);
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.records.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(crc32fast::hash(&body).to_le_bytes());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes.extend(body);
        bytes
    }
}

/// The header of a file.
pub fn header(major: u16, shift: u8) -> Vec<u8> {
    let mut bytes = b"\x89MEMDMP\n".to_vec();
    bytes.extend(major.to_le_bytes());
    bytes.extend([0, 0, shift]);
    bytes.resize(28, 0);
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The trailer of a file of `length` bytes without it.
pub fn trailer(last_index: u64, length: usize, blocks: u32) -> Vec<u8> {
    let mut bytes = last_index.to_le_bytes().to_vec();
    bytes.extend((length as u64 + 32).to_le_bytes());
    bytes.extend(blocks.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.extend(b"\x89MEMEND\n");
    bytes
}

/// An index block over blocks at offsets with lengths, kinds and records.
pub fn index(number: u32, previous: u64, rows: &[(u64, u64, u8, u64)]) -> Block {
    let mut last = 0;
    let offsets: Vec<u64> = rows
        .iter()
        .map(|row| row.0.wrapping_sub(std::mem::replace(&mut last, row.0)))
        .collect();
    Block {
        kind: 15,
        records: rows.len() as u32,
        first: previous,
        number,
        columns: vec![
            varints(1, &offsets),
            varints(2, &rows.iter().map(|row| row.1).collect::<Vec<_>>()),
            plain(3, &rows.iter().map(|row| row.2).collect::<Vec<_>>()),
            varints(4, &rows.iter().map(|row| row.3).collect::<Vec<_>>()),
        ],
    }
}

/// A whole file of blocks, which are numbered and indexed rightly.
pub fn file(blocks: &[Block]) -> Vec<u8> {
    let mut bytes = header(1, 3);
    let mut next = [0u64; 256];
    let (mut number, mut last_index) = (0, 0);
    for blocks in blocks.chunks(60_000) {
        let mut rows = Vec::new();
        for block in blocks {
            let first = &mut next[usize::from(block.kind)];
            let placed = Block {
                number,
                first: *first,
                ..block.clone()
            }
            .bytes();
            *first += u64::from(block.records);
            number += 1;
            rows.push((
                bytes.len() as u64,
                placed.len() as u64,
                block.kind,
                u64::from(block.records),
            ));
            bytes.extend(placed);
        }
        let at = bytes.len() as u64;
        bytes.extend(index(number, last_index, &rows).bytes());
        number += 1;
        last_index = at;
    }
    bytes.extend(trailer(last_index, bytes.len(), number));
    bytes
}

/// One string (`x`), one type, two objects at 0x1000 and 0x2000, one reference from the first to the second.
pub fn sound() -> Vec<Block> {
    vec![
        block(2, 1, vec![varints(1, &[1]), plain(2, b"x")]),
        block(
            3,
            1,
            vec![
                varints(1, &[0]),
                varints(2, &[0]),
                varints(3, &[0]),
                varints(4, &[0]),
            ],
        ),
        block(
            4,
            2,
            vec![
                varints(1, &[0, 0]),
                varints(2, &[0x400, 0x400]),
                varints(3, &[32, 0]),
                varints(4, &[1, 1]),
                plain(5, &[1, 0]),
            ],
        ),
        block(
            5,
            1,
            vec![
                varints(1, &[0]),
                varints(2, &[1]),
                varints(3, &[0x800]),
                plain(4, &[1]),
                varints(5, &[0]),
            ],
        ),
        block(
            6,
            1,
            vec![
                plain(1, &[1]),
                varints(2, &[1]),
                varints(3, &[0]),
                varints(4, &[0]),
                varints(5, &[0]),
                plain(6, &[0]),
                varints(7, &[0]),
                varints(8, &[0x200]),
            ],
        ),
        block(7, 1, vec![varints(1, &[0]), varints(2, &[0])]),
        block(
            1,
            1,
            vec![
                varints(1, &[1]),
                plain(2, b"k"),
                varints(3, &[1]),
                plain(4, b"v"),
            ],
        ),
    ]
}
