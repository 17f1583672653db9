//! What a receiver that hangs costs requests: nothing.
//!
//! Two servers side by side, one with a receiver that takes connections and reads nothing, one without
//! a receiver. They are asked in blocks that take turns, each first as often as the other. (In turns of
//! single requests what one of them does behind its answer would run while the other is measured.)
//!
//! A machine that does other things has good and bad times, and the tail of all requests of one server
//! is that of its worst times. So the p99 of each block is compared with that of the block beside it:
//! half of the ratios lie above their median, whatever the machine does, and the median of a few
//! hundred is known to two or three percent. What hits some blocks only would not move it: therefore
//! blocks that are slower with the receiver must not be more, either, than those that are slower
//! without it, by more than chance allows.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use strongroom_client::Connection;

use super::{eventually, kmip, serving};
use crate::house::{House, text};

/// How much larger the p99 of Get may be with the receiver that hangs.
const ALLOWED: f64 = 1.10;

/// Requests of a block, and those at its beginning that only wake up what slept meanwhile.
const BLOCK: usize = 250;
const WAKING: usize = 10;

/// Rounds until the first look at what is known, and at most.
const LEAST: usize = 80;
const MOST: usize = 480;

/// How many standard deviations are no chance: one run in several hundred.
const CERTAIN: f64 = 3.0;

/// A receiver that takes connections, with as little room as there may be, and never reads.
fn receiver() -> (TcpListener, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _inside = runtime.enter();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(64).unwrap().into_std().unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn number(house: &House, name: &str) -> u64 {
    house.json(&["status"])["forward"][0][name].as_u64().unwrap()
}

/// Makes events until the receiver's buffers and ours are full and nothing more can be sent.
fn fill(house: &House, client: &mut Connection, key: &str) {
    let begun = Instant::now();
    let mut sent = u64::MAX;
    loop {
        for _ in 0..500 {
            client.get(key).unwrap();
        }
        // What is flushed is sent, were there room.
        std::thread::sleep(Duration::from_millis(600));
        let now = number(house, "sent");
        if now == sent && number(house, "lag_records") > 0 {
            return;
        }
        sent = now;
        assert!(begun.elapsed() < Duration::from_secs(90), "it takes whatever is sent");
    }
}

/// The p99 of the requests of a block, microseconds.
fn p99(client: &mut Connection, key: &str) -> f64 {
    let times = (0..BLOCK + WAKING).map(|_| {
        let begun = Instant::now();
        client.get(key).unwrap();
        begun.elapsed().as_micros() as u64
    });
    let mut times: Vec<u64> = times.skip(WAKING).collect();
    *times.select_nth_unstable(BLOCK * 99 / 100).1 as f64
}

/// The middle of these, and between which of them the true middle lies, if it was no great chance: as
/// many lie on either side of it as heads and tails come.
fn median(ratios: &[f64]) -> (f64, f64, f64) {
    let mut sorted = ratios.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (half, off) = (sorted.len() as f64 / 2.0, CERTAIN * (sorted.len() as f64).sqrt() / 2.0);
    let at = |place: f64| sorted[(place.max(0.0) as usize).min(sorted.len() - 1)];
    (at(half), at(half - off), at(half + off))
}

#[test]
fn a_receiver_that_hangs_slows_no_request() {
    let (_listener, to) = receiver();
    let free = serving("");
    let mut bound = serving(&format!(
        "[[forward]]\nname = \"hung\"\naddress = \"{to}\"\ntransport = \"tcp\"\n"
    ));
    let (mut a, mut b) = (kmip(&free), kmip(&bound));
    let key = |c: &mut Connection| c.create_symmetric_key(256, 12, None).unwrap();
    let (of_a, of_b) = (key(&mut a), key(&mut b));
    fill(&bound, &mut b, &of_b);
    let before = number(&bound, "lag_records");
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    let decided = (1..=MOST).find_map(|round| {
        let (none, hung) = if round % 2 == 0 {
            let none = p99(&mut a, &of_a);
            (none, p99(&mut b, &of_b))
        } else {
            let hung = p99(&mut b, &of_b);
            (p99(&mut a, &of_a), hung)
        };
        pairs.push((none, hung));
        if round % LEAST != 0 {
            return None;
        }
        let ratios: Vec<f64> = pairs.iter().map(|(none, hung)| hung / none).collect();
        let (middle, least, most) = median(&ratios);
        let typical = |of: fn(&(f64, f64)) -> f64| median(&pairs.iter().map(of).collect::<Vec<_>>()).0;
        println!(
            "p99 of Get: {} µs without a receiver, {} µs with a hung one: {middle:.3} times, between \
             {least:.3} and {most:.3} ({round} blocks of {BLOCK} requests each)",
            typical(|pair| pair.0),
            typical(|pair| pair.1),
        );
        let certain = most <= ALLOWED || least > ALLOWED;
        (certain || round == MOST).then_some(middle <= ALLOWED)
    });
    println!("allowed: {ALLOWED} times");
    assert_eq!(decided, Some(true), "slower by more than 10 %");
    let slower = |(one, other): (f64, f64)| one > ALLOWED * other;
    let with = pairs.iter().filter(|(none, hung)| slower((*hung, *none))).count();
    let without = pairs.iter().filter(|(none, hung)| slower((*none, *hung))).count();
    println!("hung: {with} blocks slower by more than 10 % with it, {without} without it");
    let chance = CERTAIN * ((with + without) as f64).sqrt();
    assert!(with as f64 <= without as f64 + chance, "slower in too many blocks");

    // It took next to nothing meanwhile, and nothing is lost.
    let made = (pairs.len() * (BLOCK + WAKING)) as u64;
    eventually("lag", || number(&bound, "lag_records") + number(&bound, "unconfirmed") >= made);
    let waits = number(&bound, "lag_records");
    println!("hung: {waits} records wait, {before} did at the beginning");
    assert!(waits > before + made / 2, "it read: {waits} of {made}");
    // It holds up neither sealing, nor what comes after, nor the stop.
    let begun = Instant::now();
    let sealed = bound.run(&["root", "seal", "--yes"]);
    assert!(sealed.status.success(), "{}", text(&sealed));
    let opened = bound.run(&["root", "unseal", "--automatic"]);
    assert!(opened.status.success(), "{}", text(&opened));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let again = bound.json(&["status"]);
    assert_eq!(again["forward"][0]["name"], "hung");
    assert!(number(&bound, "lag_records") + number(&bound, "unconfirmed") > 0, "{again}");
    let begun = Instant::now();
    assert_eq!(bound.stop("TERM"), Some(0), "{}", bound.log());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
