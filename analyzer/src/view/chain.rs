//! Chains by shape, biggest group first.

use super::Width;
use super::number::{bytes, count, identity, plural};
use super::style::{alarm, faint, strong};
use crate::analysis::chain::{
    Chain, ChainShape, ChainStep, Explained, Holder, HolderKind, ShapeGroup, ShapeStep,
};
use crate::snapshot::TypeName;

/// The explanation of all objects that were asked about.
pub fn text(result: &Explained, width: Width) -> String {
    let how = result.identity.as_ref().map(identity);
    let mut text = strong(&headline(result));
    if let Some(how) = how {
        text += &faint(&format!("   ({how})"));
    }
    text.push('\n');
    let digits = result
        .groups
        .first()
        .map_or(0, |group| count(group.count).len());
    for group in &result.groups {
        text.push('\n');
        text += &group_text(group, digits, width);
    }
    let more = result.shapes - result.groups.len() as u64;
    if more > 0 {
        let listed: u64 = result.groups.iter().map(|group| group.count).sum();
        let objects = plural(result.explained - listed, "object", "objects");
        let shapes = plural(more, "more shape", "more shapes");
        text += &faint(&format!("\n… and {shapes} of {objects}\n"));
    }
    let unexplained = result.objects - result.explained;
    if unexplained > 0 {
        let objects = plural(unexplained, "of the objects", "of the objects");
        text += &alarm(&format!(
            "\nto {objects} leads no chain that was asked for\n"
        ));
    }
    text
}

/// What was asked about and how much of it is explained, in a line.
pub(crate) fn headline(result: &Explained) -> String {
    let new = if result.identity.is_some() {
        "new "
    } else {
        ""
    };
    let what = match &result.types[..] {
        [one] => one.to_string(),
        [] => result.pattern.clone(),
        many => format!("objects of {} types like {}", many.len(), result.pattern),
    };
    let objects = format!("{} {new}{what}", count(result.objects));
    if result.objects == 0 {
        return format!("no {new}{what}");
    }
    let all = if result.explained == result.objects {
        "all explained"
    } else {
        "explained"
    };
    match result.shapes {
        0 => format!("{objects}, none explained"),
        shapes => format!("{objects}, {all} by {}", plural(shapes, "shape", "shapes")),
    }
}

fn group_text(group: &ShapeGroup, digits: usize, width: Width) -> String {
    let number = format!(" {:>digits$} ×  ", count(group.count));
    let indent = " ".repeat(number.chars().count());
    let mut text = strong(&number);
    text += &shape_text(group, &indent, width);
    let lead = format!("{:>1$}", "e.g. ", indent.len());
    let example = chain_line(&group.example);
    let last = group.example.steps.last();
    let address = last
        .map(|step| format!("  →  {}", step.address))
        .unwrap_or_default();
    let beside = indent.len() + address.chars().count();
    text + &lead + &width.fit(&example, beside) + &address + "\n"
}

/// One line for the holder, and one for each step.
fn shape_text(group: &ShapeGroup, indent: &str, width: Width) -> String {
    let holder = Holder {
        kind: group.holder.kind,
        name: group.holder.name.clone(),
        thread: None,
        line: None,
        label: String::new(),
    };
    let mut rows: Vec<[String; 3]> = vec![[holder_text(&holder), String::new(), String::new()]];
    // Sizes are those of the example; where steps recur it has more steps than the shape.
    let recurs = group.steps.iter().any(|step| step.recurring > 0);
    for (number, step) in group.steps.iter().enumerate() {
        let size = match group.example.steps.get(number) {
            Some(example) if !recurs => bytes(example.size),
            _ => String::new(),
        };
        if number > 0 {
            rows.push([label_or_arrow(&step.label), type_text(step), size]);
        } else if !is_module(&holder, &step.type_name) {
            rows.push([label_or_arrow(&group.holder.label), type_text(step), size]);
        }
    }
    let rows = rows.into_iter();
    columns(
        rows.map(|[label, rest, size]| [width.fit(&label, indent.len() + 40), rest, size]),
        indent,
    )
}

