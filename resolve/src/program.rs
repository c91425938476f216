//! A program: its loaded modules with their debug information, and what can be asked of it.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use memdump_format::{Dump, ReadError};

use crate::block_type::BlockType;
use crate::debug_info::{DebugInfo, Storage};
use crate::elf::{Constants, Elf, Sections};
use crate::erased::{self, Begun, Erased, Fitting, KnownFunctions};
use crate::fields::{Field, Pointee};
use crate::function::Function;
use crate::names::Names;
use crate::site::SiteTypes;
use crate::split::{SplitFiles, SplitSections};
use crate::statics::{Place, Statics};
use crate::symbols::{BuildId, SymbolFile, Symbols, SymbolsError};
use crate::table::TableShape;
use crate::types::{Shape, TypeKey, Types};
use crate::written::Written;

/// A file that was loaded into the target.
#[derive(Clone, Debug)]
pub struct LoadedModule {
    /// Where it lay in the target's file system.
    pub path: PathBuf,
    /// Which build it was.
    pub build_id: Option<BuildId>,
    /// What is added to the file's addresses.
    pub bias: u64,
    /// Its first address and the first behind it.
    pub addresses: std::ops::Range<u64>,
}

/// The modules that a native dump names.
///
/// # Errors
/// If the dump is damaged.
pub fn loaded_modules(dump: &Dump) -> Result<Vec<LoadedModule>, ReadError> {
    let strings = dump.strings();
    let modules = dump.modules()?.into_iter().map(|module| {
        Ok(LoadedModule {
            path: PathBuf::from(strings.get(module.path)?),
            build_id: BuildId::from_hex(strings.get(module.build_id)?),
            bias: module.bias,
            addresses: module.first..module.first.saturating_add(module.length),
        })
    });
    modules.collect()
}

/// A loaded module with what was found for it.
pub struct Source {
    module: LoadedModule,
    found: Result<SymbolFile, SymbolsError>,
    split: SplitFiles,
    /// A file of the build without debug information.
    named: Option<Elf>,
}

impl Source {
    /// Looks for the debug information of a module.
    pub fn find(module: LoadedModule, symbols: &Symbols) -> Source {
        let id = module.build_id.as_ref();
        let found = symbols.find(&module.path, id);
        let named = match found {
            Ok(_) => None,
            Err(_) => symbols.find_names(&module.path, id),
        };
        let split = match &found {
            Ok(file) => SplitFiles::find(&file.0, &module.path, symbols),
            Err(_) => SplitFiles::default(),
        };
        Source {
            module,
            found,
            split,
            named,
        }
    }

    /// The files with its debug information; none if there is none.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let found = self.found.as_ref().ok();
        found
            .map(SymbolFile::path)
            .into_iter()
            .chain(self.split.paths())
    }

    /// Why there is no debug information, or not all.
    pub fn error(&self) -> Option<&SymbolsError> {
        self.found.as_ref().err().or_else(|| self.split.missing())
    }

    /// Whether the functions of the module have names: from debug information, or without.
    pub fn has_names(&self) -> bool {
        self.found.is_ok() || self.named.is_some()
    }

    /// As [`Source::error`].
    pub fn into_error(self) -> Option<SymbolsError> {
        self.found.err().or_else(|| self.split.into_missing())
    }

    /// Maps or unpacks the sections, which a [`Program`] borrows. A file whose sections cannot be read counts as not found.
    pub fn sections(&self) -> ModuleSections<'_> {
        let sections = self.found.as_ref().ok();
        let sections = sections.and_then(|file| Some((file.0.sections().ok()?, file.0.endian())));
        let found = self.found.as_ref().ok().map(|file| &file.0);
        ModuleSections {
            module: &self.module,
            sections,
            split: self.split.sections(),
            file: found.or(self.named.as_ref()),
        }
    }
}

/// The sections of a module.
pub struct ModuleSections<'f> {
    module: &'f LoadedModule,
    sections: Option<(Sections<'f>, gimli::RunTimeEndian)>,
    split: SplitSections<'f>,
    file: Option<&'f Elf>,
}

impl<'f> ModuleSections<'f> {
    pub(crate) fn debug_info(&'f self) -> Option<DebugInfo<'f>> {
        let (sections, endian) = self.sections.as_ref()?;
        DebugInfo::new(sections, &self.split, *endian).ok()
    }
}

/// A program of which addresses and types can be asked.
pub struct Program<'a> {
    modules: Vec<&'a LoadedModule>,
    files: Vec<Option<&'a Elf>>,
    names: Vec<OnceCell<Names<'a>>>,
    constants: Vec<OnceCell<Constants<'a>>>,
    pub(crate) types: Types<'a>,
    functions: RefCell<HashMap<u64, Rc<[Function]>>>,
    statics: Vec<OnceCell<Statics>>,
    /// What is known of tables of functions, by their addresses.
    tables: RefCell<HashMap<u64, Vec<Erased>>>,
    of_tables: RefCell<KnownFunctions>,
    erased: RefCell<HashMap<Begun, Fitting>>,
}

