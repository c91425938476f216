//! The extension module: what `memdump/__init__.py` calls.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use memdump_dumper::{
    DumpError, Identity, Installed, Report, Settings, SettingsBuilder, Signal, Status, Values,
};
use pyo3::exceptions::{PyMemoryError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::api::Api;
use crate::births;
use crate::collector::Collector;
use crate::edges::Interpreter;
use crate::gil::in_main_interpreter;
use crate::known::{Known, TYPE_COUNT, TYPE_EXPRESSIONS};
use crate::layout::Layout;
use crate::memory::{Frozen, Obj};
use crate::self_check::{self, address};
use crate::target::CPython;
use crate::values;

/// Found once in a process; forked workers have the same.
static TARGET: OnceLock<Arc<CPython>> = OnceLock::new();

/// Gets what blocks, lets the GIL go, calls it, takes the GIL back.
fn without_gil(py: Python<'_>) -> impl Fn(&mut dyn FnMut()) + '_ {
    move |block| {
        let block = Blocking(block);
        py.detach(move || block.call());
    }
}

/// `detach` wants its closure to be `Send`, so that nothing of Python's slips in; it runs on this very thread.
struct Blocking<'a>(&'a mut dyn FnMut());

impl Blocking<'_> {
    fn call(self) {
        (self.0)();
    }
}

#[allow(unsafe_code)]
// SAFETY: never leaves the thread; the closures that the dumper passes touch nothing of Python's.
unsafe impl Send for Blocking<'_> {}

fn target(py: Python<'_>) -> PyResult<Arc<CPython>> {
    // Newer versions do not even import the module there.
    if !in_main_interpreter() {
        return Err(unsupported("it is a subinterpreter"));
    }
    if let Some(target) = TARGET.get() {
        return Ok(target.clone());
    }
    let found = Arc::new(find_target(py)?);
    Ok(TARGET.get_or_init(|| found).clone())
}

fn unsupported(why: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(format!("memdump cannot dump this interpreter: {why}"))
}

#[allow(unsafe_code)]
fn find_target(py: Python<'_>) -> PyResult<CPython> {
    let version = py.version_info();
    let sys = py.import("sys")?;
    let implementation: String = sys.getattr("implementation")?.getattr("name")?.extract()?;
    if implementation != "cpython" || cfg!(not(target_pointer_width = "64")) {
        return Err(unsupported(format!(
            "it is {implementation}; 64-bit CPython is supported"
        )));
    }
    // Its objects are laid out otherwise, whether it runs with the GIL (PYTHON_GIL=1) or without.
    if sys.getattr("abiflags")?.extract::<String>()?.contains('t') {
        return Err(unsupported(
            "it is a free-threaded build, which is not supported yet",
        ));
    }
    // Two more pointers before every object: not even a type could be read.
    if sys.hasattr("getobjects")? {
        return Err(unsupported("it was built with Py_TRACE_REFS"));
    }
    let layout = Layout::of(version.major, version.minor).ok_or_else(|| {
        unsupported(format!(
            "CPython {}.{} is not known; supported are {}",
            version.major,
            version.minor,
            Layout::KNOWN
        ))
    })?;
    let api = Api::find(layout).map_err(|name| unsupported(format!("it has no {name}")))?;
    // SAFETY: the GIL is held, and what is read below are objects held here.
    let heap = unsafe { Frozen::new() };
    let scope = PyDict::new(py);
    py.run(
        &std::ffi::CString::new(TYPE_EXPRESSIONS)?,
        Some(&scope),
        None,
    )?;
    let types = scope
        .get_item("result")?
        .expect("the expressions set it")
        .cast_into::<PyTuple>()?;
    let mut addresses = [Obj::NULL; TYPE_COUNT];
    for (slot, class) in addresses.iter_mut().zip(types.iter()) {
        *slot = address(&class);
    }
    let known = Known::from_types(heap, &addresses, address(&py.None().into_bound(py)));
    let gc = py.import("gc")?;
    let fresh = pyo3::types::PyList::new(py, [1, 2, 3])?;
    let collector = Collector::find(
        heap,
        layout.collector,
        address(fresh.as_any()),
        address(&gc.getattr("garbage")?),
        address(&gc.getattr("callbacks")?),
    )
    .ok_or_else(|| unsupported("its collector is not where it should be"))?;
    let python = Interpreter {
        heap,
        layout,
        known,
        api,
    };
    // Makes the dict, so that asking for it in the snapshot process allocates nothing.
    let _ = api.interpreter_dict();
    let differs = |difference| {
        unsupported(format!(
            "its layout is not that of CPython {}.{}: {difference}",
            layout.major, layout.minor
        ))
    };
    self_check::compare_with_debug_offsets(&python).map_err(differs)?;
    self_check::run(py, &python)?.map_err(differs)?;
    Ok(CPython {
        python,
        collector,
        version: format!(
            "{}.{}.{}{}",
            version.major,
            version.minor,
            version.patch,
            version.suffix.unwrap_or("")
        ),
        key: values::Key::new(),
    })
}

fn signal(text: Option<&str>) -> PyResult<Option<Signal>> {
    text.map(str::parse).transpose().map_err(value_error)
}

