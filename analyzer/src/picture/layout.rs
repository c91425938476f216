//! Where boxes, arrows and their labels lie.

use std::cmp::Ordering;

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel, RankDir, layout};

use super::route::{Point, Route, Way, routes};
use super::text::{columns, cut, drawable, width};
use super::{Line, NodeKind, Picture};

/// Sizes of texts, in pixels.
pub(super) const STRONG_SIZE: f64 = 13.0;
pub(super) const FAINT_SIZE: f64 = 11.0;
pub(super) const LABEL_SIZE: f64 = 12.0;
pub(super) const HEADLINE_SIZE: f64 = 15.0;
/// From one line to the next.
pub(super) const LINE_HEIGHT: f64 = 17.0;
/// Between a box and what stands in it.
const PADDING: f64 = 9.0;
/// Around the picture.
const MARGIN: f64 = 16.0;
/// No line of a box has more columns.
const LONGEST_LINE: usize = 32;
/// No label of an arrow has more.
const LONGEST_LABEL: usize = 24;
/// No line above the picture has more.
const LONGEST_NOTE: usize = 110;

/// A rectangle, in pixels from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Its left side.
    pub x: f64,
    /// Its upper side.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

impl Area {
    fn around(x: f64, y: f64, width: f64, height: f64) -> Area {
        Area {
            x: x - width / 2.0,
            y: y - height / 2.0,
            width,
            height,
        }
    }
}

/// A box and its lines, cut to what is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedNode {
    /// What it stands for.
    pub kind: NodeKind,
    /// Where it lies.
    pub area: Area,
    /// What stands in it.
    pub lines: Vec<PlacedText>,
}

/// A line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedText {
    /// As it is drawn.
    pub text: String,
    /// Where it lies.
    pub area: Area,
    /// The size of its font.
    pub size: f64,
    /// Whether it is what most readers look for.
    pub strong: bool,
}

/// An arrow.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedEdge {
    /// Its line, from side to side of its boxes.
    pub route: Route,
    /// Its label, if it has one.
    pub label: Option<PlacedText>,
}

/// A picture that is laid out; boxes and arrows are those of the picture, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
    /// Headline and notes.
    pub captions: Vec<PlacedText>,
    /// The boxes.
    pub nodes: Vec<PlacedNode>,
    /// The arrows.
    pub edges: Vec<PlacedEdge>,
}

/// Lays the picture out from left to right, as one reads, or downwards if that fits better into so many pixels each way.
pub fn place(picture: &Picture, pixels: f64) -> Placed {
    let across = towards(picture, RankDir::LR);
    let down = towards(picture, RankDir::TB);
    let excess = |placed: &Placed| (placed.width.max(placed.height) / pixels).max(1.0);
    match excess(&down).total_cmp(&excess(&across)) {
        Ordering::Less => down,
        _ => across,
    }
}

