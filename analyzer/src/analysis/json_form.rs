//! How values of the dump file look in JSON.

use memdump_format::Address;
use serde::Serializer;

/// An address as a string: programs that read JSON numbers as floating point would round it.
pub(super) fn address<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// The same, or null.
pub(super) fn optional_address<S: Serializer>(
    address: &Option<Address>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) => serializer.collect_str(address),
        None => serializer.serialize_none(),
    }
}
