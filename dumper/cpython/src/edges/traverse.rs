//! Calls `tp_traverse` of types whose structure is their own business.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};

use super::{Edges, Interpreter, SlotList, Tag};
use crate::class::Slots;
use crate::memory::Obj;

type Visit = extern "C" fn(*mut c_void, *mut c_void) -> c_int;
type Traverse = unsafe extern "C" fn(*mut c_void, Visit, *mut c_void) -> c_int;

struct Visitor<'a, E> {
    slots: &'a mut SlotList,
    out: &'a mut E,
    /// Types that live on the heap are held by their instances.
    class: Obj,
    sequence: bool,
    /// A dict's own walk gives its entries with their names.
    silent: bool,
    next: usize,
}

extern "C" fn visit<E: Edges>(target: *mut c_void, visitor: *mut c_void) -> c_int {
    // SAFETY: `traverse` below passes its own visitor, which outlives the call, and nothing else uses it meanwhile.
    let visitor = unsafe { &mut *visitor.cast::<Visitor<'_, E>>() };
    let target = Obj(target as usize);
    match visitor.slots.tell(target) {
        Some(tag) => visitor.out.strong(target, tag),
        None if target == visitor.class => visitor.out.strong(target, Tag::Type),
        None if visitor.silent => {}
        None if visitor.sequence => {
            visitor.out.strong(target, Tag::Index(visitor.next));
            visitor.next += 1;
        }
        None => visitor.out.strong(target, Tag::None),
    }
    0
}

impl Interpreter {
    /// Gives what `tp_traverse` visits, named by the slots that point there, and then the slots that it left out.
    pub(super) fn traverse<E: Edges>(
        &self,
        object: Obj,
        class: Obj,
        slots: Slots,
        traverse: usize,
        known: &mut SlotList,
        out: &mut E,
    ) {
        let is_dict = slots == Slots::DictMembers;
        if traverse != 0 {
            let mut visitor = Visitor {
                slots: known,
                out,
                class,
                sequence: slots == Slots::Sequence,
                silent: is_dict,
                next: 0,
            };
            // SAFETY: the address is a type's `tp_traverse`, a function of this signature that by CPython's rules only reads;
            // the object is an instance. Where the heap is corrupt it faults and lands, over frames without destructors.
            unsafe {
                let function: Traverse = std::mem::transmute(traverse);
                function(
                    object.0 as *mut c_void,
                    visit::<E>,
                    (&raw mut visitor).cast(),
                );
            }
        }
        for (target, tag) in known.untold() {
            out.strong(target, tag);
        }
        if is_dict {
            self.dict(object, out);
        }
    }
}