fn towards(picture: &Picture, direction: RankDir) -> Placed {
    let mut graph: Graph<NodeLabel, EdgeLabel> = Graph::with_options(GraphOptions {
        directed: true,
        multigraph: true,
        compound: false,
    });
    let mut nodes: Vec<PlacedNode> = Vec::new();
    for (number, node) in picture.nodes.iter().enumerate() {
        let placed = measured(node.kind, &node.lines);
        let label = NodeLabel {
            width: placed.area.width,
            height: placed.area.height,
            ..NodeLabel::default()
        };
        graph.set_node(number.to_string(), Some(label));
        nodes.push(placed);
    }
    for (number, edge) in picture.edges.iter().enumerate() {
        let text = label_text(&edge.label);
        let mut label = EdgeLabel {
            labelpos: dagre::layout::types::LabelPos::Center,
            ..EdgeLabel::default()
        };
        if !text.is_empty() {
            label.width = width(&text, LABEL_SIZE) + 2.0 * PADDING;
            label.height = LINE_HEIGHT + 2.0;
        }
        let (from, to) = (edge.from.0.to_string(), edge.to.0.to_string());
        graph.set_edge(from, to, Some(label), Some(&number.to_string()));
    }
    layout(
        &mut graph,
        Some(LayoutOptions {
            rankdir: direction,
            nodesep: 18.0,
            edgesep: 12.0,
            ranksep: 48.0,
            ..LayoutOptions::default()
        }),
    );
    let is_down = matches!(direction, RankDir::TB);
    // All that follows is of a picture that reads from left to right; one that reads downwards lies on its side meanwhile.
    let turned = |(x, y): Point| if is_down { (y, x) } else { (x, y) };
    let middles = (0..nodes.len()).map(|number| {
        let found = graph.node(&number.to_string());
        let at = |middle: Option<f64>| middle.unwrap_or(0.0);
        turned(found.map_or((0.0, 0.0), |found| (at(found.x), at(found.y))))
    });
    let middles: Vec<Point> = middles.collect();
    let mirror = if is_upside_down(&middles) { -1.0 } else { 1.0 };
    let upright = |(x, y): Point| (x, mirror * y);
    let sized = |at: Point, area: (f64, f64)| {
        let (width, height) = turned(area);
        Area::around(at.0, at.1, width, height)
    };
    let boxes: Vec<Area> = std::iter::zip(&middles, &nodes)
        .map(|(&middle, node)| sized(upright(middle), (node.area.width, node.area.height)))
        .collect();
    let mut labels: Vec<Option<Area>> = Vec::new();
    let mut ways: Vec<Way> = Vec::new();
    for (number, edge) in picture.edges.iter().enumerate() {
        let (from, to) = (edge.from.0, edge.to.0);
        let number = number.to_string();
        let found = graph.edge(&from.to_string(), &to.to_string(), Some(&number));
        let points = found.map_or(&[][..], |found| &found.points[..]);
        let mut through: Vec<Point> = points
            .iter()
            .map(|point| upright(turned((point.x, point.y))))
            .collect();
        // Where the layout has an arrow touch its boxes is not in the order of where it leads.
        if from != to && through.len() >= 2 {
            through.pop();
            through.remove(0);
        }
        ways.push(Way { from, to, through });
        let text = label_text(&edge.label);
        let at = found.and_then(|found| found.x.zip(found.y));
        labels.push(at.filter(|_| !text.is_empty()).map(|at| {
            let room = (width(&text, LABEL_SIZE), LINE_HEIGHT);
            sized(upright(turned(at)), room)
        }));
    }
    let known: Vec<Area> = labels.iter().flatten().copied().collect();
    let back = |area: Area| {
        let ((x, y), (width, height)) =
            (turned((area.x, area.y)), turned((area.width, area.height)));
        Area {
            x,
            y,
            width,
            height,
        }
    };
    for (node, &area) in nodes.iter_mut().zip(&boxes) {
        let area = back(area);
        shift_node(node, area.x, area.y);
    }
    let edges = std::iter::zip(routes(&boxes, &known, &ways), labels).zip(&picture.edges);
    let edges = edges.map(|((mut route, label), edge)| {
        for point in route.points() {
            *point = turned(*point);
        }
        let label = label.map(|area| PlacedText {
            text: label_text(&edge.label),
            area: back(area),
            size: LABEL_SIZE,
            strong: true,
        });
        PlacedEdge { route, label }
    });
    let edges = edges.collect();
    framed(picture, nodes, edges)
}

/// Whether what comes first in the picture lies below what comes later, in more columns than not.
fn is_upside_down(middles: &[Point]) -> bool {
    let (mut below, mut above) = (0_usize, 0_usize);
    for (number, one) in middles.iter().enumerate() {
        for other in &middles[number + 1..] {
            if (one.0 - other.0).abs() < 0.5 {
                below += usize::from(one.1 > other.1);
                above += usize::from(one.1 < other.1);
            }
        }
    }
    below > above
}

