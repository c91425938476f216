//! The tables of hashbrown, which hash maps and sets are made of.

/// How a table of hashbrown lies in its block: elements growing down from the control bytes, which follow, one a bucket and a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TableShape {
    /// Where the element with the highest index begins.
    pub(crate) first: u64,
    /// Where the control bytes begin; where the map points to.
    pub(crate) control: u64,
}

impl TableShape {
    /// Of a block of `size` bytes with elements of `element` bytes.
    pub(crate) fn of(size: u64, element: u64) -> Option<TableShape> {
        // Control bytes of a group: 16 with SSE2, 8 elsewhere; elements are aligned to it.
        for group in [16_u64, 8] {
            for bits in 0..48 {
                let buckets = 1_u64 << bits;
                let elements = element.checked_mul(buckets)?;
                let control = elements.checked_next_multiple_of(group)?;
                let whole = control.checked_add(buckets + group)?;
                if whole == size {
                    return Some(TableShape {
                        first: control - elements,
                        control,
                    });
                }
                if whole > size {
                    break;
                }
            }
        }
        None
    }
}

/// Whether a type is hashbrown's table; earlier versions have it one module further in.
pub(crate) fn is_table(name: &str) -> bool {
    [
        "hashbrown::raw::RawTable<",
        "hashbrown::raw::inner::RawTable<",
    ]
    .iter()
    .any(|table| name.starts_with(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lies_in_its_block_as_hashbrown_lays_it_out() {
        // 16 buckets of 24 bytes, 16 control bytes and a group of 16.
        assert_eq!(
            TableShape::of(16 * 24 + 32, 24),
            Some(TableShape {
                first: 0,
                control: 384
            })
        );
        // 4 buckets of 12 bytes: 48 is a multiple of 16; 4 of 10 need 8 bytes in front.
        assert_eq!(
            TableShape::of(48 + 4 + 16, 10),
            Some(TableShape {
                first: 8,
                control: 48
            })
        );
        assert_eq!(TableShape::of(1000, 24), None);
        assert_eq!(TableShape::of(u64::MAX, u64::MAX), None);
    }
}
