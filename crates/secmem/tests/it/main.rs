//! Secrets survive, vanish when dropped, and lie in pages that the kernel locks and does not dump.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Instant;

use strongroom_secmem::{Backing, SecMemError, SecretBytes, harden_process, stats};

#[test]
fn contents_survive_at_every_length_around_the_size_classes() {
    let lengths = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513];
    let more = [1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 10_000, 100_000];
    let secrets: Vec<_> = lengths
        .iter()
        .chain(&more)
        .map(|len| {
            let bytes: Vec<u8> = (0..*len).map(|i| (i * 7 + len) as u8).collect();
            (SecretBytes::from_slice(&bytes).unwrap(), bytes)
        })
        .collect();
    for (secret, bytes) in &secrets {
        assert_eq!(secret.as_slice(), bytes);
        assert_eq!(secret.len(), bytes.len());
        assert!(secret.clone().ct_eq(bytes));
    }
    assert!(secrets[0].0.is_empty());
}

#[test]
fn a_freed_slot_is_wiped_before_it_is_handed_out_again() {
    // Other tests take slots too, so try until one comes straight back.
    for _ in 0..1000 {
        let secret = SecretBytes::from_slice(&[0xA5; 2000]).unwrap();
        let address = secret.as_slice().as_ptr();
        drop(secret);
        let again = SecretBytes::build(2000, |fresh| assert!(fresh.iter().all(|b| *b == 0)));
        if again.unwrap().as_slice().as_ptr() == address {
            return;
        }
    }
    panic!("no slot ever came back");
}

#[test]
fn what_a_failing_or_shorter_build_wrote_is_wiped() {
    let failed: Result<SecretBytes, SecMemError> = SecretBytes::try_build(1500, |bytes| {
        bytes.fill(0x5A);
        Err(SecMemError::System("planted".to_owned()))
    });
    assert!(failed.is_err());
    let short: Result<SecretBytes, SecMemError> = SecretBytes::try_build(1500, |bytes| {
        assert!(bytes.iter().all(|b| *b == 0));
        bytes.fill(0x5A);
        Ok(3)
    });
    let short = short.unwrap();
    assert_eq!(short.as_slice(), [0x5A; 3]);
    drop(short);
    SecretBytes::build(1500, |bytes| assert!(bytes.iter().all(|b| *b == 0))).unwrap();
}

#[test]
fn the_kernel_locks_the_pages_and_leaves_them_out_of_dumps() {
    let small = SecretBytes::from_slice(&[1; 32]).unwrap();
    let large = SecretBytes::from_slice(&[1; 50_000]).unwrap();
    for secret in [&small, &large] {
        let flags = vm_flags(secret.as_slice().as_ptr() as usize);
        for flag in ["lo", "dd"] {
            assert!(flags.split(' ').any(|f| f == flag), "no {flag} in {flags}");
        }
        let fork = if stats().backing == Some(Backing::Mlock) { "wf" } else { "dc" };
        assert!(flags.split(' ').any(|f| f == fork), "no {fork} in {flags}");
    }
    assert!(stats().bytes_locked >= 50_000 + 16 * 1024);
}

/// The VmFlags line of the mapping that holds `address`.
fn vm_flags(address: usize) -> String {
    let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    for line in smaps.lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        if let Some((from, to)) = range
            && let (Ok(from), Ok(to)) =
                (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
        {
            inside = (from..to).contains(&address);
        }
        if inside && let Some(flags) = line.strip_prefix("VmFlags: ") {
            return flags.trim().to_owned();
        }
    }
    panic!("no mapping holds the secret");
}

