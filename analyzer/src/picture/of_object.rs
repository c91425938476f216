//! An object and what is around it as a picture.

use std::collections::{HashMap, HashSet};

use super::{Edge, Line, Node, NodeId, NodeKind, Picture, holder_lines, type_lines};
use crate::analysis::chain::{Holder, HolderKind};
use crate::analysis::neighbourhood::{Link, Member, Neighbourhood, Side, TOLD};
use crate::snapshot::TypeName;
use crate::view::chain::holder_text;
use crate::view::number::{bytes, count, plural};

/// The picture of an object and of what is around it, in about `nodes` boxes: with fewer the further ones are left out first.
pub fn picture(around: &Neighbourhood, nodes: usize) -> Picture {
    let furthest = around.objects.iter().map(|member| member.distance).max();
    let furthest = furthest.unwrap_or(0).max(1);
    // The nearest neighbours tell most: rather all of them than some that are further off.
    let depths = (1..=furthest).rev();
    let ways = depths.flat_map(|depth| (1..=TOLD).rev().map(move |each| Fold { depth, each }));
    let mut pictures = ways.map(|fold| fold.draw(around));
    let first = pictures.next().unwrap_or_default();
    if first.nodes.len() <= nodes {
        return first;
    }
    let mut smallest = first;
    for picture in pictures {
        if picture.nodes.len() <= nodes {
            return picture;
        }
        smallest = picture;
    }
    smallest
}

/// How much is drawn.
#[derive(Clone, Copy)]
struct Fold {
    /// Objects so many references away.
    depth: u32,
    /// So many neighbours of each on each side.
    each: usize,
}

impl Fold {
    fn draw(self, around: &Neighbourhood) -> Picture {
        let mut picture = Picture::default();
        let Some(centre) = around.objects.first() else {
            return picture;
        };
        picture.headline = format!("{} {}", centre.object.address, centre.object.type_name);
        picture.notes.push(format!(
            "what refers to it and what it refers to, up to {} away",
            plural(u64::from(self.depth), "reference", "references")
        ));
        let mut boxes: HashMap<usize, NodeId> = HashMap::new();
        boxes.insert(0, picture.add(node(centre, NodeKind::Target)));
        for is_referrer in [true, false] {
            // On a loop are objects that are met from both sides.
            let mut met = HashSet::from([0]);
            let mut frontier = vec![0];
            for _ in 0..self.depth {
                frontier = self.draw_side(
                    around,
                    &frontier,
                    is_referrer,
                    &mut met,
                    &mut boxes,
                    &mut picture,
                );
            }
        }
        // By place, so that the same picture is always drawn alike.
        let mut drawn: Vec<(usize, NodeId)> = boxes.into_iter().collect();
        drawn.sort();
        for (place, at) in drawn {
            draw_roots(&around.objects[place], at, &mut picture);
        }
        picture
    }

    fn draw_side(
        self,
        around: &Neighbourhood,
        frontier: &[usize],
        is_referrer: bool,
        met: &mut HashSet<usize>,
        boxes: &mut HashMap<usize, NodeId>,
        picture: &mut Picture,
    ) -> Vec<usize> {
        let mut new = Vec::new();
        for &place in frontier {
            let at = boxes[&place];
            let member = &around.objects[place];
            let side = if is_referrer {
                &member.referrers
            } else {
                &member.references
            };
            for link in side.told.iter().take(self.each) {
                let other = *boxes.entry(link.other).or_insert_with(|| {
                    picture.add(node(&around.objects[link.other], NodeKind::Object))
                });
                if met.insert(link.other) {
                    new.push(link.other);
                }
                let (from, to) = if is_referrer {
                    (other, at)
                } else {
                    (at, other)
                };
                let known = picture
                    .edges
                    .iter()
                    .any(|edge| (edge.from, edge.to) == (from, to));
                if !known {
                    picture.edges.push(Edge {
                        from,
                        to,
                        label: labels(link),
                        strong: link.strong,
                    });
                }
            }
            if let Some(more) = more(around, side, self.each) {
                let more = picture.add(more);
                let (from, to) = if is_referrer { (more, at) } else { (at, more) };
                picture.link(from, to, "");
            }
        }
        new
    }
}

