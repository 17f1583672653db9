//! At least once, in order, whatever the receiver does.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use strongroom_siem::{
    Begin, Confirmation, Cursor, Destination, Filter, Format, Forwarder, Framing, Severity,
    StartError, Style, Transport,
};

use crate::kit::{Chain, Manner, Receiver, check_at_least_once, destination, eventually, start};
use crate::parse;

const SOON: Duration = Duration::from_secs(10);

fn next(dir: &std::path::Path, name: &str, chain: &str) -> Option<u64> {
    Cursor::open(&dir.join(format!("{name}.cursor"))).unwrap().0.next(chain)
}

#[test]
fn everything_arrives_once_and_in_order_from_both_chains() {
    let dir = tempfile::tempdir().unwrap();
    let (uses, changes) = (Chain::new("uses"), Chain::new("changes"));
    uses.push(300);
    changes.push(40);
    let receiver = Receiver::new(Manner::Good);
    let forwarder = start(dir.path(), &[&uses, &changes], vec![destination("a", receiver.address)]);
    eventually("all to be sent", || receiver.ids().len() == 340);
    uses.push(10);
    forwarder.nudge();
    eventually("the new ones", || receiver.ids().len() == 350);
    assert!(forwarder.stop(SOON));

    let of = |chain: &str| -> Vec<String> {
        receiver.ids().into_iter().filter(|id| id.starts_with(chain)).collect()
    };
    assert_eq!(of("uses"), uses.ids());
    assert_eq!(of("changes"), changes.ids());
    assert_eq!(next(dir.path(), "a", "uses"), Some(311));
    assert_eq!(next(dir.path(), "a", "changes"), Some(41));
    // Within a chain's batch the times decide, so the receiver reads one history.
    let times: Vec<String> =
        receiver.messages.lock().iter().map(|m| parse::rfc5424(m).unwrap().time).collect();
    assert!(times[..80].is_sorted());
    // Numbers of messages show the receiver what it lacks.
    let numbers: Vec<u32> = receiver
        .messages
        .lock()
        .iter()
        .map(|m| parse::rfc5424(m).unwrap().param("meta", "sequenceId").unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=350).collect::<Vec<u32>>());
}

#[test]
fn after_a_clean_stop_nothing_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(50);
    let receiver = Receiver::new(Manner::Good);
    for round in 1..=3 {
        let forwarder = start(dir.path(), &[&chain], vec![destination("a", receiver.address)]);
        // Even without time to look around: a stop sends what is there.
        assert!(forwarder.stop(SOON));
        assert_eq!(receiver.ids(), chain.ids(), "round {round}");
        chain.push(10);
    }
}

#[test]
fn a_receiver_that_resets_again_and_again_misses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(2000);
    let receiver = Receiver::new(Manner::ResetsAfter(7));
    let mut to = destination("a", receiver.address);
    to.timing.confirm_bytes = 64 << 10;
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    eventually("some resets", || receiver.connections.load(Ordering::SeqCst) > 5);
    for after in [1, 300, 50, 800] {
        *receiver.manner.lock() = Manner::ResetsAfter(after);
        let before = receiver.connections.load(Ordering::SeqCst);
        eventually("more resets", || receiver.connections.load(Ordering::SeqCst) > before + 2);
    }
    let state = forwarder.states().remove(0);
    assert!(state.last_error.is_some() && state.repeated > 0, "{state:?}");
    *receiver.manner.lock() = Manner::Good;
    eventually("all to be confirmed", || forwarder.confirmed("uses") == Some(2000));
    assert!(forwarder.stop(SOON));
    check_at_least_once(&chain.ids(), &receiver.ids());
}

#[test]
fn what_a_hung_receiver_took_and_never_read_is_sent_again_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    // Few enough for the buffers of the kernels to swallow them all.
    chain.push(40);
    let hung = Receiver::new(Manner::Hangs);
    let address = hung.address;
    let mut to = destination("a", address);
    to.timing.confirm_wait = Duration::from_millis(300);
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    eventually("the kernel to take them", || forwarder.states()[0].sent >= 40);
    eventually("an error", || forwarder.states()[0].last_error.is_some());
    assert_eq!(forwarder.confirmed("uses"), None);
    hung.die();
    std::thread::sleep(Duration::from_millis(100));
    chain.push(5);
    let back = Receiver::on(TcpListener::bind(address).unwrap(), Manner::Good);
    eventually("all to be confirmed", || forwarder.confirmed("uses") == Some(45));
    assert!(forwarder.stop(SOON));
    check_at_least_once(&chain.ids(), &back.ids());
}

