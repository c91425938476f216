//! From the functions of an allocation to the type of the block.
//!
//! Containers allocate for others: of `RawVec::grow_one ← Vec::push ← app::handler` it is the container frames that know the type. Of the
//! *consecutive innermost container frames* the outermost is believed first, because linkers and LLVM merge functions of the
//! same code, and the inner ones may then bear another type's name; what a block's size and alignment contradict is not believed at all.
use crate::block_type::BlockType;
use crate::family::Family;
use crate::function::Function;
use crate::types::Types;

/// What the stack of a site tells of its blocks.
#[derive(Clone, Debug, Default)]
pub struct SiteTypes {
    /// Most credible first.
    candidates: Vec<BlockType>,
    /// Whether no function that LLVM may have merged with another's stands behind it.
    pub(crate) is_sure: bool,
    /// The innermost function that is no container's: `app::handler`.
    pub(crate) function: Option<String>,
}

/// The functions that asked for memory, without those of the global allocator, which may be the program's own.
fn behind_the_allocator(functions: &[Function]) -> &[Function] {
    let is_entry = |function: &Function| {
        function.is_in("alloc::alloc")
            || matches!(
                function.name.as_str(),
                "__rust_alloc"
                    | "__rust_alloc_zeroed"
                    | "__rust_realloc"
                    | "__rdl_alloc"
                    | "__rdl_alloc_zeroed"
                    | "__rdl_realloc"
                    | "operator new"
                    | "operator new[]"
            )
    };
    match functions.iter().position(is_entry) {
        Some(at) => {
            let rest = &functions[at..];
            let asked = rest.iter().position(|function| !is_entry(function));
            &rest[asked.unwrap_or(rest.len())..]
        }
        // Line tables do not name what the compiler adds; the methods of `GlobalAlloc` they do.
        None => {
            let is_method = |function: &Function| {
                matches!(function.name.as_str(), "alloc" | "alloc_zeroed" | "realloc")
            };
            let asked = functions.iter().position(|function| !is_method(function));
            &functions[asked.unwrap_or(0)..]
        }
    }
}

impl SiteTypes {
    /// Judges the functions of a stack, innermost first.
    pub(crate) fn judge(types: &Types<'_>, alignment: u64, functions: &[Function]) -> SiteTypes {
        let mut candidates = Vec::new();
        let mut inner: Option<Family> = None;
        let mut is_text = false;
        let mut function = None;
        let mut ended = false;
        let frames = behind_the_allocator(functions);
        let mut told_at = 0;
        let mut is_itself = false;
        for (place, frame) in frames.iter().enumerate() {
            let Some(family) = Family::of(frame) else {
                // A type that allocates by itself allocates itself: nodes of lists, blocks of queues.
                if inner.is_none()
                    && !ended
                    && let Some(owner) = frame.owner
                {
                    candidates.push(BlockType::One(owner));
                    is_itself = true;
                }
                // Generic helpers of the library (`Into::into`, adapters of iterators) say nothing to people.
                if function.is_none() || !frame.is_library() {
                    function = Some(frame.full_name());
                }
                if !frame.is_library() {
                    break;
                }
                ended = true;
                continue;
            };
            is_text |= family == Family::Text;
            if ended || family == Family::Plumbing {
                continue;
            }
            if !inner.is_none_or(|inner| family.may_hold(inner)) {
                ended = true;
                continue;
            }
            inner = Some(family);
            if let Some(candidate) = family.type_of(types, frame) {
                candidates.push(candidate);
                told_at = place;
            }
            // Elements are cloned by the clone of what holds them: what comes further out made another block.
            ended = matches!(frame.name.as_str(), "clone" | "to_owned");
        }
        candidates.reverse();
        candidates.dedup();
        if alignment == 1 && !functions.is_empty() {
            // Merged functions bear any name here, and bytes are what nearly all such blocks are.
            if is_text {
                candidates = vec![BlockType::Text];
            } else {
                // Neither size nor alignment is there to contradict what is but a name.
                let is_named = |one: &BlockType| matches!(one, BlockType::Named(name) if !name.starts_with('[') && name != "str");
                candidates.retain(|candidate| !is_named(candidate));
                candidates.push(BlockType::Bytes);
            }
        }
        let compiled = frames[told_at.min(frames.len())..]
            .iter()
            .find(|frame| frame.is_whole);
        SiteTypes {
            candidates,
            is_sure: !is_itself && compiled.is_some_and(|frame| !frame.is_generic()),
            function,
        }
    }

    /// The type of a block of the site: the most credible one that its size and alignment allow.
    pub(crate) fn of(&self, types: &Types<'_>, size: u64, alignment: u64) -> Option<&BlockType> {
        self.candidates
            .iter()
            .find(|candidate| candidate.fits(types, size, alignment))
    }
}
