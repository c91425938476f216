use std::path::PathBuf;

use anyhow::bail;
use memdump_format::Address;

use super::limit::Limit;
use super::session::Session;
use super::sources::given_or_newest;
use crate::analysis::show::show;
use crate::view;

/// One object: its type, its references and referrers, and what keeps it alive
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  memdump show 0x7f3a1c0042d0          in the newest dump here
  memdump show b.dump 0x7f3a1c0042d0 --limit 0")]
pub(super) struct Show {
    /// The dump [default: the newest in the current directory] and the object's address
    #[arg(value_name = "[DUMP] ADDRESS", num_args = 1..=2, required = true)]
    dump_and_address: Vec<PathBuf>,
    #[command(flatten)]
    limit: Limit,
}

impl Show {
    pub(super) fn run(mut self, session: &Session) -> anyhow::Result<()> {
        let Some(address) = self.dump_and_address.pop() else {
            bail!("no address was given");
        };
        let address = address.to_string_lossy().parse::<AddressText>()?.0;
        let [dump] = given_or_newest(&self.dump_and_address)?;
        let snapshot = session.load(&dump)?;
        let limit = self.limit.entries(session.json);
        let result = show(&snapshot, address, limit, session.progress())?;
        session.give("show", &[&dump], &result, view::show::text)
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
