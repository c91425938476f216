//! Before anything is armed: does this interpreter look as its layout says? Objects made here are walked, and every reference
//! and size compared with what Python says of them. A build that differs is refused with the name of what differs.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::class::Class;
use crate::edges::{Edges, Interpreter, Name, SlotList, Tag};
use crate::literal::LONGEST_LITERAL;
use crate::memory::Obj;
use crate::text::Text;

/// Gives `checks`: (what, object, {label: id of the target}, size or None).
const PROBE: &std::ffi::CStr = cr#"
import collections, sys, weakref

class Probe:
    pass

class Slotted:
    __slots__ = ('slot',)

def closing():
    captured = marker
    def inner():
        return captured
    return inner

def generating():
    kept = marker
    yield

def failing():
    kept = marker
    return sys._getframe()

marker = object()
key = ''.join(['memdump ', 'key'])
probe = Probe()
probe.first = marker
dicted = Probe()
dicted.__dict__['first'] = marker
slotted = Slotted()
slotted.slot = marker
function = closing()
generator = generating()
next(generator)
try:
    try:
        raise KeyError(key)
    except KeyError as error:
        first = error
        raise ValueError(marker) from first
except ValueError as error:
    raised = error
module = type(sys)(key)
integers = [0, 1, -1, 2**30, -2**62, 2**100]
checks = [
    ('an instance', probe, {'.first': marker, '.__class__': Probe} if sys.version_info >= (3, 11) else
        {'.__dict__': probe.__dict__, '.__class__': Probe}, None),
    ('an instance with a dict', dicted, {'.__dict__': dicted.__dict__, '.__class__': Probe}, None),
    ('a slot', slotted, {'.slot': marker, '.__class__': Slotted}, sys.getsizeof(slotted)),
    ('a dict with text keys', {key: marker}, {"['memdump key']": marker, "<key 'memdump key'>": key}, sys.getsizeof({key: marker})),
    ('a dict with other keys', {(1, key): marker, -7: key}, {"[(1, 'memdump key')]": marker, '[-7]': key}, sys.getsizeof({(1, key): marker, -7: key})),
    ('a list', [marker, key], {'[0]': marker, '[1]': key}, sys.getsizeof([marker, key])),
    ('a tuple', (key, marker), {'[0]': key, '[1]': marker}, sys.getsizeof((key, marker))),
    ('a set', {marker}, {'<element>': marker}, sys.getsizeof({marker})),
    ('a large set', set(range(100)), {}, sys.getsizeof(set(range(100)))),
    ('a deque', collections.deque([marker] * 100), {'[0]': marker}, sys.getsizeof(collections.deque([marker] * 100))),
    ('an ordered dict', collections.OrderedDict([(key, marker)]), {"['memdump key']": marker}, None),
    ('a function', function, {'.__code__': function.__code__, '.__globals__': function.__globals__,
        '<closure captured>': function.__closure__[0]}, sys.getsizeof(function)),
    ('a cell', function.__closure__[0], {'.cell_contents': marker}, None),
    ('a generator', generator, {'<local kept>': marker} if sys.version_info >= (3, 11) else
        {'.gi_frame': generator.gi_frame}, sys.getsizeof(generator)),
    ('an exception', raised, {'.args': raised.args, '.__traceback__': raised.__traceback__, '.__context__': first,
        '.__cause__': first}, None),
    ('a frame', raised.__traceback__.tb_frame, {}, sys.getsizeof(raised.__traceback__.tb_frame)),
    ('a frame of a call', failing(), {'<local kept>': marker}, None),
    ('code', function.__code__, {'.co_consts': function.__code__.co_consts}, None),
    ('a module', module, {'.__dict__': module.__dict__, '<name>': key}, None),
    ('a bytearray', bytearray(key.encode()), {}, sys.getsizeof(bytearray(key.encode()))),
    ('a method', probe.__init__, {'.__self__': probe}, None),
    ('a class', Probe, {'.__bases__': Probe.__bases__, '.__mro__': Probe.__mro__}, None),
    ('a weak reference', weakref.ref(probe), {'<weak>': probe}, None),
    ('a text', 'ascii', {}, sys.getsizeof('ascii')),
    ('a wide text', '\u20ac\U0001f600', {}, sys.getsizeof('\u20ac\U0001f600')),
    ('bytes', b'bytes', {}, sys.getsizeof(b'bytes')),
] + [('an integer', i, {}, sys.getsizeof(i)) for i in integers]
"#;