fn value_error(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Settings from Python's arguments; `None` leaves the choice to the environment and the defaults.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Given {
    signal: Option<String>,
    second_signal: Option<String>,
    directory: Option<PathBuf>,
    name: Option<String>,
    default_name: Option<String>,
    keep: Option<u32>,
    min_free: Option<u64>,
    deadline: Option<f64>,
    labels: Option<bool>,
    identity: Option<String>,
    values: Option<String>,
    arguments: Option<bool>,
    nice: Option<u8>,
    ionice: Option<String>,
    on_memory: Option<String>,
    on_rise: Option<String>,
    on_memory_error: Option<bool>,
    on_exit: Option<String>,
    trigger_interval: Option<f64>,
}

impl Given {
    fn settings(self) -> PyResult<Settings> {
        let mut builder = SettingsBuilder::new();
        if let Some(signal) = signal(self.signal.as_deref())? {
            builder = builder.signal(signal);
        }
        if let Some(signal) = signal(self.second_signal.as_deref())? {
            builder = builder.second_signal(signal);
        }
        if let Some(directory) = self.directory {
            builder = builder.directory(directory);
        }
        if let Some(name) = self.name {
            builder = builder.name(name);
        }
        if let Some(name) = self.default_name {
            builder = builder.default_name(name);
        }
        if let Some(keep) = self.keep {
            builder = builder.keep(keep);
        }
        if let Some(bytes) = self.min_free {
            builder = builder.min_free(bytes);
        }
        if let Some(seconds) = self.deadline {
            builder = builder.deadline(time("deadline", seconds)?);
        }
        if let Some(labels) = self.labels {
            builder = builder.labels(labels);
        }
        if let Some(identity) = self.identity {
            builder = builder.identity(identity.parse().map_err(value_error)?);
        }
        if let Some(values) = self.values {
            builder = builder.values(values.parse().map_err(value_error)?);
        }
        if let Some(arguments) = self.arguments {
            builder = builder.arguments(arguments);
        }
        if let Some(nice) = self.nice {
            builder = builder.nice(nice);
        }
        if let Some(ionice) = self.ionice {
            builder = builder.ionice(ionice);
        }
        if let Some(levels) = self.on_memory {
            builder = builder.on_memory(levels);
        }
        if let Some(rise) = self.on_rise {
            builder = builder.on_rise(rise);
        }
        if let Some(on) = self.on_memory_error {
            builder = builder.on_memory_error(on);
        }
        if let Some(exit) = self.on_exit {
            builder = builder.on_exit(exit);
        }
        if let Some(seconds) = self.trigger_interval {
            builder = builder.trigger_interval(time("trigger_interval", seconds)?);
        }
        builder.build().map_err(value_error)
    }
}

fn time(setting: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("{setting}: {seconds} is not a number of seconds"))
    })
}

/// Arms the signals. Gives whether errors of memory are to be told by [`memory_error`].
#[pyfunction]
fn install(py: Python<'_>, given: Given) -> PyResult<bool> {
    let target = target(py)?;
    let settings = given.settings()?;
    check_values(&target, &settings)?;
    let identity = settings.identity;
    let memory_error = settings.triggers.memory_error;
    memdump_dumper::install(target, settings, &without_gil(py))
        .map_err(|error| PyOSError::new_err(error.to_string()))?;
    // Dumps are worth having without it, so this is told and no error.
    if identity == Identity::Exact
        && let Err(gap) = births::mark()
    {
        memdump_dumper::notice(&gap);
    }
    Ok(memory_error)
}

/// Refuses to tell values where nothing can be hashed: what is asked for must not be missing without a word.
fn check_values(target: &CPython, settings: &Settings) -> PyResult<()> {
    if settings.values != Values::Off && target.key.is_none() {
        return Err(PyOSError::new_err(
            "values: the kernel gives no random bytes, without which nothing can be hashed; leave them off, \
             or allow getrandom(2)",
        ));
    }
    Ok(())
}

/// For `sys.monitoring`: sees every exception that is raised, and so must be quick.
#[pyfunction]
fn on_raise(_code: &Bound<'_, PyAny>, _offset: &Bound<'_, PyAny>, exception: &Bound<'_, PyAny>) {
    if exception.is_instance_of::<PyMemoryError>() {
        memdump_dumper::memory_error();
    }
}

/// The interpreter ran out of memory on this thread.
#[pyfunction]
fn memory_error() {
    memdump_dumper::memory_error();
}

/// Writes a dump now.
#[pyfunction]
fn dump<'py>(py: Python<'py>, path: PathBuf, mut given: Given) -> PyResult<Bound<'py, PyDict>> {
    let target = target(py)?;
    // Not used here; its default would ask for the working directory, which may be gone.
    given.directory = Some("/".into());
    let settings = given.settings()?;
    check_values(&target, &settings)?;
    let report = memdump_dumper::dump_now(&*target, &path, &settings, &without_gil(py))
        .map_err(|error| dump_error(&error))?;
    report_dict(py, &report)
}

