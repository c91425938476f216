//! A picture as PNG: the SVG, drawn in light.

use std::collections::BTreeSet;
use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use skrifa::{FontRef, MetadataProvider};

use super::layout::Placed;
use super::text::Font;

/// Twice as many pixels as CSS counts: sharp on the screens of today.
const SCALE: f32 = 2.0;
/// No picture is wider or higher: half a gigabyte of memory.
const MOST_PIXELS: f32 = 11_000.0;

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The SVG is not understood, which is memdump's fault.
    #[error("the picture cannot be drawn: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// There is no room for it.
    #[error(
        "a picture of {width} by {height} pixels cannot be drawn; --max-nodes makes it smaller"
    )]
    Size {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// It cannot be packed.
    #[error("the picture cannot be written as PNG: {0}")]
    Encode(String),
}

/// Draws the text of an SVG file.
pub fn png(svg: &str, placed: &Placed) -> Result<Vec<u8>, PngError> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(Font::widest().file.to_vec());
    let lacking = |c: &char| !Font::covers(c.encode_utf8(&mut [0; 4]));
    let texts = placed.texts().flat_map(|text| text.text.chars());
    let strange: BTreeSet<char> = texts.filter(lacking).collect();
    // The system's are looked for where they are needed only: there may be thousands.
    if !strange.is_empty() {
        fonts.load_system_fonts();
        remove_bitmaps(&mut fonts);
    }
    let unknown: BTreeSet<char> = strange.into_iter().filter(|&c| !has(&fonts, c)).collect();
    // Better a box than nothing: that there is a name is seen.
    let replaced: String = svg
        .chars()
        .map(|c| if unknown.contains(&c) { '□' } else { c })
        .collect();
    let options = Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    let tree = Tree::from_str(&replaced, &options)?;
    let size = tree.size();
    let scale = SCALE.min(MOST_PIXELS / size.width().max(size.height()));
    let pixels = |length: f32| (length * scale).ceil() as u32;
    let (width, height) = (pixels(size.width()), pixels(size.height()));
    let mut pixmap = Pixmap::new(width, height).ok_or(PngError::Size { width, height })?;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixmap.as_mut(),
    );
    pixmap
        .encode_png()
        .map_err(|error| PngError::Encode(error.to_string()))
}

/// Of fonts that are made of bitmaps, as some of emoji are, nothing would be drawn.
fn remove_bitmaps(fonts: &mut fontdb::Database) {
    let is_drawn = |id| fonts.with_face_data(id, has_outlines).unwrap_or(false);
    let ids = fonts.faces().map(|face| face.id);
    let bitmaps: Vec<fontdb::ID> = ids.filter(|&id| !is_drawn(id)).collect();
    for id in bitmaps {
        fonts.remove_face(id);
    }
}

fn has_outlines(file: &[u8], index: u32) -> bool {
    let font = FontRef::from_index(file, index);
    font.is_ok_and(|font| font.outline_glyphs().format().is_some())
}

/// Whether a font has the character.
fn has(fonts: &fontdb::Database, c: char) -> bool {
    let in_file = |file: &[u8], index: u32| {
        let font = FontRef::from_index(file, index);
        font.is_ok_and(|font| font.charmap().map(c).is_some())
    };
    fonts
        .faces()
        .any(|face| fonts.with_face_data(face.id, in_file).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fonts_without_outlines_are_not_drawn_with() {
        let file = Font::widest().file;
        let mut bitmaps = file.to_vec();
        let outlines = file.windows(4).position(|tag| tag == b"glyf");
        bitmaps[outlines.expect("a table of outlines")] = b'x';
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(file.to_vec());
        fonts.load_font_data(bitmaps);
        assert_eq!(fonts.len(), 2);
        remove_bitmaps(&mut fonts);
        assert_eq!(fonts.len(), 1);
        assert!(has(&fonts, 'a'));
    }
}
