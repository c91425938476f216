//! The names of functions where there is no debug information: from the symbol table of an ELF file, made legible.

use std::fmt;

use crate::elf::Elf;
use crate::function::Function;

/// Longer names stay as they are in the file: mangled ones can be made that are legible in gigabytes only.
const LONGEST: usize = 2048;

/// The functions of a module, by address.
#[derive(Default)]
pub(crate) struct Names<'f> {
    /// Start, end and name, in the order of their starts.
    functions: Vec<(u64, u64, &'f str)>,
}

impl<'f> Names<'f> {
    /// What the file says.
    pub(crate) fn read(elf: &'f Elf) -> Names<'f> {
        let mut functions = elf.functions();
        functions.sort_unstable();
        functions.dedup_by_key(|function| function.0);
        // Those in assembler often have no length: they reach to the next one.
        for at in 0..functions.len() {
            if functions[at].1 == functions[at].0 {
                functions[at].1 = functions.get(at + 1).map_or(u64::MAX, |next| next.0);
            }
        }
        Names { functions }
    }

    /// The function at an address of the file.
    pub(crate) fn function_at(&self, address: u64) -> Option<Function> {
        let behind = self
            .functions
            .partition_point(|function| function.0 <= address);
        let &(_, end, name) = self.functions.get(behind.checked_sub(1)?)?;
        (address < end).then(|| function_called(name))
    }
}

/// The function of a symbol: Rust's two kinds, C++'s, or any other as it is.
fn function_called(symbol: &str) -> Function {
    let Some(path) = rust_name(symbol).or_else(|| cplusplus_name(symbol)) else {
        return Function {
            name: symbol.to_owned(),
            ..Function::default()
        };
    };
    let path = without_generics(&path);
    let (module, name) = path.rsplit_once("::").unwrap_or(("", &path));
    Function {
        module: module.to_owned(),
        name: name.to_owned(),
        ..Function::default()
    }
}

fn rust_name(symbol: &str) -> Option<String> {
    let name = rustc_demangle::try_demangle(symbol).ok()?;
    written(|out| fmt::write(out, format_args!("{name:#}")))
}

fn cplusplus_name(symbol: &str) -> Option<String> {
    let name = cpp_demangle::Symbol::new(symbol).ok()?;
    let options = cpp_demangle::DemangleOptions::new()
        .no_params()
        .no_return_type();
    written(|out| name.structured_demangle(out, &options))
}

/// The class of a symbol that is a vtable of C++, without its parameters: what is `long` in symbols is `long int` in debug information.
pub(crate) fn class_of_vtable(symbol: &str) -> Option<String> {
    let name = cplusplus_name(symbol)?;
    let starts = ["{vtable(", "vtable for "];
    let class = starts.iter().find_map(|start| name.strip_prefix(start))?;
    Some(without_generics(class.strip_suffix(")}").unwrap_or(class)))
}

/// What `write` writes, unless it is too long.
fn written(write: impl FnOnce(&mut Short) -> fmt::Result) -> Option<String> {
    let mut out = Short(String::new());
    write(&mut out).ok()?;
    Some(out.0).filter(|text| !text.is_empty())
}

struct Short(String);

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// `<alloc::vec::Vec<T> as core::iter::FromIterator<T>>::from_iter` → `alloc::vec::Vec::from_iter`.
pub(crate) fn without_generics(path: &str) -> String {
    let (owner, rest) = match path.strip_prefix('<').and_then(split_at_end) {
        Some((owner, rest)) => (owner, rest),
        None => ("", path),
    };
    let owner = owner.split(" as ").next().unwrap_or_default();
    let mut depth = 0_usize;
    let mut plain = String::new();
    for c in owner.chars().chain(rest.chars()) {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    // `push::<T>` leaves an end that names nothing.
    plain.strip_suffix("::").map(str::to_owned).unwrap_or(plain)
}

/// Splits behind the bracket that was opened before the text: `Vec<T>>::push` → `Vec<T>`, `::push`.
fn split_at_end(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '>' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_become_the_names_that_debug_information_has() {
        for (symbol, module, name) in [
            ("make_node", "", "make_node"),
            (
                "_ZN5alloc7raw_vec19RawVec$LT$T$C$A$GT$8grow_one17h0123456789abcdefE",
                "alloc::raw_vec::RawVec",
                "grow_one",
            ),
            (
                "_ZN98_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$alloc..vec..spec_from_iter..SpecFromIter$LT$T$C$I$GT$$GT$9from_iter17h0123456789abcdefE",
                "alloc::vec::Vec",
                "from_iter",
            ),
            ("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo", "bar"),
            ("_ZN4shop5Cache3addERKNS_7ReceiptE", "shop::Cache", "add"),
            ("_Znwm", "", "operator new"),
            ("_Z", "", "_Z"),
        ] {
            let function = function_called(symbol);
            assert_eq!((&*function.module, &*function.name), (module, name));
        }
    }

    #[test]
    fn a_vtable_of_cplusplus_tells_its_class() {
        for (symbol, class) in [
            ("_ZTVN4shop6CircleE", Some("shop::Circle")),
            ("_ZTVN4shop3BoxISt4pairIllEEE", Some("shop::Box")),
            ("_ZTI5Shape", None),
            ("_ZTV", None),
        ] {
            assert_eq!(class_of_vtable(symbol).as_deref(), class);
        }
    }

    #[test]
    fn a_name_that_would_never_end_stays_as_it_is() {
        // f<pair<int, int>, pair<1st, 1st>, pair<2nd, 2nd>, …>: each argument is twice as long as the one before.
        let id = |number: u32| {
            let digit = std::char::from_digit(number - 1, 36).expect("below 36");
            format!("S{}_", digit.to_ascii_uppercase())
        };
        let symbol = |levels| {
            let arguments: String = (1..levels)
                .map(|level| format!("S0_I{0}{0}E", id(level + 1)))
                .collect();
            format!("_Z1fISt4pairIiiE{arguments}Evv")
        };
        let few = cplusplus_name(&symbol(3)).expect("short");
        assert!(
            few.starts_with("f<std::pair<int, int>, std::pair<std::pair<int, int>,"),
            "{few}"
        );
        assert_eq!(cplusplus_name(&symbol(34)), None);
        assert_eq!(function_called(&symbol(34)).name, symbol(34));
    }

    #[test]
    fn an_address_is_in_the_function_that_begins_before_it() {
        let names = Names {
            functions: vec![(10, 20, "one"), (30, 40, "two")],
        };
        let at = |address| names.function_at(address).map(|function| function.name);
        assert_eq!(at(9), None);
        assert_eq!(at(10).as_deref(), Some("one"));
        assert_eq!(at(19).as_deref(), Some("one"));
        assert_eq!(at(20), None);
        assert_eq!(at(39).as_deref(), Some("two"));
    }
}
