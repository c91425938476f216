//! One block: right when nothing is said, wrong wherever a test says so.

use crate::encode::crc;
use crate::field::{self, Field};

/// A number that a test writes instead of the right one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// This one.
    Exactly(u64),
    /// The offset of a part of the file (its place in [`crate::File::parts`]), known once all is laid out.
    StartOf(usize),
    /// The offset behind a part of the file.
    EndOf(usize),
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::Exactly(value)
    }
}

/// Where each part of a file lies: its start and its end.
pub type Places = [(u64, u64)];

/// Fields to be written with other values than the right ones. CRCs are computed over the wrong values, unless they are
/// overridden themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Overrides(Vec<(Field, Number)>);

impl Overrides {
    /// From now on `field` has this value.
    pub fn set(&mut self, field: Field, value: impl Into<Number>) {
        self.0.push((field, value.into()));
    }

    /// Writes them all into the structure at the start of `bytes`.
    pub fn write(&self, bytes: &mut [u8], places: &Places) {
        for &(field, number) in &self.0 {
            field.put(
                bytes,
                match number {
                    Number::Exactly(value) => value,
                    Number::StartOf(part) => places[part].0,
                    Number::EndOf(part) => places[part].1,
                },
            );
        }
    }

    /// Writes them into a structure whose last act is a CRC of what lies before it.
    pub fn seal(&self, bytes: &mut [u8], crc_field: Field, places: &Places) {
        self.write(bytes, places);
        let sum = crc(&bytes[..crc_field.at]);
        crc_field.put(bytes, sum);
        self.write(bytes, places);
    }
}

/// How a column's bytes are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// As they are.
    Plain,
    /// As one zstd frame.
    Zstd,
}

/// One column of a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its number.
    pub number: u8,
    /// Its bytes before compression.
    pub plain: Vec<u8>,
    /// How they are stored.
    pub storage: Storage,
    /// The stored bytes, if they are to be others than `storage` makes of `plain`.
    pub stored: Option<Vec<u8>>,
    /// Other values for the fields of its directory entry.
    pub fields: Overrides,
}

impl Column {
    /// A column that is stored plain.
    pub fn new(number: u8, plain: Vec<u8>) -> Self {
        Column {
            number,
            plain,
            storage: Storage::Plain,
            stored: None,
            fields: Overrides::default(),
        }
    }

    fn stored_bytes(&self) -> Vec<u8> {
        match (&self.stored, self.storage) {
            (Some(bytes), _) => bytes.clone(),
            (None, Storage::Plain) => self.plain.clone(),
            (None, Storage::Zstd) => {
                zstd::bulk::compress(&self.plain, 1).expect("memory suffices to compress a column")
            }
        }
    }

    fn entry(&self, stored_length: usize) -> [u8; field::entry::LENGTH] {
        let mut entry = [0; field::entry::LENGTH];
        field::entry::COLUMN.put(&mut entry, u64::from(self.number));
        field::entry::STORAGE.put(&mut entry, (self.storage == Storage::Zstd).into());
        field::entry::STORED_LENGTH.put(&mut entry, stored_length as u64);
        field::entry::PLAIN_LENGTH.put(&mut entry, self.plain.len() as u64);
        self.fields.write(&mut entry, &[]);
        entry
    }
}

/// One block. Its number and its first record's are the file's to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// See [`crate::kind`].
    pub kind: u8,
    /// How many records its columns hold.
    pub records: u64,
    /// Its columns, in the order in which they are stored.
    pub columns: Vec<Column>,
    /// Bytes behind the last column, which a right block does not have.
    pub tail: Vec<u8>,
    /// Other values for the fields of its header.
    pub fields: Overrides,
}

impl Block {
    /// A block of columns 1, 2, …, stored plain.
    pub fn new(kind: u8, records: usize, columns: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let columns = columns
            .into_iter()
            .zip(1..)
            .map(|(plain, number)| Column::new(number, plain))
            .collect();
        Block {
            kind,
            records: records as u64,
            columns,
            tail: Vec::new(),
            fields: Overrides::default(),
        }
    }

    /// The same block with every column stored as one zstd frame.
    pub fn compressed(mut self) -> Self {
        self.columns
            .iter_mut()
            .for_each(|column| column.storage = Storage::Zstd);
        self
    }

    /// The column of that number. Panics if the block has none.
    pub fn column(&mut self, number: u8) -> &mut Column {
        self.columns
            .iter_mut()
            .find(|column| column.number == number)
            .expect("the block has this column")
    }

    /// The directory and the columns.
    pub fn body(&self) -> Vec<u8> {
        let stored: Vec<_> = self.columns.iter().map(Column::stored_bytes).collect();
        let mut body = Vec::new();
        for (column, bytes) in self.columns.iter().zip(&stored) {
            body.extend(column.entry(bytes.len()));
        }
        body.extend(stored.concat());
        body.extend(&self.tail);
        body
    }

    /// The header that belongs before `body`.
    pub fn head(
        &self,
        number: u64,
        first: u64,
        body: &[u8],
        places: &Places,
    ) -> [u8; field::block::LENGTH] {
        use field::block::*;
        let mut head = [0; LENGTH];
        MAGIC.put(&mut head, MAGIC_VALUE);
        KIND.put(&mut head, u64::from(self.kind));
        COLUMNS.put(&mut head, self.columns.len() as u64);
        NUMBER.put(&mut head, number);
        RECORDS.put(&mut head, self.records);
        FIRST.put(&mut head, first);
        BODY_LENGTH.put(&mut head, body.len() as u64);
        BODY_CRC.put(&mut head, crc(body));
        self.fields.seal(&mut head, CRC, places);
        head
    }
}
