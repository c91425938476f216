//! The table-valued functions over open dumps.
