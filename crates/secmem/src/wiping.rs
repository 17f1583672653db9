//! A global allocator that wipes what is freed.
//!
//! Keys in use live in locked memory ([`SecretBytes`](crate::SecretBytes)), but what is registered
//! or got passes through buffers that others own: those of TLS, of HTTP, of an encoder that grew.
//! Wiped when they are freed, none of them outlives its use.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, with every block overwritten before it is given back.
///
/// ```
/// use strongroom_secmem::WipingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: WipingAllocator = WipingAllocator;
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct WipingAllocator;

// SAFETY: every block comes from `System` with the layout that it is given back with, and what
// `GlobalAlloc` asks of `realloc` is done with the other three.
unsafe impl GlobalAlloc for WipingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to `GlobalAlloc::alloc`, which asks what `System` asks.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives a block of ours with its layout, so that its bytes are ours to
        // write; `explicit_bzero` is not optimised away. Then `System` gets its block back.
        unsafe {
            libc::explicit_bzero(ptr.cast(), layout.size());
            System.dealloc(ptr, layout);
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The system's own would leave the old bytes where a block moves from.
        //
        // SAFETY: the caller keeps `new_size`, rounded up to the alignment, within `isize::MAX`,
        // and the alignment is a valid one already.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: the caller keeps `new_size` above zero.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            let kept = layout.size().min(new_size);
            // SAFETY: both blocks have that many bytes and are apart; the old one is the caller's
            // to give up.
            unsafe {
                std::ptr::copy_nonoverlapping(ptr, new, kept);
                self.dealloc(ptr, layout);
            }
        }
        new
    }
}
