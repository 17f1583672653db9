//! The binary: hardens the process before anything else, then runs the command line.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// What passed through a buffer, a key among it, is gone when the buffer is.
#[global_allocator]
static ALLOCATOR: strongroom_secmem::WipingAllocator = strongroom_secmem::WipingAllocator;

fn main() -> ExitCode {
    // Whatever this process makes is its user's alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    for problem in strongroom_secmem::harden_process().problems {
        eprintln!("strongroom: warning: memory is less protected than it should be: {problem}");
    }
    strongroom_server::abort_on_panic();
    strongroom_server::cli::run(std::env::args_os())
}
