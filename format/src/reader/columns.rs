//! Columns, decompressed into memory that is used again and again.

use zstd::zstd_safe::{DCtx, find_frame_compressed_size};

use super::block::{Block, StoredColumn};
use crate::layout::storage;
use crate::unsound::Unsound;
use crate::varint::{MAX_VARINT, PADDING, VarintError, Varints};

/// Memory for decoding: one zstd context and one column. Whoever decodes many blocks keeps one of them.
#[derive(Default)]
pub(super) struct Scratch {
    context: Option<DCtx<'static>>,
    column: Vec<u8>,
}

impl Scratch {
    /// A column's bytes before compression, with [`PADDING`] zeros behind them.
    ///
    /// The caller has judged the claimed length by the number of records, so a lie costs no more memory than the truth could.
    fn load(&mut self, column: StoredColumn<'_>) -> Result<&[u8], Unsound> {
        let StoredColumn { entry, bytes } = column;
        let length = entry.raw_length as usize;
        let room = length + PADDING;
        if self.column.len() < room {
            let more = room - self.column.len();
            self.column
                .try_reserve(more)
                .map_err(|_| Unsound::OutOfMemory)?;
            self.column.resize(room, 0);
        }
        let (raw, rest) = self.column.split_at_mut(length);
        match entry.storage {
            storage::PLAIN => {
                // The directory has been checked: both have the same length.
                raw.copy_from_slice(bytes.get(..length).ok_or(Unsound::Directory)?);
            }
            storage::ZSTD => {
                // zstd would decode several frames as one, and more bytes than one frame has must not be there.
                if find_frame_compressed_size(bytes) != Ok(bytes.len()) {
                    return Err(Unsound::Compression(entry.number));
                }
                if self.context.is_none() {
                    self.context = DCtx::try_create();
                }
                let context = self.context.as_mut().ok_or(Unsound::OutOfMemory)?;
                if context.decompress(raw, bytes) != Ok(length) {
                    return Err(Unsound::Compression(entry.number));
                }
            }
            other => {
                return Err(Unsound::Storage {
                    column: entry.number,
                    storage: other,
                });
            }
        }
        rest[..PADDING].fill(0);
        Ok(&self.column[..room])
    }

    /// Decodes a column of bytes.
    pub(super) fn bytes(
        &mut self,
        block: &Block<'_>,
        number: u8,
        expected: usize,
    ) -> Result<&[u8], Unsound> {
        let column = block.column(number)?;
        let (length, records) = (column.entry.raw_length, block.header.records);
        if length as usize != expected {
            return Err(Unsound::ColumnLength {
                column: number,
                length,
                records,
            });
        }
        let padded = self.load(column)?;
        Ok(&padded[..padded.len() - PADDING])
    }

    /// Decodes a column of varints, as many as `decode` reads, which must be all; `values` says how many there can be at most.
    #[inline(always)]
    pub(super) fn varints<R>(
        &mut self,
        block: &Block<'_>,
        number: u8,
        values: usize,
        decode: impl FnOnce(&mut Varints<'_>) -> Result<R, VarintError>,
    ) -> Result<R, Unsound> {
        let column = block.column(number)?;
        let (length, records) = (column.entry.raw_length, block.header.records);
        if length as usize > values * MAX_VARINT {
            return Err(Unsound::ColumnLength {
                column: number,
                length,
                records,
            });
        }
        let mut varints = Varints::new(self.load(column)?);
        let result = decode(&mut varints).map_err(|why| Unsound::varint(number, why))?;
        varints
            .finish()
            .map_err(|why| Unsound::varint(number, why))?;
        Ok(result)
    }

    /// Decodes a column of one varint per record into `into`, each as `convert` makes of it.
    #[inline(always)]
    pub(super) fn records<T: Copy + Default>(
        &mut self,
        block: &Block<'_>,
        number: u8,
        into: &mut Vec<T>,
        mut convert: impl FnMut(usize, u64) -> T,
    ) -> Result<(), Unsound> {
        let records = block.header.records as usize;
        let length = block.column(number)?.entry.raw_length;
        // A varint has at least one byte: without this, a short column could make the caller's vector long.
        if (length as usize) < records {
            return Err(Unsound::ColumnShort(number));
        }
        resize(into, records)?;
        self.varints(block, number, records, |varints| {
            for (place, value) in into.iter_mut().enumerate() {
                *value = convert(place, varints.next()?);
            }
            Ok(())
        })
    }
}

/// Gives a vector a length without ending the process when memory is short.
pub(super) fn resize<T: Copy + Default>(into: &mut Vec<T>, length: usize) -> Result<(), Unsound> {
    into.try_reserve(length.saturating_sub(into.len()))
        .map_err(|_| Unsound::OutOfMemory)?;
    into.resize(length, T::default());
    Ok(())
}
