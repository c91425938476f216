//! What lies outside all windows: types, shared strings, and the module-level names that hold the rest.

use std::io::{self, Write};

use super::CLASSES;
use super::names::{Builtin, CLASS, Global, SHARED_STRINGS, index, shared_string, type_address};
use super::place::WINDOW;
use super::walk::Walk;
use crate::kind;
use crate::record::{Root, Type};

impl<W: Write> Walk<'_, W> {
    /// Types, shared strings, and the globals that hold the rest. What is not counted (0) here is immortal.
    pub(super) fn prologue(&mut self) -> io::Result<()> {
        let population = self.population;
        let builtins = Builtin::ALL.map(|(_, module, name)| (module.to_owned(), name.to_owned()));
        let classes = (0..CLASSES)
            .map(|class| (format!("app.models_{}", class % 7), format!("Model{class}")));
        let types = builtins
            .into_iter()
            .chain(classes)
            .chain([population.leak.clone()]);
        for (module, name) in types.collect::<Vec<_>>() {
            let (module, name) = (self.stream.string(&module)?, self.stream.string(&name)?);
            let address = type_address(self.leak_type);
            self.leak_type = self.stream.define_type(Type {
                address,
                module,
                name,
                flags: 2,
            })? + 1;
        }
        self.leak_type -= 1;
        for id in 0..=self.leak_type {
            self.object(type_address(id), Builtin::Type.id(), 1072, 0, 3)?;
        }
        for number in 0..SHARED_STRINGS {
            self.object(
                shared_string(number),
                Builtin::Str.id(),
                49 + number % 15,
                0,
                2,
            )?;
        }
        let global_root = |name, target: Global| Root {
            kind: kind::root::MODULE,
            name: Some(name),
            target: target.address(),
            ..Root::default()
        };
        for (module, target) in [
            ("app.views", Global::Views),
            ("app.registry", Global::Registry),
        ] {
            let name = self.stream.string(module)?;
            self.stream.root(global_root(name, target));
        }
        self.globals()
    }

    pub(super) fn globals(&mut self) -> io::Result<()> {
        let names = self.names.clone();
        let dict = names.attribute("__dict__");
        // In the order of `Global`, as the addresses are.
        for (from, type_, to, label) in [
            (
                Global::Views,
                Builtin::Module,
                Some(Global::ViewsDict),
                dict,
            ),
            (
                Global::ViewsDict,
                Builtin::Dict,
                Some(Global::Data),
                names.key("'global_data'"),
            ),
            (
                Global::Data,
                Builtin::Dict,
                Some(Global::Leaked),
                names.key("'a'"),
            ),
            (Global::Leaked, Builtin::List, None, CLASS),
            (
                Global::Registry,
                Builtin::Module,
                Some(Global::RegistryDict),
                dict,
            ),
            (
                Global::RegistryDict,
                Builtin::Dict,
                Some(Global::Windows),
                names.key("'windows'"),
            ),
            (Global::Windows, Builtin::List, None, CLASS),
        ] {
            let members = match from {
                Global::Leaked => self.leaked(),
                Global::Windows => self.old_windows() + self.new_windows(),
                _ => 1,
            };
            let size = if type_ == Builtin::List {
                72 + 8 * members
            } else {
                248
            };
            let source = self.object(from.address(), type_.id(), size, 1, 1)?;
            if let Some(to) = to {
                self.refer(source, to.address(), label)?;
                continue;
            }
            for number in 0..members {
                let slot = if from == Global::Leaked {
                    self.leak_slot(number)
                } else {
                    number * WINDOW
                };
                self.refer(source, self.population.address(slot), index(number))?;
            }
        }
        Ok(())
    }
}
