//! The tables. They are the same over open dumps and in a loaded file.
//!
//! Addresses are integers: a tenth of the space of text, compared without parsing, and SQL takes `0x7f3a1c0042d0` as it
//! is printed. Views print them with `printf('0x%x', address)`.

use super::{Table, table};

/// All tables, in the order in which they are loaded.
pub static TABLES: &[&Table] = &[
    &DUMP, &METADATA, &TYPE, &OBJECT, &REFERENCE, &ROOT, &FAULT, &VALUE,
];

table! {
    /// One row per dump.
    DUMP DumpColumn = "dump", key 1, arguments 0 {
        Id = "id" Dump false "The dump's number here: from 1, in the order given.";
        File = "file" Text false "The file.";
        Previous = "previous" Dump true "The dump before it of the same process, which new objects are told against; NULL if there is none here.";
        Process = "process" Dump false "The first dump here of the same process: dumps with the same number are a series.";
        Host = "host" Text true "The machine.";
        Pid = "pid" Id true "The process id.";
        Program = "program" Text true "The program.";
        Arguments = "arguments" Text true "Its arguments, shell-quoted.";
        Runtime = "runtime" Text true "The runtime: CPython 3.13.5.";
        Producer = "producer" Text true "What wrote the dump.";
        Time = "time" Text true "When it was taken, UTC, as 2026-11-22T10:00:00.000000Z.";
        UptimeMs = "uptime_ms" Count true "How long the process had been running, milliseconds.";
        Sequence = "sequence" Count true "The number of the dump in its process, from 1.";
        Trigger = "trigger" Text true "What asked for it: signal 10, call.";
        Identity = "identity" Text true "How two dumps of the process know an object to be the same: address or exact.";
        Objects = "objects" Count false "Objects.";
        ReferenceCount = "reference_count" Count false "References.";
        Types = "types" Count false "Types, by name.";
        Roots = "roots" Count false "Roots.";
        Faults = "faults" Count false "What could not be read when the dump was made.";
        ObjectBytes = "object_bytes" Bytes false "Shallow bytes of all objects.";
        RssBytes = "rss_bytes" Bytes true "Resident memory of the process.";
        PauseUs = "pause_us" Count true "How long the process stood still, microseconds.";
        DurationUs = "duration_us" Count true "How long the snapshot process took, microseconds.";
        FileBytes = "file_bytes" Bytes false "Length of the file.";
    }
}

table! {
    /// Whatever else a dump says about itself: one row per key.
    METADATA MetadataColumn = "metadata", key 2, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Key = "name" Text false "The key, as format/FORMAT.md lists them.";
        Value = "value" Text false "The value.";
    }
}

table! {
    /// One row per type of a dump, by name: several type objects of one name are one type.
    TYPE TypeColumn = "type", key 2, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Id = "id" Id false "The type's number in its dump; another in every dump, so compare names.";
        Name = "name" Text false "The full name, app.models.SomeRef; builtins without their module.";
        Module = "module" Text false "The module; empty for none.";
        ShortName = "short_name" Text false "The name without module and enclosing scopes: SomeRef.";
        Count = "count" Count false "Objects of the type.";
        Bytes = "bytes" Bytes false "Their shallow bytes.";
        Retained = "retained" Bytes true "What would be freed if all of them were; NULL where types are too entangled to tell.";
        NewCount = "new_count" Count true "Of them, objects that the previous dump does not have; NULL if there is none.";
        NewBytes = "new_bytes" Bytes true "Shallow bytes of the new ones.";
        Address = "address" Address true "Where the type object lay; NULL if it is no object.";
    }
}

table! {
    /// One row per object of a dump.
    OBJECT ObjectColumn = "object", key 2, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Id = "id" Id false "The object's number in its dump; another in every dump, so compare addresses.";
        Address = "address" Address false "Where it lay; a query takes it as it is printed, 0x7f3a1c0042d0.";
        Type = "type" Id false "What it is: type.id of the same dump.";
        Size = "size" Bytes false "Shallow size: its own bytes.";
        Refcount = "refcount" Count true "References that the runtime counted; NULL where it does not count.";
        IsTracked = "is_tracked" Flag false "Whether the collector tracks it.";
        IsStatic = "is_static" Flag false "Whether it lies in static memory.";
        Indegree = "indegree" Count true "Strong references and roots of the dump that lead to it; a greater refcount betrays native code that holds it.";
        Distance = "distance" Count true "References on its shortest chain; 0 if it is held directly.";
        Parent = "parent" Id true "The object before it on that chain; NULL if it is held directly.";
        Held = "held" Text true "What that chain begins at: root; native (code that holds it, where no root does); garbage (only the collector could still free it).";
        Dominator = "dominator" Id true "The nearest object that alone keeps it alive; NULL if there is none.";
        Dominated = "dominated" Count true "How many objects it is the dominator of.";
        Retained = "retained" Bytes true "What would be freed with it, in bytes.";
        IsNew = "is_new" Flag true "Whether the previous dump of the process has it not; NULL if there is none.";
        Born = "born" Dump true "The earliest dump of the process here that has it, without a gap.";
    }
}

table! {
    /// One row per reference from an object.
    REFERENCE ReferenceColumn = "reference", key 3, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Source = "source" Id false "The object that refers: object.id of the same dump.";
        Position = "position" Count false "Its number among the references of its source, from 0.";
        Target = "target" Id true "The object referred to; NULL if the reference is dangling.";
        Label = "label" Text false "What the reference is called: .cache, ['a'], [3], <closure x>; empty for none.";
        IsWeak = "is_weak" Flag false "Whether it is weak: it keeps nothing alive.";
        TargetAddress = "target_address" Address true "Where a dangling reference leads; NULL if there is an object.";
    }
}

table! {
    /// One row per root: what holds objects from outside of the heap.
    ROOT RootColumn = "root", key 2, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Id = "id" Id false "The root's number in its dump.";
        Object = "object" Id true "The object that it holds; NULL if it holds none.";
        Kind = "kind" Text false "module, frame, thread, interpreter, static or native.";
        Name = "name" Text true "A module's name; a frame's function (and file).";
        Thread = "thread" Text true "The thread's name, of frames and threads.";
        Line = "line" Count true "The line that was being executed, of frames.";
        Depth = "depth" Count true "How many callers up from the innermost frame of its thread, of frames.";
        Label = "label" Text false "How it holds the object: <local req>; empty for none.";
    }
}

table! {
    /// One row per thing that could not be read when the dump was made.
    FAULT FaultColumn = "fault", key 2, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Id = "id" Id false "The fault's number in its dump.";
        Address = "address" Address true "The object that was being read; NULL if it was none.";
        Message = "message" Text false "What happened.";
    }
}

table! {
    /// One row per object whose value is told: none unless the process was asked for values.
    VALUE ValueColumn = "value", key 2, arguments 0 {
        Dump = "dump" Dump false "The dump.";
        Object = "object" Id false "The object: object.id of the same dump.";
        Value = "value" Text false "What it held: the beginning as the language prints it, or a hash; metadata `values` says which.";
    }
}