#[test]
fn a_hung_receiver_costs_the_others_nothing_and_shows_how_far_behind_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(30_000);
    let (hung, good) = (Receiver::new(Manner::Hangs), Receiver::new(Manner::Good));
    let forwarder = start(
        dir.path(),
        &[&chain],
        vec![destination("hung", hung.address), destination("good", good.address)],
    );
    eventually("the good one to have all", || good.ids().len() >= 30_000);
    eventually("the write to time out", || {
        let state = forwarder.states().remove(0);
        state.last_error.is_some_and(|(_, why)| why.contains("took too long"))
    });
    let states = forwarder.states();
    assert_eq!((states[0].name.as_str(), states[1].name.as_str()), ("hung", "good"));
    assert!(states[0].lag_records > 1000 && states[0].lag_seconds > 60, "{:?}", states[0]);
    assert_eq!((states[1].lag_records, states[1].lag_seconds), (0, 0), "{:?}", states[1]);
    // Retention must wait for the one that hangs.
    assert_eq!(forwarder.confirmed("uses"), None);
    let begun = Instant::now();
    assert!(forwarder.stop(Duration::from_millis(500)));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(next(dir.path(), "hung", "uses"), None);
}

#[test]
fn a_receiver_that_closes_before_it_read_confirms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(20);
    let receiver = Receiver::new(Manner::ClosesAtOnce);
    let mut to = destination("a", receiver.address);
    // Confirmation right after the first bytes: both ends close at the same moment.
    to.timing.confirm_bytes = 1;
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    eventually("attempts", || receiver.connections.load(Ordering::SeqCst) > 20);
    assert_eq!(forwarder.confirmed("uses"), None);
    *receiver.manner.lock() = Manner::Good;
    eventually("all to be confirmed", || forwarder.confirmed("uses") == Some(20));
    assert!(forwarder.stop(SOON));
    check_at_least_once(&chain.ids(), &receiver.ids());
}

#[test]
fn a_receiver_that_comes_and_goes_gets_all() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let forwarder = start(dir.path(), &[&chain], vec![destination("a", address)]);
    let mut received = Vec::new();
    for round in 0..4 {
        chain.push(100);
        eventually("a refused connection", || {
            let error = forwarder.states().remove(0).last_error;
            error.is_some_and(|(_, why)| why.contains("no connection"))
        });
        let receiver = Receiver::on(TcpListener::bind(address).unwrap(), Manner::Good);
        eventually("confirmation", || forwarder.confirmed("uses") == Some((round + 1) * 100));
        receiver.die();
        received.extend(receiver.ids());
    }
    assert!(forwarder.stop(SOON));
    check_at_least_once(&chain.ids(), &received);
}

#[test]
fn a_receiver_that_never_ends_its_side_is_settled_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(100);
    let receiver = Receiver::new(Manner::NeverEnds);
    let mut to = destination("a", receiver.address);
    to.confirmation = Confirmation::Settle(Duration::from_millis(100));
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    eventually("all to settle", || forwarder.confirmed("uses") == Some(100));
    chain.push(1);
    forwarder.nudge();
    assert!(forwarder.stop(SOON));
    assert_eq!(receiver.ids(), chain.ids());
    assert_eq!(receiver.connections.load(Ordering::SeqCst), 1);
    assert_eq!(next(dir.path(), "a", "uses"), Some(102));
}

#[test]
fn a_slow_receiver_is_not_taken_for_a_hung_one() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(60);
    let receiver = Receiver::new(Manner::Slow);
    let forwarder = start(dir.path(), &[&chain], vec![destination("a", receiver.address)]);
    eventually("confirmation", || forwarder.confirmed("uses") == Some(60));
    assert_eq!(forwarder.states()[0].last_error, None);
    assert!(forwarder.stop(SOON));
    assert_eq!(receiver.ids(), chain.ids());
}

