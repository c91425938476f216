//! The font of pictures, how wide its texts are, and what of a name is drawn.

use std::sync::LazyLock;

use skrifa::{FontRef, MetadataProvider};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::snapshot::printable;

/// A font that a picture brings along.
#[derive(Debug)]
pub(super) struct Font {
    /// The TrueType file.
    pub(super) file: &'static [u8],
}

/// Latin alone: what nearly all names are written with.
static LATIN: Font = Font {
    file: include_bytes!("font/DejaVuSansMono-latin.ttf"),
};
/// Greek and Cyrillic as well.
static NAMES: Font = Font {
    file: include_bytes!("font/DejaVuSansMono-names.ttf"),
};

static FONTS: LazyLock<[(&Font, FontRef<'static>); 2]> =
    LazyLock::new(|| [&LATIN, &NAMES].map(|font| (font, font.parsed())));

impl Font {
    fn parsed(&self) -> FontRef<'static> {
        FontRef::new(self.file).expect("the font that is compiled in is sound")
    }

    /// The smallest font that has all characters of the texts that any of them has.
    pub(super) fn for_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> &'static Font {
        let [(latin, small), (names, large)] = &*FONTS;
        let (small, large) = (small.charmap(), large.charmap());
        let wants_large = |c: char| small.map(c).is_none() && large.map(c).is_some();
        if texts.into_iter().any(|text| text.chars().any(wants_large)) {
            names
        } else {
            latin
        }
    }

    /// The one with the most characters.
    pub(super) fn widest() -> &'static Font {
        &NAMES
    }

    /// Whether the fonts have all characters of a text. What they do not have is drawn with whatever font the viewer has.
    pub(super) fn covers(text: &str) -> bool {
        let charmap = FONTS[1].1.charmap();
        text.chars().all(|c| charmap.map(c).is_some())
    }
}

/// What each character is wide, as a part of the size of the font: all of them are the same.
pub(super) const ADVANCE: f64 = 0.602;

/// How wide a text is drawn in this size, in pixels. In our font each character is as wide as every other, accents too; in others a
/// character may be as wide as two, and many may be drawn as one.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let columns = match Font::covers(text) {
        true => columns(text),
        false => text.width().max(1),
    };
    columns as f64 * ADVANCE * size
}

/// How long a text is, for those that are cut.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// What has no width of its own counts as well: thousands of accents on a letter are no short text.
fn columns_of(c: char) -> usize {
    c.width().unwrap_or(1).max(1)
}

/// The text as it can be drawn and written: nothing that turns around what follows, and nothing that XML does not have.
pub(super) fn drawable(text: &str) -> String {
    const MOST_ACCENTS: usize = 2;
    let mut accents = 0;
    let drawn = |c: &char| {
        accents = if c.width() == Some(0) { accents + 1 } else { 0 };
        accents <= MOST_ACCENTS
    };
    let legal = |c| match c {
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    printable(text).chars().filter(drawn).map(legal).collect()
}

/// Leaves out the middle of a text of more than so many columns: its end says what it is, its beginning where it hangs.
pub(super) fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let tail: Vec<char> = taken(text.chars().rev(), room / 2);
    let head: Vec<char> = taken(text.chars(), room - room / 2);
    let tail = tail.into_iter().rev();
    head.into_iter().chain(['…']).chain(tail).collect()
}

fn taken(chars: impl Iterator<Item = char>, columns: usize) -> Vec<char> {
    let mut left = columns;
    let fits = |c: &char| {
        let fits = columns_of(*c) <= left;
        left = left.saturating_sub(columns_of(*c));
        fits
    };
    chars.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use skrifa::GlyphId;
    use skrifa::instance::{LocationRef, Size};
    use skrifa::outline::OutlinePen;

    #[test]
    fn all_characters_of_the_fonts_are_of_the_width_that_is_reckoned_with() {
        for (_, font) in &*FONTS {
            let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
            for (c, glyph) in font.charmap().mappings() {
                let advance = f64::from(metrics.advance_width(glyph).expect("an advance"));
                assert!(advance <= ADVANCE + 0.001, "{c:#x}: {advance}");
            }
        }
    }

    /// A viewer that has no font for a name draws this instead.
    #[test]
    fn what_no_font_has_is_seen() {
        struct Strokes(usize);
        impl OutlinePen for Strokes {
            fn move_to(&mut self, _: f32, _: f32) {}
            fn line_to(&mut self, _: f32, _: f32) {
                self.0 += 1;
            }
            fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {
                self.0 += 1;
            }
            fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {
                self.0 += 1;
            }
            fn close(&mut self) {}
        }
        for (_, font) in &*FONTS {
            let unknown = font.outline_glyphs().get(GlyphId::NOTDEF);
            let mut strokes = Strokes(0);
            unknown
                .expect("a glyph for what is unknown")
                .draw((Size::new(1.0), LocationRef::default()), &mut strokes)
                .expect("an outline");
            assert!(strokes.0 >= 4, "{} strokes", strokes.0);
        }
    }

    #[test]
    fn what_is_drawn_as_one_is_as_wide_as_one() {
        let columns = |text| (width(text, 10.0) / width("e", 10.0)).round();
        assert_eq!(columns("Größe"), 5.0);
        assert_eq!(columns("e\u{301}"), 2.0);
        assert_eq!(columns("\u{e01}\u{e47}"), 1.0);
        assert_eq!(columns("缓存"), 4.0);
        // A family of four is one emoji.
        assert_eq!(
            columns("\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}"),
            2.0
        );
    }

    #[test]
    fn names_are_covered_in_latin_greek_and_cyrillic() {
        assert!(Font::covers("größe Ångström naïve Ελληνικά Кэш → … × ≥"));
        assert!(!Font::covers("缓存"));
        assert!(std::ptr::eq(Font::for_texts(["größe", "缓存"]), &LATIN));
        assert!(std::ptr::eq(Font::for_texts(["größe", "Кэш"]), &NAMES));
    }

    #[test]
    fn the_middle_of_what_is_too_long_is_left_out() {
        assert_eq!(cut("abcdefghij", 10), "abcdefghij");
        assert_eq!(cut("abcdefghijk", 10), "abcde…hijk");
        assert_eq!(cut("缓存缓存缓存", 7), "缓…存");
        assert!(columns(&cut(&"e\u{301}".repeat(100), 20)) <= 20);
    }

    #[test]
    fn hostile_texts_can_be_drawn() {
        assert_eq!(
            drawable("a\u{202e}b\u{ffff}\u{0}"),
            "a\\u{202e}b\u{fffd}\\u{0}"
        );
        assert_eq!(
            drawable(&format!("e{}x", "\u{301}".repeat(50))),
            "e\u{301}\u{301}x"
        );
    }
}
