//! How arrows lead from box to box: straight through their own labels, and past everything else.
//!
//! Boxes and labels stand in columns. Only in the gaps between columns does an arrow rise or fall; through a column it runs straight,
//! where the layout has left room for it.

use super::layout::Area;

/// A place, in pixels from the upper left corner.
pub type Point = (f64, f64);

/// The line of an arrow: Bézier curves, each of two control points and an end, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Where it begins.
    pub start: Point,
    /// Where it leads.
    pub curves: Vec<[Point; 3]>,
}

/// What is known of an arrow before it has its line.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Where it passes through the columns between its boxes, or around the one box that it begins and ends at.
    pub(super) through: Vec<Point>,
}

/// The last pixels of an arrow are straight: its head lies there.
const HEAD: f64 = 9.0;
/// Between two arrows at a side of a box, where there is room.
const APART: f64 = 10.0;
/// Between a box' corner and an arrow.
const CORNER: f64 = 7.0;

/// A column's middle, and its sides.
struct Column {
    middle: f64,
    left: f64,
    right: f64,
}

/// The lines of arrows between boxes that stand in columns, as do `labels`.
pub(super) fn routes(boxes: &[Area], labels: &[Area], ways: &[Way]) -> Vec<Route> {
    let columns = columns(boxes.iter().chain(labels));
    let ports = Ports::of(boxes, ways);
    let route = |(number, way): (usize, &Way)| {
        if way.from == way.to {
            return around(&boxes[way.from], &way.through);
        }
        let ([from, to], [begin, end]) = ([&boxes[way.from], &boxes[way.to]], ports.ends[number]);
        let rightwards = middle(from).0 < middle(to).0;
        // Of something between these sides, where an arrow reaches it and where it leaves it.
        let passed = |left: f64, right: f64| match rightwards {
            true => [left, right],
            false => [right, left],
        };
        let column = |x: f64| {
            let found = columns
                .iter()
                .find(|column| (column.middle - x).abs() < 0.5);
            found.map_or([x, x], |column| passed(column.left, column.right))
        };
        let sides = |area: &Area| passed(area.x, area.x + area.width);
        let mut line = Line::from((sides(from)[1], begin));
        line.to((column(middle(from).0)[1], begin));
        for &(x, y) in &way.through {
            for x in column(x) {
                line.to((x, y));
            }
        }
        let head = if rightwards { -HEAD } else { HEAD };
        line.to((column(middle(to).0)[0] + head, end));
        line.to((sides(to)[0], end));
        line.route
    };
    ways.iter().enumerate().map(route).collect()
}

fn middle(area: &Area) -> Point {
    (area.x + area.width / 2.0, area.y + area.height / 2.0)
}

fn columns<'a>(areas: impl Iterator<Item = &'a Area>) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for area in areas {
        let at = middle(area).0;
        let (left, right) = (area.x, area.x + area.width);
        match columns
            .iter_mut()
            .find(|column| (column.middle - at).abs() < 0.5)
        {
            Some(column) => {
                column.left = column.left.min(left);
                column.right = column.right.max(right);
            }
            None => columns.push(Column {
                middle: at,
                left,
                right,
            }),
        }
    }
    columns
}

/// At which height each arrow begins and ends.
struct Ports {
    ends: Vec<[f64; 2]>,
}

impl Ports {
    /// Arrows at a side of a box stand in the order of where they lead, so that they do not cross.
    fn of(boxes: &[Area], ways: &[Way]) -> Ports {
        let mut ends = vec![[0.0; 2]; ways.len()];
        let mut sides: Vec<[Vec<(f64, usize, usize)>; 2]> = vec![Default::default(); boxes.len()];
        for (number, way) in ways
            .iter()
            .enumerate()
            .filter(|(_, way)| way.from != way.to)
        {
            let rightwards = middle(&boxes[way.from]).0 < middle(&boxes[way.to]).0;
            let height = |at: Option<&Point>, other: usize| {
                at.map_or_else(|| middle(&boxes[other]).1, |at| at.1)
            };
            let (first, last) = (way.through.first(), way.through.last());
            sides[way.from][usize::from(rightwards)].push((height(first, way.to), number, 0));
            sides[way.to][usize::from(!rightwards)].push((height(last, way.from), number, 1));
        }
        for (area, sides) in boxes.iter().zip(sides) {
            for mut side in sides {
                side.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let gaps = side.len().saturating_sub(1) as f64;
                let step = APART.min((area.height - 2.0 * CORNER).max(0.0) / gaps.max(1.0));
                for (place, (_, number, end)) in side.into_iter().enumerate() {
                    ends[number][end] = middle(area).1 + (place as f64 - gaps / 2.0) * step;
                }
            }
        }
        Ports { ends }
    }
}

/// A line that runs straight, or leaves one height for another, both level.
struct Line {
    at: Point,
    route: Route,
}

impl Line {
    fn from(start: Point) -> Line {
        Line {
            at: start,
            route: Route {
                start,
                curves: Vec::new(),
            },
        }
    }

    fn to(&mut self, end: Point) {
        let half = (self.at.0 + end.0) / 2.0;
        if end != self.at {
            self.route
                .curves
                .push([(half, self.at.1), (half, end.1), end]);
        }
        self.at = end;
    }
}

/// A loop at the side of a box where `through` lies, round and through its furthest point.
fn around(area: &Area, through: &[Point]) -> Route {
    let (x, y) = middle(area);
    let far = through.iter().map(|point| point.1);
    let far = far.max_by(|one, other| (one - y).abs().total_cmp(&(other - y).abs()));
    let far = far.unwrap_or(area.y - APART);
    let side = if far < y {
        area.y
    } else {
        area.y + area.height
    };
    // It is wider than where it begins and ends, and no wider than the box.
    let (foot, wide) = (area.width * 0.22, area.width * 0.45);
    let rise = side + (far - side) * 0.5;
    Route {
        start: (x - foot, side),
        curves: vec![
            [(x - wide, rise), (x - wide, far), (x, far)],
            [(x + wide, far), (x + wide, rise), (x + foot, side)],
        ],
    }
}

impl Route {
    /// All points that it is made of; it does not leave the area between them.
    pub(super) fn points(&mut self) -> impl Iterator<Item = &mut Point> {
        std::iter::once(&mut self.start).chain(self.curves.iter_mut().flatten())
    }

    /// Points on the line, so close to each other that nothing escapes between them.
    pub fn samples(&self) -> impl Iterator<Item = Point> + '_ {
        const EACH: u32 = 24;
        let starts = std::iter::once(self.start).chain(self.curves.iter().map(|curve| curve[2]));
        starts
            .zip(&self.curves)
            .flat_map(|(start, &[one, other, end])| {
                (0..=EACH).map(move |step| {
                    let t = f64::from(step) / f64::from(EACH);
                    let u = 1.0 - t;
                    let along = |start: f64, one: f64, other: f64, end: f64| {
                        u * u * u * start + 3.0 * u * t * (u * one + t * other) + t * t * t * end
                    };
                    (
                        along(start.0, one.0, other.0, end.0),
                        along(start.1, one.1, other.1, end.1),
                    )
                })
            })
    }
}