/// From 3.13 on an interpreter tells debuggers where some of its fields lie, at the start of `_PyRuntime`: `_Py_DebugOffsets`.
///
/// # Errors
///
/// What differs from the layout.
pub(crate) fn compare_with_debug_offsets(interpreter: &Interpreter) -> Result<(), String> {
    const COOKIE: &[u8] = b"xdebugpy";
    const FREE_THREADED: usize = 16;
    let heap = interpreter.heap;
    let told = interpreter.layout.told();
    // Not every way to build an interpreter exports the symbol.
    let Some(runtime) = interpreter.api.runtime().filter(|_| !told.is_empty()) else {
        return Ok(());
    };
    if heap.bytes(runtime, COOKIE.len()) != COOKIE {
        return Err("_PyRuntime does not begin with _Py_DebugOffsets".to_owned());
    }
    if heap.word(runtime + FREE_THREADED) != 0 {
        return Err("it is a free-threaded build".to_owned());
    }
    for (name, place, expected) in told {
        let found = heap.word(runtime + place);
        if found != expected {
            return Err(format!(
                "{name} lies at {found} where {expected} is expected"
            ));
        }
    }
    Ok(())
}

/// Walks the probes.
///
/// # Errors
///
/// What differs from the layout.
pub(crate) fn run(py: Python<'_>, interpreter: &Interpreter) -> PyResult<Result<(), String>> {
    let scope = PyDict::new(py);
    py.run(PROBE, Some(&scope), None)?;
    let checks = scope
        .get_item("checks")?
        .expect("the probe sets it")
        .cast_into::<PyList>()?;
    // Its functions and frames hold it: it would be garbage for the target's collector.
    scope.clear();
    for check in checks.iter() {
        let check = check.cast_into::<PyTuple>()?;
        let what: String = check.get_item(0)?.extract()?;
        let object = address(&check.get_item(1)?);
        let class = Class::study(
            interpreter.heap,
            &interpreter.known,
            interpreter.heap.type_of(object),
        );
        let mut seen = Collected {
            python: interpreter,
            found: Vec::new(),
        };
        interpreter.references(object, &class, &mut SlotList::default(), &mut seen);
        for (label, target) in check.get_item(2)?.cast_into::<PyDict>()?.iter() {
            let (label, target): (String, Obj) = (label.extract()?, address(&target));
            if !seen.found.contains(&(label.clone(), target)) {
                return Ok(Err(format!(
                    "{what}: the reference {label} is not where it should be"
                )));
            }
        }
        if let Some(size) = check.get_item(3)?.extract::<Option<u64>>()? {
            // Python's size of an object is without the values that lie inline.
            let found = interpreter.shallow_size(object, &class);
            if found != size {
                return Ok(Err(format!(
                    "{what}: a size of {found} bytes where Python says {size}"
                )));
            }
        }
    }
    Ok(Ok(()))
}

/// An object's address. It stays alive with its owner.
pub(crate) fn address(object: &Bound<'_, PyAny>) -> Obj {
    Obj(object.as_ptr() as usize)
}

struct Collected<'a> {
    python: &'a Interpreter,
    found: Vec<(String, Obj)>,
}

impl Edges for Collected<'_> {
    fn strong(&mut self, target: Obj, tag: Tag) {
        self.found.push((print(self.python, tag), target));
    }
    fn weak(&mut self, target: Obj, tag: Tag) {
        self.strong(target, tag);
    }
}

fn print(python: &Interpreter, tag: Tag) -> String {
    let text = |object: Obj| {
        let mut text = Text::new(LONGEST_LITERAL);
        python.write_str(object, &mut text);
        text.as_str().to_owned()
    };
    let key = |object: Obj| {
        let mut text = Text::new(LONGEST_LITERAL);
        python.write_key(object, &mut text);
        text.as_str().to_owned()
    };
    match tag {
        Tag::None => String::new(),
        Tag::Attribute(Name::Str(name)) => format!(".{}", text(name)),
        Tag::Attribute(Name::C(name)) => format!(
            ".{}",
            String::from_utf8_lossy(python.heap.c_string(name, LONGEST_LITERAL))
        ),
        Tag::Attribute(Name::Known(name)) => format!(".{name}"),
        Tag::Key(object) => format!("[{}]", key(object)),
        Tag::KeyObject(object) => format!("<key {}>", key(object)),
        Tag::Index(index) => format!("[{index}]"),
        Tag::Closure(name) => format!("<closure {}>", text(name)),
        Tag::Local(name) => format!("<local {}>", text(name)),
        Tag::Stack(index) => format!("<stack {index}>"),
        Tag::Type => ".__class__".to_owned(),
        Tag::Internal(name) => format!("<{name}>"),
        Tag::Element => "<element>".to_owned(),
    }
}
