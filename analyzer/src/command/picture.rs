//! Pictures as files.

use std::path::Path;

use super::CannotStart;
use super::output::OutputFile;
use crate::picture::{Bounds, Picture, dot, fitted, png, svg};

/// How a picture is drawn and written.
#[derive(clap::Args, Debug)]
pub(super) struct Drawing {
    /// Draw no more boxes than this; what is left out is counted
    #[arg(long, value_name = "N", default_value_t = 40)]
    max_nodes: usize,
    /// Draw nothing wider or higher than so many pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1600, value_parser = clap::value_parser!(u32).range(200..=20_000))]
    max_size: u32,
    /// Replace the picture if the file exists
    #[arg(long)]
    force: bool,
}

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
    Dot,
}

/// A file that a picture is to be written to.
#[derive(Debug)]
pub(super) struct PictureFile<'d> {
    file: OutputFile,
    format: Format,
    drawing: &'d Drawing,
}

impl Drawing {
    /// Looks at the file before there is any work that would be in vain.
    pub(super) fn file(&self, path: &Path) -> anyhow::Result<PictureFile<'_>> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let format = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Format::Svg,
            Some("png") => Format::Png,
            Some("dot" | "gv") => Format::Dot,
            _ => return Err(CannotStart::NoPicture(path.to_owned()).into()),
        };
        Ok(PictureFile {
            file: OutputFile::new(path, self.force)?,
            format,
            drawing: self,
        })
    }
}

impl PictureFile<'_> {
    /// Draws the picture, of as many boxes as fit, writes it, and tells so.
    pub(super) fn write(&self, picture_of: impl Fn(usize) -> Picture) -> anyhow::Result<()> {
        let bounds = Bounds {
            nodes: self.drawing.max_nodes,
            pixels: self.drawing.max_size,
        };
        let (picture, placed) = fitted(bounds, picture_of);
        let bytes = match self.format {
            Format::Dot => dot::dot(&picture).into_bytes(),
            Format::Svg => svg::svg(&picture, &placed, bounds.pixels).into_bytes(),
            Format::Png => png::png(&svg::svg(&picture, &placed, bounds.pixels), &placed)?,
        };
        self.file.write(&bytes)?;
        anstream::eprintln!("memdump: wrote {}", self.file.path().display());
        Ok(())
    }
}
