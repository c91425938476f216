//! The explorer: dumps to walk through in one's own browser, served by this process on loopback.
//!
//! A request passes the [`guard`], one module of [`api`] asks the analyses that the commands ask, and the answer is the JSON that the
//! command gives with `--json`. What is expensive to know is found out once and kept in [`Explorer`].

mod answer;
mod api;
mod assets;
mod explorer;
mod guard;
mod server;
mod stages;

pub use explorer::Explorer;
pub use guard::Token;
pub use server::{Server, router};
pub use stages::Stages;
