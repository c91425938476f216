//! The values of a column.

use super::{Checked, require};
use crate::kind;
use crate::record::RawLabel;

/// Reads the values of one column, first to last.
pub(super) struct Values {
    bytes: Vec<u8>,
    at: usize,
}

impl Values {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Values { bytes, at: 0 }
    }

    pub(super) fn more(&self) -> bool {
        self.at < self.bytes.len()
    }

    pub(super) fn byte(&mut self) -> Checked<u8> {
        let byte = *self.bytes.get(self.at).ok_or("a column ends too early")?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn varint(&mut self) -> Checked<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            require(place < 9 || byte <= 1, "a varint does not fit 64 bits")?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err("a varint is longer than 10 bytes".to_owned())
    }

    pub(super) fn id(&mut self) -> Checked<u64> {
        let id = self.varint()?;
        require(id <= u64::from(u32::MAX), "an id does not fit 32 bits")?;
        Ok(id)
    }

    pub(super) fn narrow(&mut self) -> Checked<u64> {
        let number = self.varint()?;
        require(
            number <= u64::from(u32::MAX),
            "a number does not fit 32 bits",
        )?;
        Ok(number)
    }

    pub(super) fn id_plus_one(&mut self) -> Checked<Option<u64>> {
        let stored = self.varint()?;
        require(stored <= 1 << 32, "an id does not fit 32 bits")?;
        Ok(stored.checked_sub(1))
    }

    pub(super) fn text(&mut self, length: u64) -> Checked<String> {
        require(
            length <= (self.bytes.len() - self.at) as u64,
            "a text reaches beyond its column",
        )?;
        let bytes = self.bytes[self.at..self.at + length as usize].to_vec();
        self.at += length as usize;
        String::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }

    pub(super) fn end(&self) -> Checked<()> {
        require(!self.more(), "a column has bytes behind its last record")
    }
}

/// An address, of which the column has the units.
pub(super) fn address(units: u64, shift: u8) -> Checked<u64> {
    let address = units << shift;
    require(address >> shift == units, "an address does not fit 64 bits")?;
    Ok(address)
}

pub(super) fn label(kind_byte: u8, value: u64) -> Checked<RawLabel> {
    let label = RawLabel {
        kind: kind_byte & !kind::WEAK,
        value,
    }
    .normal();
    require(
        !label.names_a_string() || value <= u64::from(u32::MAX),
        "a label's string id does not fit 32 bits",
    )?;
    Ok(label)
}
