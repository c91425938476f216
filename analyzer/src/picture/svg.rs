//! A picture as SVG: one file that needs nothing else, readable in light and dark.

use std::fmt::Write as _;
use std::io;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::layout::{Area, FAINT_SIZE, Placed, PlacedText};
use super::route::{Point, Route};
use super::text::{Font, drawable};
use super::{NodeKind, Picture};

/// The family under which the font is brought along; nobody's own font is meant by it. [`png`](super::png) knows it by its real name.
const FAMILY: &str = "memdump";

/// Between a label and the line of its arrow, in pixels.
const LABEL_GAP: f64 = 4.0;

/// Light is the rule, which every reader of SVG knows; who knows of dark as well gets it.
const COLOURS: &str = "
.paper{fill:#ffffff}
.node rect{fill:#f6f8fa;stroke:#8c959f;stroke-width:1}
.root rect{fill:#ddf4ff;stroke:#0969da;stroke-width:1.5}
.target rect{fill:#fff1e5;stroke:#bc4c00;stroke-width:2}
.more rect{fill:#ffffff;stroke:#8c959f;stroke-dasharray:4 3}
text{fill:#1f2328}
.faint{fill:#59636e}
.edge path{fill:none;stroke:#6e7781;stroke-width:1.3}
.weak path{stroke-dasharray:3 3}
.label rect{fill:#ffffff}
.label text{fill:#0550ae}
.arrow{fill:#6e7781}
@media (prefers-color-scheme:dark){
.paper{fill:#0d1117}
.node rect{fill:#1c2128;stroke:#768390}
.root rect{fill:#10233f;stroke:#4493f8}
.target rect{fill:#3a2008;stroke:#f0883e}
.more rect{fill:#0d1117;stroke:#768390}
text{fill:#e6edf3}
.faint{fill:#a2abb6}
.edge path{stroke:#8b949e}
.label rect{fill:#0d1117}
.label text{fill:#79c0ff}
.arrow{fill:#8b949e}
}
";

/// The picture as the text of an SVG file, no larger than so many pixels each way.
pub fn svg(picture: &Picture, placed: &Placed, pixels: u32) -> String {
    let style = style([placed], COLOURS);
    written(picture, placed, pixels, "arrow", Some(&style))
}

/// The picture as an element of a page, of which no other has the `name`. What it looks like is up to [`page_style`].
pub fn element(picture: &Picture, placed: &Placed, pixels: u32, name: &str) -> String {
    written(picture, placed, pixels, &format!("arrow-{name}"), None)
}

/// The rules of a page for the elements of class `picture` that it has such pictures in, and their font.
pub fn page_style<'p>(pictures: impl IntoIterator<Item = &'p Placed>) -> String {
    style(pictures, &format!(".picture{{{COLOURS}}}"))
}

fn written(
    picture: &Picture,
    placed: &Placed,
    pixels: u32,
    arrow: &str,
    style: Option<&str>,
) -> String {
    // Writing to memory fails for want of memory only, which ends the program elsewhere.
    let bytes = write(picture, placed, pixels, arrow, style).expect("memory takes every text");
    String::from_utf8(bytes).expect("XML of texts is text")
}

fn write(
    picture: &Picture,
    placed: &Placed,
    pixels: u32,
    arrow: &str,
    style: Option<&str>,
) -> io::Result<Vec<u8>> {
    let mut out = Writer::new_with_indent(Vec::new(), b' ', 1);
    if style.is_some() {
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    }
    let (width, height) = (placed.width, placed.height);
    // What cannot be folded any further is shown smaller.
    let scale = (f64::from(pixels) / width.max(height)).min(1.0);
    open(
        &mut out,
        "svg",
        &[
            ("xmlns", "http://www.w3.org/2000/svg".to_owned()),
            ("width", number(width * scale)),
            ("height", number(height * scale)),
            (
                "viewBox",
                format!("0 0 {} {}", number(width), number(height)),
            ),
            ("role", "img".to_owned()),
            (
                "font-family",
                format!("{FAMILY}, 'DejaVu Sans Mono', monospace"),
            ),
        ],
    )?;
    text_element(&mut out, "title", &[], &drawable(&picture.headline))?;
    if let Some(style) = style {
        text_element(&mut out, "style", &[], style)?;
    }
    open(&mut out, "defs", &[])?;
    let marker = [
        ("id", arrow),
        ("viewBox", "0 0 8 8"),
        ("refX", "7"),
        ("refY", "4"),
        ("markerWidth", "8"),
        ("markerHeight", "8"),
        ("markerUnits", "userSpaceOnUse"),
        ("orient", "auto"),
    ];
    open(
        &mut out,
        "marker",
        &marker.map(|(name, value)| (name, value.to_owned())),
    )?;
    empty(
        &mut out,
        "path",
        &[
            ("class", "arrow".to_owned()),
            ("d", "M0 0.5L8 4L0 7.5z".to_owned()),
        ],
    )?;
    close(&mut out, "marker")?;
    close(&mut out, "defs")?;
    let paper = Area {
        x: 0.0,
        y: 0.0,
        width,
        height,
    };
    rectangle(&mut out, &paper, Some("paper"), 0.0)?;
    for caption in &placed.captions {
        line(&mut out, caption, caption.area.x, "start")?;
    }
    for (edge, placed) in picture.edges.iter().zip(&placed.edges) {
        let class = if edge.strong { "edge" } else { "edge weak" };
        open(&mut out, "g", &[("class", class.to_owned())])?;
        if !edge.label.is_empty() {
            text_element(&mut out, "title", &[], &drawable(&edge.label))?;
        }
        empty(
            &mut out,
            "path",
            &[
                ("d", curve(&placed.route)),
                ("marker-end", format!("url(#{arrow})")),
            ],
        )?;
        close(&mut out, "g")?;
    }
    // Above all arrows, so that none goes through a text.
    for (edge, placed) in picture.edges.iter().zip(&placed.edges) {
        let Some(label) = &placed.label else { continue };
        open(&mut out, "g", &[("class", "label".to_owned())])?;
        text_element(&mut out, "title", &[], &drawable(&edge.label))?;
        // Room for the eye between the text and the arrow's line.
        let behind = Area {
            x: label.area.x - LABEL_GAP,
            width: label.area.width + 2.0 * LABEL_GAP,
            ..label.area
        };
        rectangle(&mut out, &behind, None, 0.0)?;
        line(&mut out, label, middle(&label.area), "middle")?;
        close(&mut out, "g")?;
    }
    for (node, placed) in picture.nodes.iter().zip(&placed.nodes) {
        let class = match node.kind {
            NodeKind::Root => "node root",
            NodeKind::Object => "node",
            NodeKind::Target => "node target",
            NodeKind::More => "node more",
        };
        open(&mut out, "g", &[("class", class.to_owned())])?;
        let tooltip: Vec<String> = node.tooltip.lines().map(drawable).collect();
        text_element(&mut out, "title", &[], &tooltip.join("\n"))?;
        rectangle(&mut out, &placed.area, None, 5.0)?;
        for text in &placed.lines {
            line(&mut out, text, middle(&placed.area), "middle")?;
        }
        close(&mut out, "g")?;
    }
    close(&mut out, "svg")?;
    Ok(out.into_inner())
}

fn style<'p>(pictures: impl IntoIterator<Item = &'p Placed>, colours: &str) -> String {
    let texts = pictures.into_iter().flat_map(Placed::texts);
    let font = Font::for_texts(texts.map(|text| text.text.as_str()));
    format!(
        "@font-face{{font-family:{FAMILY};src:url(data:font/ttf;base64,{})}}{colours}",
        BASE64_STANDARD.encode(font.file)
    )
}

fn middle(area: &Area) -> f64 {
    area.x + area.width / 2.0
}

type Xml = Writer<Vec<u8>>;
type Attributes<'a> = [(&'a str, String)];

fn started<'a>(name: &'a str, attributes: &Attributes<'_>) -> BytesStart<'a> {
    let pairs = attributes
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    BytesStart::new(name).with_attributes(pairs)
}

fn open(out: &mut Xml, name: &str, attributes: &Attributes<'_>) -> io::Result<()> {
    out.write_event(Event::Start(started(name, attributes)))
}

fn empty(out: &mut Xml, name: &str, attributes: &Attributes<'_>) -> io::Result<()> {
    out.write_event(Event::Empty(started(name, attributes)))
}

fn close(out: &mut Xml, name: &str) -> io::Result<()> {
    out.write_event(Event::End(BytesEnd::new(name)))
}

fn text_element(
    out: &mut Xml,
    name: &str,
    attributes: &Attributes<'_>,
    text: &str,
) -> io::Result<()> {
    open(out, name, attributes)?;
    out.write_event(Event::Text(BytesText::new(text)))?;
    close(out, name)
}

fn rectangle(out: &mut Xml, area: &Area, class: Option<&str>, corner: f64) -> io::Result<()> {
    let mut attributes = vec![
        ("x", number(area.x)),
        ("y", number(area.y)),
        ("width", number(area.width)),
        ("height", number(area.height)),
    ];
    if corner > 0.0 {
        attributes.push(("rx", number(corner)));
    }
    if let Some(class) = class {
        attributes.push(("class", class.to_owned()));
    }
    empty(out, "rect", &attributes)
}

fn line(out: &mut Xml, text: &PlacedText, x: f64, anchor: &str) -> io::Result<()> {
    let mut attributes = vec![
        ("x", number(x)),
        // The base line: what is above it of a letter is about two thirds of its size.
        (
            "y",
            number(text.area.y + text.area.height / 2.0 + text.size * 0.35),
        ),
        ("font-size", number(text.size)),
        ("text-anchor", anchor.to_owned()),
        ("xml:space", "preserve".to_owned()),
    ];
    if !text.strong && text.size == FAINT_SIZE {
        attributes.push(("class", "faint".to_owned()));
    }
    // A font that is not known here draws it in the room that was reckoned with.
    if !Font::covers(&text.text) {
        attributes.push(("textLength", number(text.area.width)));
        attributes.push(("lengthAdjust", "spacingAndGlyphs".to_owned()));
    }
    text_element(out, "text", &attributes, &text.text)
}

/// The arrow's line.
fn curve(route: &Route) -> String {
    let mut path = String::new();
    let mut to = |command: &str, points: &[Point]| {
        path.push_str(command);
        for (place, (x, y)) in points.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            let _ = write!(path, "{space}{} {}", number(*x), number(*y));
        }
    };
    to("M", &[route.start]);
    for curve in &route.curves {
        to("C", curve);
    }
    path
}

/// A tenth of a pixel is exact enough.
fn number(number: f64) -> String {
    let rounded = (number * 10.0).round() / 10.0;
    format!("{rounded}")
}