fn labels(link: &Link) -> String {
    let named: Vec<&str> = link
        .labels
        .iter()
        .map(String::as_str)
        .filter(|label| !label.is_empty())
        .collect();
    let mut text = named.join(", ");
    let more = link.count - link.labels.len() as u64;
    if more > 0 {
        text += &format!(" +{}", count(more));
    }
    text
}

/// What is not drawn of a side, by type.
fn more(around: &Neighbourhood, side: &Side, each: usize) -> Option<Node> {
    const TYPES: usize = 3;
    let mut types: HashMap<&TypeName, u64> = side
        .more
        .iter()
        .map(|(name, count)| (name, *count))
        .collect();
    for link in side.told.iter().skip(each) {
        *types
            .entry(&around.objects[link.other].object.type_name)
            .or_default() += link.count;
    }
    let mut types: Vec<(&TypeName, u64)> = types.into_iter().collect();
    types.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let total: u64 = types.iter().map(|(_, count)| count).sum();
    if total == 0 {
        return None;
    }
    let mut lines = vec![Line::strong(format!("+{} more", count(total)))];
    let told = types
        .iter()
        .take(TYPES)
        .map(|(name, number)| Line::faint(format!("{} {name}", count(*number))).of_type());
    lines.extend(told);
    if types.len() > TYPES {
        lines.push(Line::faint(plural(
            (types.len() - TYPES) as u64,
            "other type",
            "other types",
        )));
    }
    let all = types
        .iter()
        .take(30)
        .map(|(name, number)| format!("{} {name}", count(*number)));
    Some(Node {
        kind: NodeKind::More,
        lines,
        tooltip: all.collect::<Vec<_>>().join("\n"),
    })
}

fn node(member: &Member, kind: NodeKind) -> Node {
    let object = &member.object;
    let mut lines = type_lines(&object.type_name);
    if let Some(name) = module_name(member) {
        lines = vec![Line::faint("module"), Line::strong(name)];
    }
    if let Some(value) = &object.value {
        lines.push(Line::faint(value));
    }
    if kind == NodeKind::Target {
        lines.push(Line::faint(object.address.to_string()));
    }
    let mut tooltip = format!(
        "{} {}\n{}",
        object.address,
        object.type_name,
        bytes(object.size)
    );
    if let Some(refcount) = object.refcount {
        tooltip += &format!(", refcount {}", count(refcount));
    }
    if let Some(value) = &object.value {
        tooltip += &format!("\n{value}");
    }
    // A module is a root and an object.
    let kind = match (kind, module_name(member)) {
        (NodeKind::Object, Some(_)) => NodeKind::Root,
        (kind, _) => kind,
    };
    Node {
        kind,
        lines,
        tooltip,
    }
}

/// The name under which the object is an imported module.
fn module_name(member: &Member) -> Option<&str> {
    let module = member
        .roots
        .iter()
        .find(|root| root.kind == HolderKind::Module && root.label.is_empty())?;
    (member.object.type_name.short() == "module").then_some(module.name.as_deref()?)
}

/// The first root of an object that is no module, and how many more there are.
fn draw_roots(member: &Member, at: NodeId, picture: &mut Picture) {
    if module_name(member).is_some() {
        return;
    }
    let Some(root) = member.roots.first() else {
        return;
    };
    let text = |root: &Holder| {
        format!("{} {}", holder_text(root), root.label)
            .trim_end()
            .to_owned()
    };
    let mut lines = holder_lines(root);
    let more = member.roots.len() as u64 - 1;
    if more > 0 {
        lines.push(Line::faint(format!(
            "and {}",
            plural(more, "more root", "more roots")
        )));
    }
    let all = member.roots.iter().take(30).map(text);
    let root_box = picture.add(Node {
        kind: NodeKind::Root,
        lines,
        tooltip: all.collect::<Vec<_>>().join("\n"),
    });
    picture.link(root_box, at, root.label.as_str());
}
