use std::path::PathBuf;

use anyhow::bail;
use memdump_format::Address;

use super::limit::Limit;
use super::picture::Drawing;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::neighbourhood::neighbourhood;
use crate::analysis::show::show;
use crate::picture::of_object;
use crate::view;

/// One object: its type, its references and referrers, and what keeps it alive
#[derive(clap::Args, Debug)]
#[command(override_usage = "memdump show [OPTIONS] [DUMP] <ADDRESS>")]
#[command(after_help = "Examples:
  memdump show 0x7f3a1c0042d0          in the newest dump here
  memdump show b.dump 0x7f3a1c0042d0 --limit 0
  memdump show b.dump 0x7f3a1c0042d0 --graph object.svg         its neighbourhood as a picture, too")]
pub(super) struct Show {
    /// The dump [default: the newest in the current directory] and the object's address
    #[arg(value_name = "[DUMP] ADDRESS", num_args = 1..=2, required = true)]
    dump_and_address: Vec<PathBuf>,
    /// Draw what is around it as well, as the file's ending says: .svg, .png, or .dot for Graphviz
    #[arg(long, value_name = "FILE")]
    graph: Option<PathBuf>,
    /// Draw objects up to so many references away
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=10))]
    depth: u32,
    #[command(flatten)]
    drawing: Drawing,
    #[command(flatten)]
    limit: Limit,
}

impl Show {
    pub(super) fn run(mut self, session: &Session) -> anyhow::Result<()> {
        let Some(address) = self.dump_and_address.pop() else {
            bail!("no address was given");
        };
        let address = address.to_string_lossy().parse::<AddressText>()?.0;
        let drawn = self.graph.as_deref().map(|path| self.drawing.file(path));
        let drawn = drawn.transpose()?;
        let [dump] = given_or_newest(&self.dump_and_address)?;
        let snapshot = session.load(&dump)?;
        let limit = self.limit.entries(session.json);
        let result = show(&snapshot, address, limit, session.progress())?;
        let around = match &drawn {
            Some(_) => Some(neighbourhood(
                &snapshot,
                address,
                self.depth,
                session.progress(),
            )?),
            None => None,
        };
        // First, because who reads the text may hang up: `memdump show … --graph object.svg | head`.
        let wrote = match (drawn, around) {
            (Some(file), Some(around)) => file.write(|nodes| of_object::picture(&around, nodes)),
            _ => Ok(()),
        };
        session.give(&[&dump], &result, view::show::text)?;
        wrote
    }
}

/// An address as people write it: as memdump prints it, or in decimal, as Python's `id()` does.
struct AddressText(Address);

impl std::str::FromStr for AddressText {
    type Err = super::CannotStart;

    fn from_str(text: &str) -> Result<AddressText, super::CannotStart> {
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number
            .map(|number| AddressText(Address(number)))
            .map_err(|_| super::CannotStart::NoAddress(text.to_owned()))
    }
}
