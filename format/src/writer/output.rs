//! The sink with all that belongs to it: position, block numbers, index.

use std::io::Write;

use super::WriteError;
use super::block::{BlockBuffer, Columns};
use super::index::Index;
use crate::layout::{BlockKind, FileHeader, TRAILER_LENGTH, Trailer, VERSION};

/// Records of one kind that are collected until they make a block.
pub(super) trait Batch {
    const KIND: BlockKind;

    /// Records that are collected.
    fn records(&self) -> usize;

    /// Records that have been taken, written ones included.
    fn taken(&self) -> u64;

    /// Encodes the collected records.
    fn encode(&mut self, columns: &mut Columns<'_>);

    /// Makes room for the next block.
    fn clear(&mut self);
}

/// Where blocks go.
pub(super) struct Output<W: Write> {
    sink: W,
    block: BlockBuffer,
    index: Index,
    address_shift: u8,
    position: u64,
    blocks: u32,
    failed: bool,
}

impl<W: Write> Output<W> {
    /// Writes the file's header.
    pub(super) fn new(
        mut sink: W,
        address_shift: u8,
        index_limit: usize,
    ) -> Result<Self, WriteError> {
        let block = BlockBuffer::new().ok_or(WriteError::Compressor)?;
        let (major, minor) = VERSION;
        let header = FileHeader {
            major,
            minor,
            address_shift,
        }
        .encode();
        sink.write_all(&header)?;
        Ok(Output {
            sink,
            block,
            index: Index::new(index_limit),
            address_shift,
            position: header.len() as u64,
            blocks: 0,
            failed: false,
        })
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Fails if anything has failed before.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        if self.failed {
            Err(WriteError::Failed)
        } else {
            Ok(())
        }
    }

    /// Ends the dump.
    pub(super) fn fail(&mut self) {
        self.failed = true;
    }

    /// The id of the batch's next record.
    pub(super) fn next_id(
        &mut self,
        batch: &impl Batch,
        what: &'static str,
    ) -> Result<u32, WriteError> {
        self.check_ids(batch, 1, what)?;
        Ok(batch.taken() as u32)
    }

    /// Checks that as many more records of the batch can have ids.
    pub(super) fn check_ids(
        &mut self,
        batch: &impl Batch,
        more: usize,
        what: &'static str,
    ) -> Result<(), WriteError> {
        if batch.taken() + more as u64 <= u64::from(u32::MAX) {
            return Ok(());
        }
        self.failed = true;
        Err(WriteError::TooMany { what })
    }

    /// Writes a batch as a block, if it has any records.
    pub(super) fn flush<B: Batch>(&mut self, batch: &mut B) -> Result<(), WriteError> {
        let records = batch.records();
        if records == 0 {
            return Ok(());
        }
        if self.index.is_full() {
            self.write_index()?;
        }
        let (offset, length) = (
            self.position,
            self.write_block(batch, batch.taken() - records as u64)?,
        );
        self.index.push(offset, length, B::KIND, records as u32);
        batch.clear();
        Ok(())
    }

    /// Writes the index and the trailer; gives back the sink.
    pub(super) fn finish(mut self) -> Result<W, WriteError> {
        self.write_index()?;
        let trailer = Trailer {
            last_index: self.index.previous(),
            file_length: self.position + TRAILER_LENGTH as u64,
            blocks: self.blocks,
        };
        self.sink.write_all(&trailer.encode())?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    fn write_index(&mut self) -> Result<(), WriteError> {
        // Taken out so that it can be a batch like any other; an empty index holds no memory.
        let mut index = std::mem::take(&mut self.index);
        let offset = self.position;
        let previous = index.previous();
        let written = self.write_block(&mut index, previous);
        index.clear();
        index.set_previous(offset);
        self.index = index;
        written.map(|_| ())
    }

    fn write_block<B: Batch>(&mut self, batch: &mut B, first: u64) -> Result<u32, WriteError> {
        let records = batch.records() as u32;
        let mut columns = self.block.columns(self.address_shift);
        batch.encode(&mut columns);
        let written = match columns.finish(B::KIND, self.blocks, records, first) {
            None => Err(WriteError::NoRoom),
            Some(bytes) => match self.sink.write_all(bytes) {
                Ok(()) => Ok(bytes.len() as u32),
                Err(error) => Err(WriteError::Io(error)),
            },
        };
        match written {
            Ok(length) => {
                self.position += u64::from(length);
                self.blocks += 1;
            }
            Err(_) => self.failed = true,
        }
        written
    }
}
