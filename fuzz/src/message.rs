//! The message layer: a frame is decoded, handled by a key manager in memory, and answered.

use std::cell::RefCell;

use strongroom_kmip::message::peek_version;
use strongroom_kmip::{Limits, ResponseView, View, check_version};

use crate::house::House;

/// So many requests and it begins anew, so that what one of them does is not spread over hours.
const MOST: u64 = 20_000;

thread_local! {
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

/// Sends `data` as a request of a client.
///
/// There is one answer to everything. It is a well-formed Response Message, and it holds nothing
/// that the version in its header lacks.
///
/// # Panics
/// When that does not hold.
pub fn run(data: &[u8]) {
    HOUSE.with_borrow_mut(|house| {
        house.take_if(|house| house.is_worn(MOST));
        let house = house.get_or_insert_with(House::open);
        house.count();
        let reply = house.send(data.to_vec());
        let limits = Limits::default();
        let view = View::parse(&reply, &limits).expect("the reply is well-formed");
        ResponseView::parse(&reply, &limits).expect("the reply is a Response Message");
        let version = peek_version(&reply).expect("the reply has a version");
        if let Err(violation) = check_version(view, version) {
            panic!("a reply in {version} with {violation}");
        }
    });
}