#[test]
fn threads_never_share_a_slot() {
    let workers: Vec<_> = (0..8u8)
        .map(|id| {
            thread::spawn(move || {
                let mut held = Vec::new();
                for round in 0..2_000usize {
                    held.push(SecretBytes::from_slice(&[id; 48]).unwrap());
                    if round % 3 == 0 {
                        held.swap_remove(round % held.len());
                    }
                    if round % 97 == 0 {
                        assert!(held.iter().all(|s| s.as_slice() == [id; 48]));
                    }
                }
                // Some are dropped on another thread than made them.
                held
            })
        })
        .collect();
    for (id, worker) in workers.into_iter().enumerate() {
        let held = worker.join().unwrap();
        assert!(held.iter().all(|s| s.as_slice() == [id as u8; 48]));
    }
}

#[test]
fn when_no_more_can_be_locked_the_error_names_the_limit() {
    const CHILD: &str = "STRONGROOM_SECMEM_EXHAUST";
    if std::env::var_os(CHILD).is_some() {
        exhaust();
        return;
    }
    let name = "when_no_more_can_be_locked_the_error_names_the_limit";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn exhaust() {
    let limit = libc::rlimit { rlim_cur: 256 * 1024, rlim_max: 256 * 1024 };
    // SAFETY: setrlimit reads a struct of ours; setresuid changes this child process only, which
    // as root would be above the limit.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit), 0);
        if libc::geteuid() == 0 {
            assert_eq!(libc::setresuid(65534, 65534, 65534), 0);
        }
    }
    let mut held = Vec::new();
    let error = loop {
        match SecretBytes::from_slice(&[3; 4096]) {
            Ok(secret) => held.push(secret),
            Err(error) => break error,
        }
        assert!(held.len() < 1000, "the limit was never met");
    };
    assert!(held.len() >= 60, "only {} of 64 pages were used", held.len());
    assert!(matches!(error, SecMemError::LockedMemoryExhausted { .. }));
    let text = error.to_string();
    assert!(text.contains("RLIMIT_MEMLOCK is 262144 bytes"), "{text}");
    assert!(text.contains("LimitMEMLOCK"), "{text}");
    assert!(SecretBytes::from_slice(&[3; 100_000]).is_err());
    held.pop();
    SecretBytes::from_slice(&[4; 4096]).unwrap();
}

#[test]
fn hardening_switches_core_dumps_off() {
    const CHILD: &str = "STRONGROOM_SECMEM_HARDEN";
    if std::env::var_os(CHILD).is_some() {
        let hardening = harden_process();
        assert!(hardening.core_dumps_off && hardening.not_dumpable, "{hardening:?}");
        assert!(hardening.problems.is_empty(), "{hardening:?}");
        if hardening.all_locked {
            // What is mapped from now on is locked too, once it is touched.
            let fresh = vec![1_u8; 4 << 20];
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let locked = status.lines().find_map(|l| l.strip_prefix("VmLck:")).unwrap();
            let kib: usize = locked.trim().trim_end_matches(" kB").trim().parse().unwrap();
            assert!(kib >= fresh.len() >> 10, "{kib} KiB");
        }
        let limits = fs::read_to_string("/proc/thread-self/limits").unwrap();
        let core = limits.lines().find(|l| l.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"));
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hardening_switches_core_dumps_off", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn debug_shows_the_length_and_nothing_else() {
    let secret = SecretBytes::from_slice(b"hunter2").unwrap();
    assert_eq!(format!("{secret:?}"), "SecretBytes(7 bytes)");
    assert!(!secret.ct_eq(b"hunter3"));
    assert!(!secret.ct_eq(b"hunter"));
}

/// Run by hand, in release: `cargo test -p strongroom-secmem --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_small_secret_is_made_and_dropped_in_under_200_ns() {
    const ROUNDS: u32 = 1_000_000;
    drop(SecretBytes::from_slice(&[1; 32]).unwrap());
    let start = Instant::now();
    for i in 0..ROUNDS {
        drop(std::hint::black_box(SecretBytes::from_slice(&[i as u8; 32]).unwrap()));
    }
    let each = start.elapsed() / ROUNDS;
    println!("{each:?} for each");
    assert!(each.as_nanos() < 200);
}
