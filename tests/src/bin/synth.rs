//! Writes big dumps for benchmarks: a heap of any size, and if wanted the same heap later, with a leak.

use std::fs;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use memdump_tests::population::{Moment, Order, Population};

/// Write a synthetic dump of a big heap.
#[derive(Parser)]
struct Arguments {
    /// How many objects, about
    #[arg(long, default_value_t = 1_000_000)]
    objects: u64,
    /// Whether addresses rise as in a fresh heap or are scattered as in an aged one
    #[arg(long, value_enum, default_value_t = Addresses::Birth)]
    order: Addresses,
    /// The type that leaks, module and name
    #[arg(long, default_value = "app.models.SomeRef")]
    leak: String,
    /// How many of them leak between the two dumps
    #[arg(long, default_value_t = 1_000)]
    leaked: u64,
    /// Another seed gives another heap
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The machine that the dump is of
    #[arg(long, default_value = "synth")]
    host: String,
    /// The process that the dump is of
    #[arg(long, default_value_t = 4242)]
    pid: u32,
    /// The dump
    #[arg(short, long)]
    output: PathBuf,
    /// A second dump of the same heap, later: some objects freed, some new, and the leak grown
    #[arg(long)]
    later: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Addresses {
    Birth,
    Shuffled,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let (module, name) = arguments
        .leak
        .rsplit_once('.')
        .unwrap_or(("", &arguments.leak));
    let population = Population {
        objects: arguments.objects,
        order: match arguments.order {
            Addresses::Birth => Order::Birth,
            Addresses::Shuffled => Order::Shuffled,
        },
        leak: (module.to_owned(), name.to_owned()),
        leaked: arguments.leaked,
        seed: arguments.seed,
    };
    let pid = arguments.pid.to_string();
    let process = [("host", arguments.host.as_str()), ("pid", pid.as_str())];
    write(&population, &process, Moment::Before, &arguments.output)?;
    arguments.later.map_or(Ok(()), |path| {
        write(&population, &process, Moment::After, &path)
    })
}

fn write(
    population: &Population,
    process: &[(&str, &str)],
    moment: Moment,
    path: &Path,
) -> io::Result<()> {
    let sink = BufWriter::with_capacity(1 << 20, fs::File::create(path)?);
    let (_, written) = population.write_of(process, moment, sink)?;
    let bytes = fs::metadata(path)?.len();
    eprintln!(
        "{}: {} objects, {} references, {bytes} bytes",
        path.display(),
        written.objects,
        written.references
    );
    Ok(())
}
