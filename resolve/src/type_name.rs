//! Texts of Rust's type names: generics, defaults left out.

/// Parameters that stand in nearly every name and tell nothing: `std::any::type_name` leaves them out as well.
const DEFAULTS: [&str; 5] = [
    ", alloc::alloc::Global",
    ", allocator_api2::stable::alloc::global::Global",
    ", hashbrown::alloc::inner::Global",
    ", hashbrown::raw::inner::alloc::inner::Global",
    ", std::hash::random::RandomState",
];

/// What a block is called that holds the first: the type that people write for what owns it.
const OWNERS: [(&str, &str); 3] = [
    ("alloc::sync::ArcInner<", "alloc::sync::Arc<"),
    ("alloc::rc::RcInner<", "alloc::rc::Rc<"),
    ("alloc::rc::RcBox<", "alloc::rc::Rc<"),
];

/// A name without parameters that have their defaults, and without the parentheses around the bounds of a trait object that is a parameter.
pub(crate) fn without_defaults(name: &str) -> String {
    let mut name = without_parentheses(name);
    for default in DEFAULTS {
        if name.contains(default) {
            name = name.replace(&format!("{default}>"), ">");
        }
    }
    name
}

/// `Box<(dyn Run + Send)>` → `Box<dyn Run + Send>`, as people write it; behind a `&` they write the parentheses as well.
fn without_parentheses(name: &str) -> String {
    const OPEN: &str = "(dyn ";
    let mut plain = String::new();
    let mut rest = name;
    while let Some(at) = rest.find(OPEN) {
        let (before, bounds) = rest.split_at(at);
        plain += before;
        let inside = &bounds[1..];
        match end_of(inside) {
            Some(end) if !before.ends_with(['&', '*']) => {
                plain += &without_parentheses(&inside[..end]);
                rest = &inside[end + 1..];
            }
            _ => {
                plain.push('(');
                rest = inside;
            }
        }
    }
    plain + rest
}

/// Where the parenthesis closes that was opened in front of a text.
fn end_of(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(at, c)| {
        match c {
            ')' if depth == 0 => return Some(at),
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        None
    })
}

/// The name of a block that holds a value of the type of this name.
pub(crate) fn of_block(name: &str) -> String {
    for (inner, owner) in OWNERS {
        if let Some(rest) = name.strip_prefix(inner) {
            return format!("{owner}{rest}");
        }
    }
    name.to_owned()
}

/// A name without the `MaybeUninit` that a value wears until it is written.
pub(crate) fn initialised(name: &str) -> &str {
    let inner = name.strip_prefix(MAYBE_UNINIT);
    inner
        .and_then(|rest| rest.strip_suffix('>'))
        .unwrap_or(name)
}

/// What the name of a value begins with that is perhaps not written yet.
pub(crate) const MAYBE_UNINIT: &str = "core::mem::maybe_uninit::MaybeUninit<";

/// `grow_one<app::Row, alloc::alloc::Global>` → `grow_one` and the parameters as they are written.
pub(crate) fn split_generics(name: &str) -> (&str, Vec<&str>) {
    let Some((base, rest)) = name.split_once('<').filter(|(base, _)| !base.is_empty()) else {
        return (name, Vec::new());
    };
    let Some(inside) = rest.strip_suffix('>') else {
        return (name, Vec::new());
    };
    (base, split_list(inside))
}

/// Parts between commas that stand in no brackets.
fn split_list(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut depth = 0_i32;
    let mut start = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            // The arrow of `fn(u64) -> Row` closes nothing.
            '>' if before == '-' => {}
            '>' | ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        before = c;
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        parts.push(last);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_are_split_at_outer_commas_only() {
        assert_eq!(
            split_generics("from_iter<(u8, app::Row), Map<Range<u64>, fn(u64) -> Row>>"),
            (
                "from_iter",
                vec!["(u8, app::Row)", "Map<Range<u64>, fn(u64) -> Row>"]
            )
        );
        assert_eq!(split_generics("main"), ("main", vec![]));
        assert_eq!(split_generics("odd<"), ("odd<", vec![]));
        assert_eq!(split_generics("<impl>"), ("<impl>", vec![]));
    }

    #[test]
    fn defaults_are_left_out() {
        assert_eq!(
            without_defaults(
                "alloc::vec::Vec<alloc::vec::Vec<u8, alloc::alloc::Global>, alloc::alloc::Global>"
            ),
            "alloc::vec::Vec<alloc::vec::Vec<u8>>"
        );
        assert_eq!(
            without_defaults("M<K, V, std::hash::random::RandomState, alloc::alloc::Global>"),
            "M<K, V>"
        );
        assert_eq!(
            without_defaults(
                "M<(dyn Fn<(u8), Output=(u8, u8)> + Send), &(dyn A + B), Box<(dyn C + D), alloc::alloc::Global>>"
            ),
            "M<dyn Fn<(u8), Output=(u8, u8)> + Send, &(dyn A + B), Box<dyn C + D>>"
        );
        assert_eq!(without_defaults("odd<(dyn A"), "odd<(dyn A");
        assert_eq!(
            without_defaults("hashbrown::table::HashTable<usize, hashbrown::alloc::inner::Global>"),
            "hashbrown::table::HashTable<usize>"
        );
        assert_eq!(
            of_block("alloc::sync::ArcInner<app::SomeRef>"),
            "alloc::sync::Arc<app::SomeRef>"
        );
    }
}