#[test]
fn messages_can_be_parted_by_line_feeds() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    let mut forged = chain.event(1);
    forged.user = "eve\n<13>1 - - - - - - forged".into();
    chain.push_event(forged);
    chain.push(9);
    let receiver = Receiver::new(Manner::Lines);
    let mut to = destination("a", receiver.address);
    to.transport = Transport::Tcp(Framing::LineFeed);
    assert!(start(dir.path(), &[&chain], vec![to]).stop(SOON));
    assert_eq!(receiver.ids(), chain.ids());
}

#[test]
fn datagrams_carry_one_message_each() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(20);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut to = destination("a", socket.local_addr().unwrap());
    to.transport = Transport::Udp;
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    let mut buffer = [0; 4096];
    for id in chain.ids() {
        let length = socket.recv(&mut buffer).unwrap();
        let message = std::str::from_utf8(&buffer[..length]).unwrap();
        let read = parse::rfc5424(message).unwrap();
        assert_eq!(read.param("strongroom@32473", "id"), Some(id));
    }
    eventually("the cursor", || forwarder.confirmed("uses") == Some(20));
    assert!(forwarder.stop(SOON));
}

#[test]
fn a_filter_holds_events_back_and_the_cursor_passes_them() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(60);
    let receivers: Vec<Receiver> = (0..5).map(|_| Receiver::new(Manner::Good)).collect();
    let filters = [
        Filter { actions: vec!["get".into()], ..Filter::default() },
        Filter { users: vec!["db-00".into(), "db-01".into()], ..Filter::default() },
        Filter { severity: Some(Severity::Warning), ..Filter::default() },
        Filter { kinds: vec!["refusal".into()], ..Filter::default() },
        Filter::default(),
    ];
    let destinations = receivers.iter().zip(filters).enumerate().map(|(i, (receiver, filter))| {
        let mut to = destination(&format!("d{i}"), receiver.address);
        to.filter = filter;
        to
    });
    let forwarder = start(dir.path(), &[&chain], destinations.collect());
    eventually("all to be confirmed", || forwarder.confirmed("uses") == Some(60));
    let filtered: Vec<u64> = forwarder.states().iter().map(|s| s.filtered).collect();
    assert_eq!(filtered, [30, 20, 30, 60, 0]);
    assert!(forwarder.stop(SOON));
    let counts: Vec<usize> = receivers.iter().map(|r| r.ids().len()).collect();
    assert_eq!(counts, [30, 40, 30, 0, 60]);
}

#[test]
fn signed_heads_and_deletions_pass_every_filter() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    for seq in 1..=12 {
        let mut event = chain.event(seq);
        match seq % 4 {
            0 => (event.kind, event.action) = ("signed-head".into(), "anchor".into()),
            1 => (event.kind, event.action) = ("noted".into(), "segment-deleted".into()),
            _ => {}
        }
        chain.push_event(event);
    }
    let filters = [
        Filter { actions: vec!["Encrypt".into()], ..Filter::default() },
        Filter { users: vec!["nobody".into()], ..Filter::default() },
        Filter { severity: Some(Severity::Emergency), ..Filter::default() },
        Filter { kinds: vec!["refusal".into()], ..Filter::default() },
    ];
    let receivers: Vec<Receiver> = filters.iter().map(|_| Receiver::new(Manner::Good)).collect();
    let destinations = receivers.iter().zip(filters).enumerate().map(|(i, (receiver, filter))| {
        let mut to = destination(&format!("d{i}"), receiver.address);
        to.filter = filter;
        to
    });
    let forwarder = start(dir.path(), &[&chain], destinations.collect());
    eventually("all to be confirmed", || forwarder.confirmed("uses") == Some(12));
    assert!(forwarder.stop(SOON));
    let ids = chain.ids();
    let expected: Vec<_> = [1, 4, 5, 8, 9, 12].map(|seq: usize| ids[seq - 1].clone()).into();
    for receiver in &receivers {
        let mut got: Vec<_> = receiver.ids().into_iter().collect();
        got.sort_by_key(|id| ids.iter().position(|known| known == id));
        assert_eq!(got, expected);
    }
}