impl<'a> Program<'a> {
    /// Of modules whose sections are at hand.
    pub fn new(sections: &'a [ModuleSections<'a>]) -> Program<'a> {
        Program {
            modules: sections.iter().map(|module| module.module).collect(),
            files: sections.iter().map(|module| module.file).collect(),
            names: sections.iter().map(|_| OnceCell::new()).collect(),
            types: Types::new(sections),
            functions: RefCell::default(),
            statics: sections.iter().map(|_| OnceCell::new()).collect(),
            constants: sections.iter().map(|_| OnceCell::new()).collect(),
            tables: RefCell::default(),
            of_tables: RefCell::default(),
            erased: RefCell::default(),
        }
    }

    /// What a stack of return addresses, innermost first, tells of the blocks that were allocated there.
    pub fn site(&self, alignment: u64, stack: &[u64]) -> SiteTypes {
        let mut functions = Vec::new();
        for &address in stack {
            functions.extend_from_slice(&self.functions_at(address));
        }
        SiteTypes::judge(&self.types, alignment, &functions)
    }

    /// The names of the functions of a stack of return addresses, innermost first, inlined ones included.
    pub fn function_names(&self, stack: &[u64]) -> Vec<String> {
        let functions = stack.iter().map(|&address| self.functions_at(address));
        functions
            .flat_map(|at| at.iter().map(Function::full_name).collect::<Vec<_>>())
            .collect()
    }

    /// The type of a block of a site, if its stack tells one that its size and alignment allow.
    pub fn block_type(&self, site: &SiteTypes, size: u64, alignment: u64) -> Option<BlockType> {
        site.of(&self.types, size, alignment).cloned()
    }

    /// The name of a block's type.
    pub fn name(&self, block: &BlockType) -> String {
        block.name(&self.types)
    }

    /// What lies at an offset of a block.
    pub fn field(&self, block: &BlockType, size: u64, offset: u64) -> Field {
        self.types.field(block, size, offset)
    }

    /// How surely the word at an offset of a block is written.
    pub(crate) fn written(&self, block: &BlockType, size: u64, offset: u64) -> Written {
        self.types.written(block, size, offset)
    }

    /// What a block of that size is to which a pointer of the type points: a pointer to a leaf of a B-tree may lead to an inner node, which
    /// begins with one, and which only the leaf's own pointer to its parent names.
    pub(crate) fn actual(&self, pointee: &BlockType, size: u64) -> BlockType {
        let inner = || {
            let BlockType::One(leaf) = pointee else {
                return None;
            };
            let description = self.types.describe(*leaf);
            let is_leaf = description
                .name
                .starts_with("alloc::collections::btree::node::LeafNode<");
            let Shape::Members(members) = &description.shape else {
                return None;
            };
            if !is_leaf || description.size == Some(size) {
                return None;
            }
            let parent = members.iter().find(|member| member.name == "parent")?;
            match self.field(pointee, size, parent.offset) {
                Field::Pointer { either, .. } => match &either.first()?.target {
                    Pointee::Type(inner) => Some(inner.clone()),
                    Pointee::Unknown => None,
                },
                _ => None,
            }
        };
        inner().unwrap_or_else(|| pointee.clone())
    }

    /// Whether a block of that size and alignment can be of the type.
    pub(crate) fn fits(&self, block: &BlockType, size: u64, alignment: u64) -> bool {
        block.fits(&self.types, size, alignment)
    }

    /// The bytes of the value that a place of a block lies in: the element of an array or a table, or the whole block.
    pub(crate) fn value_around(&self, block: &BlockType, size: u64, place: u64) -> Range<u64> {
        let (first, element) = match block {
            BlockType::Array(ty) => (0, *ty),
            BlockType::Table(ty) => {
                let element = self.types.describe(*ty).size;
                let shape = element.and_then(|element| TableShape::of(size, element));
                (shape.map_or(0, |shape| shape.first), *ty)
            }
            _ => return 0..size,
        };
        match self.types.describe(element).size {
            Some(each) if each > 0 && place >= first => {
                let start = place - (place - first) % each;
                start..start.saturating_add(each)
            }
            _ => 0..size,
        }
    }

    /// Whether a type ends with a value of any type that has a trait.
    pub(crate) fn is_dynamic(&self, block: &BlockType) -> bool {
        let BlockType::One(ty) = block else {
            return false;
        };
        let name = self.types.name(*ty);
        let inside = name.split_once('<').map_or("", |(_, inside)| inside);
        name.starts_with("dyn ") || inside.starts_with("dyn ")
    }

    /// What a pointer to a value of a trait points to, if the value is of this type.
    pub(crate) fn concrete(&self, dynamic: &BlockType, value: TypeKey) -> BlockType {
        match dynamic {
            BlockType::One(both) if !self.types.name(*both).starts_with("dyn ") => {
                BlockType::Counted(*both, value)
            }
            _ => BlockType::One(value),
        }
    }

    /// Whether the values of a type have bytes that are known.
    pub(crate) fn is_sized(&self, ty: TypeKey) -> bool {
        self.types.describe(ty).size.is_some_and(|size| size > 0)
    }

    /// Where in a block that is a table the map points to.
    pub(crate) fn table_control(&self, block: &BlockType, size: u64) -> Option<u64> {
        let BlockType::Table(element) = block else {
            return None;
        };
        let element = self.types.describe(*element).size?;
        TableShape::of(size, element).map(|shape| shape.control)
    }

    /// The static variable that lies there in the file of that name.
    pub(crate) fn static_at(&self, file: &str, place: Storage) -> Option<Place> {
        let number = self.module_named(file)?;
        self.statics(number).find(&self.types, number as u32, place)
    }

    /// The function that a return address of the file of that name returns to.
    pub(crate) fn frame_at(&self, file: &str, return_address: u64) -> Option<String> {
        let module = self.modules.get(self.module_named(file)?)?;
        let functions = self.functions_at(module.bias.wrapping_add(return_address));
        let of_frame = functions.last()?;
        // What the library calls is often a part of the library's function: closures, `main` of some programs.
        let own = functions.iter().find(|function| !function.is_library());
        let told = own.filter(|_| of_frame.is_library()).unwrap_or(of_frame);
        Some(told.full_name())
    }

    /// The module whose path ends so.
    fn module_named(&self, file: &str) -> Option<usize> {
        let is_named =
            |module: &&LoadedModule| module.path.file_name().is_some_and(|own| own == file);
        self.modules.iter().position(is_named)
    }

    /// The types of values that have their vtable at an address in the target; more than one where their vtables have equal contents.
    pub(crate) fn behind_vtable(&self, address: u64) -> Vec<TypeKey> {
        let holds = |module: &&LoadedModule| module.addresses.contains(&address);
        let Some(number) = self.modules.iter().position(holds) else {
            return Vec::new();
        };
        let in_file = address.wrapping_sub(self.modules[number].bias);
        let variables = self.statics(number).types_at(in_file);
        variables
            .filter_map(|ty| self.types.behind_vtable(ty))
            .collect()
    }

    /// The types that a block can be of which has the address of a table of functions at a place; each with how many of the functions say so.
    pub(crate) fn erased(&self, begun: Begun) -> Fitting {
        if let Some(known) = self.erased.borrow().get(&begun) {
            return Rc::clone(known);
        }
        let mut tables = self.tables.borrow_mut();
        let table = tables
            .entry(begun.table)
            .or_insert_with(|| self.behind_table(begun.table).unwrap_or_default());
        let found = erased::that_fit(&self.types, table, begun);
        self.erased.borrow_mut().insert(begun, Rc::clone(&found));
        found
    }

    fn behind_table(&self, address: u64) -> Option<Vec<Erased>> {
        let holds = |module: &&LoadedModule| module.addresses.contains(&address);
        let number = self.modules.iter().position(holds)?;
        let in_file = address.wrapping_sub(self.modules[number].bias);
        let file = self.files[number]?;
        let constants = self.constants[number].get_or_init(|| file.constants());
        Some(erased::behind_table(
            &self.types,
            number as u32,
            constants,
            in_file,
            &mut self.of_tables.borrow_mut(),
        ))
    }

    fn statics(&self, number: usize) -> &Statics {
        self.statics[number]
            .get_or_init(|| Statics::read(&self.types, number as u32, self.files[number]))
    }

    fn functions_at(&self, return_address: u64) -> Rc<[Function]> {
        if let Some(known) = self.functions.borrow().get(&return_address) {
            return Rc::clone(known);
        }
        let functions: Rc<[Function]> = self.find_functions(return_address).into();
        self.functions
            .borrow_mut()
            .insert(return_address, Rc::clone(&functions));
        functions
    }

    /// The call is in front of the address that it returns to, and may be the last instruction of a function or of an inlined copy.
    fn find_functions(&self, return_address: u64) -> Vec<Function> {
        let address = return_address.wrapping_sub(1);
        let holds = |module: &&LoadedModule| module.addresses.contains(&address);
        let Some(number) = self.modules.iter().position(holds) else {
            return Vec::new();
        };
        let in_file = address.wrapping_sub(self.modules[number].bias);
        let info = self.types.module(number as u32);
        let found = info.map(|info| info.functions_at(in_file));
        let Some(found) = found.filter(|functions| !functions.is_empty()) else {
            return self.named_function(number, in_file).into_iter().collect();
        };
        let describe = |found| Function::describe(&self.types, number as u32, found);
        let mut functions: Vec<Function> = found.iter().map(describe).collect();
        if let Some(whole) = functions.last_mut() {
            whole.is_whole = true;
        }
        functions
    }

    /// What the symbol table alone says: nothing of inlined functions.
    fn named_function(&self, module: usize, in_file: u64) -> Option<Function> {
        let file = self.files.get(module).copied().flatten()?;
        let names = self.names.get(module)?;
        names.get_or_init(|| Names::read(file)).function_at(in_file)
    }
}
