//! A directory into which dumps are written: which are new, and when to look.

mod arrivals;
mod wake;

pub use arrivals::{Arrival, Arrivals};
pub use wake::Waiting;