#[test]
fn a_destination_may_begin_behind_the_newest_record_and_stays_there() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(10);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut to = destination("a", address);
    to.begin = Begin::Newest;
    // While nobody listens, the place is kept, also over a restart.
    let forwarder = start(dir.path(), &[&chain], vec![to.clone()]);
    eventually("a place", || next(dir.path(), "a", "uses") == Some(11));
    chain.push(5);
    forwarder.stop(Duration::from_millis(100));
    chain.push(5);
    let receiver = Receiver::on(TcpListener::bind(address).unwrap(), Manner::Good);
    assert!(start(dir.path(), &[&chain], vec![to]).stop(SOON));
    assert_eq!(receiver.ids(), chain.ids()[10..]);
}

#[test]
fn records_that_are_gone_are_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(5);
    let receiver = Receiver::new(Manner::Good);
    let to = destination("a", receiver.address);
    assert!(start(dir.path(), &[&chain], vec![to.clone()]).stop(SOON));
    chain.push(10);
    chain.delete_through(12);
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    eventually("the rest", || forwarder.confirmed("uses") == Some(15));
    assert_eq!(forwarder.states()[0].missing, 7);
    assert!(forwarder.stop(SOON));
    let notice = parse::rfc5424(&receiver.messages.lock()[5]).unwrap();
    let detail = |name| notice.param("detail@32473", name).unwrap();
    assert_eq!(notice.param("strongroom@32473", "action").unwrap(), "records-missing");
    assert_eq!((detail("from"), detail("through")), ("6".to_owned(), "12".to_owned()));
    assert_eq!(receiver.ids()[6..], chain.ids());
}

#[test]
fn a_chain_that_became_shorter_is_followed_from_its_new_end() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(20);
    let receiver = Receiver::new(Manner::Good);
    let to = destination("a", receiver.address);
    assert!(start(dir.path(), &[&chain], vec![to.clone()]).stop(SOON));
    chain.cut_after(8);
    let forwarder = start(dir.path(), &[&chain], vec![to]);
    eventually("it to be noticed", || {
        let error = forwarder.states().remove(0).last_error;
        error.is_some_and(|(_, why)| why.contains("ends with 8, before the cursor at 21"))
    });
    assert_eq!(next(dir.path(), "a", "uses"), Some(9));
    chain.push(3);
    eventually("what is new", || receiver.ids().len() == 23);
    assert!(forwarder.stop(SOON));
    assert_eq!(receiver.ids()[20..], chain.ids()[8..]);
}

#[test]
fn a_chain_that_cannot_be_read_is_tried_again_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::new("uses");
    chain.push(5);
    *chain.broken.lock() = Some("the key manager is sealed".into());
    let receiver = Receiver::new(Manner::Good);
    let forwarder = start(dir.path(), &[&chain], vec![destination("a", receiver.address)]);
    eventually("the reason", || {
        let error = forwarder.states().remove(0).last_error;
        error.is_some_and(|(_, why)| why.contains("the key manager is sealed"))
    });
    assert!(forwarder.states()[0].connected);
    *chain.broken.lock() = None;
    eventually("all", || receiver.ids() == chain.ids());
    *chain.broken.lock() = Some("a bad sector".into());
    chain.push(5);
    std::thread::sleep(Duration::from_millis(50));
    *chain.broken.lock() = None;
    eventually("all", || receiver.ids() == chain.ids());
    assert!(forwarder.stop(SOON));
}

#[test]
fn a_destination_that_cannot_be_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let tcp = Transport::Tcp(Framing::OctetCounting);
    let to = |name: &str, address: &str| {
        Destination::new(name, address, tcp.clone(), Style::new(Format::Json))
    };
    for wrong in [
        vec![to("../x", "h:514")],
        vec![to("", "h:514")],
        vec![to("a", "h")],
        vec![to("a", ":514")],
        vec![to("a", "h:0")],
        vec![to("a", "h:99999")],
        vec![to("a", "h:514"), to("a", "i:514")],
    ] {
        let started = Forwarder::start(dir.path(), Vec::new(), wrong, std::sync::Arc::new(|| 0));
        assert!(matches!(started, Err(StartError::Destination { .. })));
    }
    assert!(
        Forwarder::start(dir.path(), Vec::new(), Vec::new(), std::sync::Arc::new(|| 0)).is_ok()
    );
}