/// Aligns what stands beneath one another, but for the first line, which stands alone.
fn columns(rows: impl Iterator<Item = [String; 3]>, indent: &str) -> String {
    let rows: Vec<[String; 3]> = rows.collect();
    let widest = |column: usize| {
        let cells = rows.iter().skip(1).map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let (labels, types) = (widest(0), widest(1));
    let lines = rows.iter().map(|[label, name, size]| {
        let line = format!("{label:labels$}   {name:types$}   {size}");
        line.trim_end().to_owned() + "\n"
    });
    lines.collect::<Vec<_>>().join(indent)
}

fn label_or_arrow(label: &str) -> String {
    if label.is_empty() { "→" } else { label }.to_owned()
}

fn type_text(step: &ShapeStep) -> String {
    match step.recurring {
        0 => step.type_name.to_string(),
        1 => format!("{}, again and again", step.type_name),
        steps => format!("{}, these {steps} again and again", step.type_name),
    }
}

/// A module is both the root and the first object.
pub(crate) fn is_module(holder: &Holder, first: &TypeName) -> bool {
    holder.kind == HolderKind::Module && first.short() == "module" && holder.label.is_empty()
}

/// What holds a chain, in words.
pub(crate) fn holder_text(holder: &Holder) -> String {
    let name = holder.name.as_deref();
    let thread = holder
        .thread
        .as_deref()
        .map(|thread| format!("thread {thread}"));
    let named = |what: &str| match name {
        Some(name) => format!("{what} {name}"),
        None => what.to_owned(),
    };
    let in_thread = |what: String| match &thread {
        Some(thread) => format!("{thread}, {what}"),
        None => what,
    };
    match holder.kind {
        HolderKind::Module => named("module"),
        HolderKind::Frame => in_thread(with_line(&named("frame"), holder.line)),
        HolderKind::Thread => match &thread {
            Some(thread) => name.map_or(thread.clone(), |name| format!("{thread}, {name}")),
            None => named("thread"),
        },
        HolderKind::Interpreter => named("interpreter"),
        HolderKind::Static => named("static"),
        HolderKind::Native => match name {
            Some(name) => format!("<held by native code: {name}>"),
            None => "<held by native code>".to_owned(),
        },
        HolderKind::Unreachable => "<unreachable: only a collection can free it>".to_owned(),
    }
}

/// `handle (views.py)` at line 42 is `handle (views.py:42)`.
pub(crate) fn with_line(frame: &str, line: Option<u32>) -> String {
    match (line, frame.strip_suffix(')')) {
        (Some(line), Some(open)) => format!("{open}:{line})"),
        (Some(line), None) => format!("{frame}:{line}"),
        (None, _) => frame.to_owned(),
    }
}

/// What chains of one shape have in common, on one line.
pub(super) fn shape_line(shape: &ChainShape) -> String {
    let holder = Holder {
        kind: shape.holder.kind,
        name: shape.holder.name.clone(),
        thread: None,
        line: None,
        label: shape.holder.label.clone(),
    };
    let first = shape.steps.first();
    let is_module = first.is_some_and(|first| is_module(&holder, &first.type_name));
    let mut line = match (&holder.name, is_module) {
        (Some(name), true) => name.clone(),
        _ => format!("{} {}", holder_text(&holder), holder.label),
    };
    for step in shape.steps.iter().skip(usize::from(is_module)) {
        if step.label.is_empty() {
            line += &format!(" → {}", step.type_name);
        } else {
            line += &step.label;
        }
        if step.recurring > 0 {
            line += "…";
        }
    }
    line
}

/// A chain on one line: as an expression where its labels allow it.
pub(crate) fn chain_line(chain: &Chain) -> String {
    if let Some(expression) = &chain.expression {
        return match chain.holder.kind {
            HolderKind::Module => expression.clone(),
            _ => format!("{}: {expression}", holder_text(&chain.holder)),
        };
    }
    let step = |step: &ChainStep| {
        if step.label.is_empty() {
            format!(" → {}", step.type_name)
        } else {
            step.label.clone()
        }
    };
    let first = chain.steps.first().map(|first| {
        if is_module(&chain.holder, &first.type_name) {
            String::new()
        } else {
            format!(" {} → {}", chain.holder.label, first.type_name).replace("  ", " ")
        }
    });
    let steps: String = chain.steps.iter().skip(1).map(step).collect();
    holder_text(&chain.holder) + &first.unwrap_or_default() + &steps
}
