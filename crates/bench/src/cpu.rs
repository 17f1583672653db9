//! Processor time of a server's threads, from the scheduler's own counts: unlike a rate, it hardly
//! feels what else runs on the machine.

use std::fs;
use std::time::Duration;

/// Whose time is counted.
#[derive(Clone, Copy, Debug)]
pub enum Meter {
    /// A process.
    Process(u32),
    /// Threads of this process by name.
    Threads(&'static str),
    /// Nobody's: the server runs elsewhere.
    Nobody,
}

impl Meter {
    /// Time spent so far by the threads that are alive.
    pub fn read(self) -> Option<Duration> {
        let (process, name) = match self {
            Self::Process(id) => (id.to_string(), None),
            Self::Threads(name) => ("self".to_owned(), Some(name)),
            Self::Nobody => return None,
        };
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
            let file = |name: &str| fs::read_to_string(task.path().join(name)).ok();
            if name.is_some_and(|name| file("comm").is_none_or(|comm| comm.trim_end() != name)) {
                continue;
            }
            let text = file("schedstat").unwrap_or_default();
            nanos += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
        Some(Duration::from_nanos(nanos))
    }

    /// Bytes that the process caused to be written to disk so far.
    pub fn written(self) -> Option<u64> {
        let Self::Process(id) = self else { return None };
        let text = fs::read_to_string(format!("/proc/{id}/io")).ok()?;
        text.lines().find_map(|l| l.strip_prefix("write_bytes: ")?.parse().ok())
    }

    /// Resident memory in bytes.
    pub fn resident(self) -> Option<u64> {
        let Self::Process(id) = self else { return None };
        let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_is_seen_by_its_name() {
        let work = || {
            let until = std::time::Instant::now() + Duration::from_millis(30);
            while std::time::Instant::now() < until {}
            Meter::Threads("bench-tested").read()
        };
        let thread = std::thread::Builder::new().name("bench-tested".to_owned()).spawn(work);
        assert!(thread.unwrap().join().unwrap().unwrap() > Duration::from_millis(1));
        assert_eq!(Meter::Threads("bench-nobody").read(), Some(Duration::ZERO));
    }
}
