//! A key epoch begins while requests go on: nobody notices, and everything is readable after it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use strongroom_client::{CipherParameters, Config, Connection, Pem};

use crate::house::House;

fn connect(house: &House) -> Connection {
    let dir = house.data().join("bundles/client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    Connection::open(&config).unwrap()
}

/// Keys with their bytes, as they were handed out first.
type Known = Mutex<BTreeMap<String, Vec<u8>>>;

fn create(client: &mut Connection, known: &Known) -> String {
    let id = client.create_symmetric_key(256, 12, None).unwrap();
    let bytes = client.get(&id).unwrap().material.to_vec();
    assert_eq!(bytes.len(), 32);
    known.lock().unwrap().insert(id.clone(), bytes);
    id
}

/// Ends the clients, also when this test fails: they are waited for.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn all_readable(house: &House, known: &Known) {
    let mut client = connect(house);
    for (id, bytes) in known.lock().unwrap().iter() {
        assert_eq!(client.get(id).unwrap().material.as_slice(), bytes, "{id}");
    }
}

#[test]
fn no_request_fails_while_the_epoch_changes_and_everything_is_readable_after_it() {
    let mut house = House::serving();
    let known = Known::default();
    let mut first = connect(&house);
    // Enough to be wrapped anew in several transactions.
    let old: Vec<String> = (0..300).map(|_| create(&mut first, &known)).collect();
    let sealing = &old[0];
    first.activate(sealing).unwrap();
    let secret = b"encrypted under an epoch that is gone";
    let gcm = CipherParameters::gcm();
    let early = first.encrypt(sealing, &gcm, None, b"", secret).unwrap();
    let over = AtomicBool::new(false);
    // What was done while a rotation was under way, by kind.
    let during = [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)];
    let rotating = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = Ends(&over);
        let client = |kind: usize| {
            let (house, known, old) = (&house, &known, &old);
            let (over, rotating, during) = (&over, &rotating, &during);
            move || {
                let mut client = connect(house);
                let gcm = CipherParameters::gcm();
                for turn in 0_usize.. {
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let before = rotating.load(Ordering::SeqCst);
                    match kind {
                        0 => {
                            let id = &old[turn * 7 % old.len()];
                            let bytes = client.get(id).unwrap().material.to_vec();
                            assert_eq!(known.lock().unwrap().get(id), Some(&bytes));
                        }
                        1 => {
                            let text = format!("message {turn}");
                            let sealed =
                                client.encrypt(sealing, &gcm, None, b"", text.as_bytes()).unwrap();
                            let plain = client.decrypt(sealing, &gcm, b"", &sealed).unwrap();
                            assert_eq!(plain.as_slice(), text.as_bytes());
                        }
                        _ => drop(create(&mut client, known)),
                    }
                    if before && rotating.load(Ordering::SeqCst) {
                        during[kind].fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        };
        let clients: Vec<_> = (0..3).map(|kind| scope.spawn(client(kind))).collect();
        let epoch = || house.json(&["status"])["epoch"].as_u64().unwrap();
        let (begin, begun) = (epoch(), Instant::now());
        let mut rotations = 0;
        let enough = || during.iter().all(|n| n.load(Ordering::SeqCst) >= 20);
        while rotations < 2 || !enough() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{during:?} in {rotations}");
            assert!(clients.iter().all(|client| !client.is_finished()), "a client gave up");
            let mut arguments = vec!["root", "rotate"];
            if rotations % 2 == 1 {
                arguments.extend(["--shred", "--yes"]);
            }
            rotating.store(true, Ordering::SeqCst);
            let done = house.json(&arguments);
            rotating.store(false, Ordering::SeqCst);
            assert_eq!(done["done"], done["total"], "{done}");
            assert!(done["total"].as_u64().unwrap() >= 300, "{done}");
            rotations += 1;
        }
        over.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(epoch(), begin + rotations);
    });
    let last = house.json(&["root", "rotate", "--shred", "--yes"]);
    assert_eq!(last["shredded"], true);
    all_readable(&house, &known);
    assert_eq!(first.decrypt(sealing, &gcm, b"", &early).unwrap().as_slice(), secret);
    assert_eq!(house.json(&["audit", "verify"])["intact"], true);
    // And from the disk alone.
    assert_eq!(house.stop("TERM"), Some(0), "{}", house.log());
    let again = house.quickstart(&["--skip-proof"]);
    house.start(again);
    all_readable(&house, &known);
}
