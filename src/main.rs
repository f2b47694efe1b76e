//! Arguments in, exit code out.

use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

unsafe extern "C" {
    /// Of the allocator, which the crate doesn't pass on.
    fn mi_option_set(option: c_int, value: c_long);
}

/// How long memory that is free waits before the system gets it back.
const PURGE_DELAY: c_int = 15;
const NEVER: c_long = -1;

fn main() -> std::process::ExitCode {
    // What is freed is soon used again, and comes back page fault by page fault; a tenth of all there were.
    // SAFETY: it writes a number into a table, and no other thread is there yet.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) };
    meshctl::cli::run()
}