/// The box with its lines in it, at the upper left corner.
fn measured(kind: NodeKind, lines: &[Line]) -> PlacedNode {
    let texts: Vec<(String, f64, bool)> = lines
        .iter()
        .map(|line| {
            let size = if line.strong { STRONG_SIZE } else { FAINT_SIZE };
            let is_long = columns(&line.text) > LONGEST_LINE;
            let text = line
                .brief
                .as_ref()
                .filter(|_| is_long)
                .unwrap_or(&line.text);
            (cut(&drawable(text), LONGEST_LINE), size, line.strong)
        })
        .collect();
    let widest = texts.iter().map(|(text, size, _)| width(text, *size));
    let area = Area {
        x: 0.0,
        y: 0.0,
        width: widest.fold(30.0, f64::max) + 2.0 * PADDING,
        height: texts.len() as f64 * LINE_HEIGHT + 1.3 * PADDING,
    };
    let lines = texts
        .into_iter()
        .enumerate()
        .map(|(number, (text, size, strong))| {
            let middle = area.height / 2.0
                + (number as f64 - (lines.len() as f64 - 1.0) / 2.0) * LINE_HEIGHT;
            let area = Area::around(area.width / 2.0, middle, width(&text, size), LINE_HEIGHT);
            PlacedText {
                text,
                area,
                size,
                strong,
            }
        });
    let lines = lines.collect();
    PlacedNode { kind, area, lines }
}

fn label_text(label: &str) -> String {
    cut(&drawable(label), LONGEST_LABEL)
}

fn shift_node(node: &mut PlacedNode, dx: f64, dy: f64) {
    for area in
        std::iter::once(&mut node.area).chain(node.lines.iter_mut().map(|line| &mut line.area))
    {
        area.x += dx;
        area.y += dy;
    }
}

/// Moves everything under the headline and its notes, and adds the margin.
fn framed(picture: &Picture, mut nodes: Vec<PlacedNode>, mut edges: Vec<PlacedEdge>) -> Placed {
    let mut captions: Vec<PlacedText> = Vec::new();
    let mut top = MARGIN;
    let notes = picture.notes.iter().map(|note| (note, FAINT_SIZE, false));
    for (text, size, strong) in [(&picture.headline, HEADLINE_SIZE, true)]
        .into_iter()
        .chain(notes)
    {
        let text = cut(&drawable(text), LONGEST_NOTE);
        let area = Area {
            x: MARGIN,
            y: top,
            width: width(&text, size),
            height: size * 1.4,
        };
        top += area.height + 2.0;
        captions.push(PlacedText {
            text,
            area,
            size,
            strong,
        });
    }
    top += MARGIN * 0.75;
    // Arrows may lead around the outermost boxes.
    let mut corner = (f64::MAX, f64::MAX);
    let mut end = (0.0_f64, 0.0_f64);
    let mut include = |x: f64, y: f64| {
        corner = (corner.0.min(x), corner.1.min(y));
        end = (end.0.max(x), end.1.max(y));
    };
    for area in nodes.iter().map(|node| node.area).chain(
        edges
            .iter()
            .filter_map(|edge| edge.label.as_ref().map(|label| label.area)),
    ) {
        include(area.x, area.y);
        include(area.x + area.width, area.y + area.height);
    }
    for &mut (x, y) in edges.iter_mut().flat_map(|edge| edge.route.points()) {
        include(x, y);
    }
    let (dx, dy) = if nodes.is_empty() {
        (0.0, 0.0)
    } else {
        (MARGIN - corner.0, top - corner.1)
    };
    for node in &mut nodes {
        shift_node(node, dx, dy);
    }
    for edge in &mut edges {
        for point in edge.route.points() {
            *point = (point.0 + dx, point.1 + dy);
        }
        if let Some(label) = &mut edge.label {
            label.area.x += dx;
            label.area.y += dy;
        }
    }
    let widest = captions.iter().map(|text| text.area.x + text.area.width);
    let width = widest.fold(end.0 + dx, f64::max) + MARGIN;
    let height = (end.1 + dy).max(top) + MARGIN;
    Placed {
        width: width.ceil(),
        height: height.ceil(),
        captions,
        nodes,
        edges,
    }
}

impl Placed {
    /// All texts that are drawn.
    pub fn texts(&self) -> impl Iterator<Item = &PlacedText> {
        let lines = self.nodes.iter().flat_map(|node| &node.lines);
        let labels = self.edges.iter().filter_map(|edge| edge.label.as_ref());
        self.captions.iter().chain(lines).chain(labels)
    }
}
