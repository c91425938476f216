//! zstd in memory that is taken once, for a process in which `malloc` must not be called.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;

use zstd::zstd_safe::zstd_sys::{
    ZSTD_CCtx, ZSTD_compressCCtx, ZSTD_estimateCCtxSize, ZSTD_initStaticCCtx, ZSTD_isError,
};

/// Level 3 costs twice the time for a few percent.
const LEVEL: i32 = 1;

/// A compression context that lives in a workspace of its own and allocates nothing after [`Compressor::new`].
pub(crate) struct Compressor {
    /// Points into `_workspace`; never freed by itself.
    context: NonNull<ZSTD_CCtx>,
    /// `u64`, because zstd wants the workspace aligned to 8 bytes.
    _workspace: Box<[u64]>,
}

// SAFETY: the context is reached through `&mut Compressor` only, lies in memory that the compressor owns, and zstd ties it to no thread.
unsafe impl Send for Compressor {}

impl Compressor {
    /// `None` if zstd refuses the workspace, which a zstd of another version than the one built here might do.
    pub(crate) fn new() -> Option<Compressor> {
        // SAFETY: a pure function.
        let size = unsafe { ZSTD_estimateCCtxSize(LEVEL) };
        let mut workspace = vec![0u64; size.div_ceil(8)].into_boxed_slice();
        // SAFETY: the workspace is valid for its whole length, aligned to 8, and lives in a heap block that moves with neither this
        // struct nor the box, so the context is valid as long as the struct.
        let context = unsafe {
            ZSTD_initStaticCCtx(workspace.as_mut_ptr().cast::<c_void>(), workspace.len() * 8)
        };
        Some(Compressor {
            context: NonNull::new(context)?,
            _workspace: workspace,
        })
    }

    /// Writes `source` as one frame to the start of `target`; gives the frame's length, or `None` if there is no room for it.
    pub(crate) fn compress(&mut self, source: &[u8], target: &mut [u8]) -> Option<usize> {
        // SAFETY: both slices are valid for the lengths given, they do not overlap (one is borrowed mutably), and the context is this
        // struct's own and not in use.
        let length = unsafe {
            ZSTD_compressCCtx(
                self.context.as_ptr(),
                target.as_mut_ptr().cast::<c_void>(),
                target.len(),
                source.as_ptr().cast::<c_void>(),
                source.len(),
                LEVEL,
            )
        };
        // SAFETY: a pure function.
        let failed = unsafe { ZSTD_isError(length) } != 0;
        // A context that found its workspace too small fails as well, and the column is stored as it is.
        (!failed && length <= target.len()).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// zstd chooses its tables by the length of what it compresses; the workspace must do for all of them.
    #[test]
    fn columns_of_every_length_are_compressed() {
        let mut compressor = Compressor::new().unwrap();
        let source: Vec<u8> = (0..4u32 << 20)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 29) as u8)
            .collect();
        let mut target = vec![0; 5 << 20];
        let lengths =
            (5..=22).flat_map(|power: u32| [(1usize << power) - 1, 1 << power, (1 << power) + 1]);
        for length in lengths.map(|length| length.min(source.len())) {
            let frame = compressor
                .compress(&source[..length], &mut target)
                .expect("room");
            assert!(frame < length, "{length} bytes became {frame}");
            assert_eq!(
                zstd::bulk::decompress(&target[..frame], length).unwrap(),
                source[..length]
            );
        }
    }

    #[test]
    fn no_room_is_told_and_costs_nothing_later() {
        let mut compressor = Compressor::new().unwrap();
        let mut noise = [0u8; 1000];
        let mut state = 1u64;
        for byte in &mut noise {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
        assert_eq!(compressor.compress(&noise, &mut [0; 999]), None);
        assert!(compressor.compress(&[7; 1000], &mut [0; 999]).is_some());
    }
}
