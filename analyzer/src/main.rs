//! The command `memdump`.
fn main() {}