/// With the error's number where there is one, so that Python makes it a `FileExistsError`, a `PermissionError` and so on.
fn dump_error(error: &DumpError) -> PyErr {
    match error.errno {
        0 => PyOSError::new_err(error.to_string()),
        // Python puts the number before the text itself.
        errno => {
            let text = error
                .to_string()
                .replace(&format!(" (os error {errno})"), "");
            PyOSError::new_err((errno, text))
        }
    }
}

fn report_dict<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    // As text: a `Path` would import pathlib into the target.
    dict.set_item("path", report.path.as_os_str())?;
    dict.set_item("sequence", report.sequence)?;
    dict.set_item("objects", report.summary.objects)?;
    dict.set_item("references", report.summary.references)?;
    dict.set_item("bytes", report.summary.bytes)?;
    dict.set_item("faults", report.summary.faults)?;
    dict.set_item("wait", report.wait.as_secs_f64())?;
    dict.set_item("pause", report.pause.as_secs_f64())?;
    dict.set_item("duration", report.duration.as_secs_f64())?;
    let growth = match &report.growth {
        Some(types) => {
            let growth = PyDict::new(py);
            for one in types {
                growth.set_item(&one.name, one.objects)?;
            }
            Some(growth)
        }
        None => None,
    };
    dict.set_item("growth", growth)?;
    Ok(dict)
}

/// By the names of the arguments of `install`.
fn settings_dict<'py>(py: Python<'py>, settings: &Settings) -> PyResult<Bound<'py, PyDict>> {
    let Settings {
        directory,
        name,
        keep,
        min_free,
        deadline,
        labels,
        values,
        arguments,
        nice,
        io_priority,
        triggers,
        ..
    } = settings;
    let dict = PyDict::new(py);
    dict.set_item("directory", directory.as_os_str())?;
    dict.set_item("name", name)?;
    dict.set_item("keep", keep.map_or(0, |keep| keep.get()))?;
    dict.set_item("min_free", min_free)?;
    dict.set_item("deadline", deadline.as_secs_f64())?;
    dict.set_item("labels", labels)?;
    // What the next dump has, whatever was asked for: the system may have refused the memory for marks.
    let is_exact = births::now().is_some();
    dict.set_item("identity", if is_exact { "exact" } else { "address" })?;
    dict.set_item("values", values.to_string())?;
    dict.set_item("arguments", arguments)?;
    dict.set_item("nice", nice)?;
    dict.set_item("ionice", io_priority.to_string())?;
    let levels = triggers.memory.map(|levels| levels.to_string());
    dict.set_item("on_memory", levels)?;
    dict.set_item("on_rise", triggers.rise.map(|rise| rise.to_string()))?;
    dict.set_item("on_memory_error", triggers.memory_error)?;
    let exit = triggers.exit.map_or(0.0, |limit| limit.as_secs_f64());
    dict.set_item("on_exit", exit)?;
    dict.set_item("trigger_interval", triggers.interval.as_secs_f64())?;
    Ok(dict)
}

/// How things stand.
#[pyfunction]
fn status<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    let Status {
        installed,
        settings,
        next_level,
        held_back,
        agent_alive,
        in_progress,
        dumps,
        ignored,
        last_report,
        last_error,
        ..
    } = memdump_dumper::status();
    let dict = PyDict::new(py);
    let signals = installed.map(
        |Installed {
             signal,
             taken_away,
             second_signal,
         }| {
            (
                signal.number(),
                taken_away,
                second_signal.map(Signal::number),
            )
        },
    );
    dict.set_item("signal", signals.map(|(signal, _, _)| signal))?;
    dict.set_item(
        "taken_away",
        signals.is_some_and(|(_, taken_away, _)| taken_away),
    )?;
    dict.set_item("second_signal", signals.and_then(|(_, _, second)| second))?;
    dict.set_item("agent_alive", agent_alive)?;
    dict.set_item("in_progress", in_progress)?;
    dict.set_item("dumps", dumps)?;
    dict.set_item("ignored", ignored)?;
    dict.set_item(
        "last_dump",
        last_report
            .map(|report| report_dict(py, &report))
            .transpose()?,
    )?;
    let settings = settings.map(|settings| settings_dict(py, &settings));
    dict.set_item("settings", settings.transpose()?)?;
    dict.set_item("next_level", next_level)?;
    dict.set_item("held_back", held_back.as_secs_f64())?;
    dict.set_item("last_error", last_error.map(|error| error.to_string()))?;
    Ok(dict)
}

/// For `os.register_at_fork` and `atexit`.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    memdump_dumper::before_fork(&without_gil(py));
}

#[pyfunction]
fn after_fork_in_parent() {
    memdump_dumper::after_fork_in_parent();
}

#[pyfunction]
fn after_fork_in_child() {
    memdump_dumper::after_fork_in_child();
}

#[pyfunction]
fn shutdown(py: Python<'_>) {
    memdump_dumper::wait_at_exit(&without_gil(py));
    memdump_dumper::shutdown(&without_gil(py));
}

/// The extension module.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{
        after_fork_in_child, after_fork_in_parent, before_fork, dump, install, memory_error,
        on_raise, shutdown, status,
    };
}
