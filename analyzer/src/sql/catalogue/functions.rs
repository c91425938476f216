//! Table-valued functions: for what a view cannot be asked, as it takes no argument. They exist over open dumps only.

use super::{Table, table};

/// All functions.
pub static FUNCTIONS: &[&Table] = &[&CHAIN, &CHAINS, &REFERRERS, &DOMINATED, &DIFF];

table! {
    /// What keeps an object alive: its shortest chain, one row per object on it, the one that is held directly first.
    CHAIN ChainColumn = "chain", key 1, arguments 2 {
        Step = "step" Count false "References from what is held directly.";
        Id = "id" Id false "The object on this step.";
        TypeName = "type_name" Text false "Its type.";
        Label = "label" Text false "How the step before refers to it; on step 0, how the root does.";
        Root = "root" Text true "On step 0, what holds it: module app.views; else NULL.";
        Address = "address" Address false "Where it lay.";
        Size = "size" Bytes false "Its shallow size.";
        Dump = "dump" Dump false "The dump.";
        Object = "object" Id false "The object whose chain it is.";
    }
}

table! {
    /// What keeps the objects of a type alive: their chains grouped by shape, the biggest group first.
    CHAINS ChainsColumn = "chains_of", key 0, arguments 2 {
        Count = "count" Count false "Objects whose chains have this shape.";
        TypeName = "type_name" Text false "Their type.";
        Chain = "chain" Text false "The shape, as text; positions and keys that differ are left open.";
        Example = "example" Address false "The address of one of the objects.";
        Dump = "dump" Dump false "The dump.";
        Pattern = "pattern" Text false "The type: SomeRef, app.models.SomeRef, *Ref.";
    }
}

table! {
    /// What refers to an object: objects first, then roots.
    REFERRERS ReferrersColumn = "referrers", key 0, arguments 2 {
        Source = "source" Id true "The object that refers to it; NULL for a root.";
        TypeName = "type_name" Text true "Its type; NULL for a root.";
        Label = "label" Text false "What the reference is called.";
        IsWeak = "is_weak" Flag false "Whether the reference is weak.";
        Root = "root" Text true "The root: module app.views; NULL for an object.";
        Address = "address" Address true "Where the object lay; NULL for a root.";
        Dump = "dump" Dump false "The dump.";
        Object = "object" Id false "The object that is referred to.";
    }
}

table! {
    /// What an object alone keeps alive, directly: the objects that it is the dominator of.
    DOMINATED DominatedColumn = "dominated_by", key 1, arguments 2 {
        Id = "id" Id false "The object.";
        TypeName = "type_name" Text false "Its type.";
        Size = "size" Bytes false "Its shallow size.";
        Retained = "retained" Bytes false "What would be freed with it.";
        Address = "address" Address false "Where it lay.";
        Dump = "dump" Dump false "The dump.";
        Object = "object" Id false "The dominator.";
    }
}

table! {
    /// What grew between any two dumps, per type; the view growth compares each dump with the one before.
    DIFF DiffColumn = "diff", key 0, arguments 2 {
        TypeName = "type_name" Text false "The type.";
        CountBefore = "count_before" Count false "Objects before.";
        CountAfter = "count_after" Count false "Objects after.";
        CountGrowth = "count_growth" Difference false "After minus before.";
        BytesBefore = "bytes_before" Bytes false "Shallow bytes before.";
        BytesAfter = "bytes_after" Bytes false "Shallow bytes after.";
        BytesGrowth = "bytes_growth" Difference false "After minus before.";
        NewCount = "new_count" Count true "Objects in the later dump only; NULL if the dumps are of different processes.";
        GoneCount = "gone_count" Count true "Objects in the earlier dump only; NULL likewise.";
        Before = "before_dump" Dump false "The earlier dump.";
        After = "after_dump" Dump false "The later dump.";
    }
}
