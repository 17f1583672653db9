//! How often the disk flushes: an append, then `fdatasync(2)`, again and again.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::stats::Histogram;

/// Flushes, and how long they took.
#[derive(Debug)]
pub struct Flushes {
    /// Latencies.
    pub latencies: Histogram,
    /// In a second.
    pub rate: f64,
}

/// Appends `bytes` and flushes, for so long, to a file in `dir`.
pub fn flushes(dir: &Path, bytes: usize, time: Duration) -> Outcome<Flushes> {
    let path = dir.join("fsync");
    let about = || Failure::about(path.display().to_string());
    let mut file = File::create(&path).map_err(about())?;
    let block = vec![0x5A; bytes];
    let mut latencies = Histogram::default();
    let began = Instant::now();
    while began.elapsed() < time {
        let each = Instant::now();
        file.write_all(&block).map_err(about())?;
        file.sync_data().map_err(about())?;
        latencies.record(u64::try_from(each.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    let rate = latencies.len() as f64 / began.elapsed().as_secs_f64();
    drop(file);
    let _ = std::fs::remove_file(&path);
    Ok(Flushes { latencies, rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_are_counted_and_leave_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let flushes = flushes(dir.path(), 512, Duration::from_millis(20)).unwrap();
        assert!(flushes.latencies.len() > 0 && flushes.rate > 0.0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
