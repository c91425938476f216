//! Sites: what is remembered of where a block was allocated, as a small number.
//!
//! 0 is a site of which nothing is known. The next ones are those of which only the alignment is known.

/// The first site that has a stack.
pub(crate) const FIRST_WITH_STACK: u32 = 64;

/// The site of which only the alignment is known.
#[inline(always)]
pub(crate) fn of_alignment(align: usize) -> u32 {
    1 + align.trailing_zeros()
}

/// Logarithm to the base 2 of a site's alignment.
pub(crate) fn log2_alignment(site: u32) -> u8 {
    match site {
        0 => 0,
        1..FIRST_WITH_STACK => (site - 1) as u8,
        _ => 0,
    }
}

/// Return addresses of a site, innermost first.
pub(crate) fn frames(_site: u32) -> &'static [u64] {
    &[]
}
