//! The administration API: a request of any role to any route, with any body.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt;
use hyper_util::service::TowerToHyperService;
use strongroom_server::admin::{Admin, ROUTES};
use strongroom_server::admission::{Gate, Tally};
use strongroom_server::identity::Identity;
use strongroom_server::kmip_listener::now;
use strongroom_server::pki::{Authority, Subject, first_certificate};
use tokio::runtime::{Builder, Runtime};

use crate::house::House;

/// So many requests and it begins anew: roles may have been taken away by then.
const MOST: u64 = 2_000;

/// Who may be asking.
pub const USERS: [&str; 4] = ["officer", "sysadmin", "auditor", "client"];

struct Port {
    house: House,
    admin: Arc<Admin>,
}

struct World {
    runtime: Runtime,
    people: Vec<Identity>,
    port: Option<Port>,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// An input: which route, whose request, what stands for the variables of the path, the query, and
/// the body.
pub fn input(route: usize, user: usize, place: &str, query: &str, body: &[u8]) -> Vec<u8> {
    let mut out = vec![route as u8, user as u8];
    out.extend_from_slice(place.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(query.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(body);
    out
}

/// Sends what `data` spells (see [`input`]).
///
/// Whatever is asked, the answer says no fault of the server's own, and a refusal is a problem
/// document (RFC 9457) with a number of the table of errors.
///
/// # Panics
/// When that does not hold.
pub fn run(data: &[u8]) {
    let [route, user, rest @ ..] = data else { return };
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let [place, query] = [(); 2].map(|()| parts.next().unwrap_or_default());
    let body = parts.next().unwrap_or_default().to_vec();
    let Some(route) = ROUTES.get(usize::from(*route) % ROUTES.len()) else { return };
    let mut path = String::new();
    for part in route.path.split('/').skip(1) {
        path.push('/');
        match part.starts_with('{') {
            true => path.push_str(&encoded(place, b"-._~")),
            false => path.push_str(part),
        }
    }
    if !query.is_empty() {
        path.push('?');
        path.push_str(&encoded(query, b"-._~=&%+"));
    }
    WORLD.with_borrow_mut(|world| {
        let world = world.get_or_insert_with(World::new);
        world.port.take_if(|port| port.house.is_worn(MOST));
        let port = world.port.get_or_insert_with(Port::open);
        port.house.count();
        let identity = &world.people[usize::from(*user) % USERS.len()];
        let request = Request::builder()
            .method(route.method)
            .uri(&path)
            .header("content-type", "application/json")
            .header("if-match", "*")
            .extension(identity.clone())
            .body(Body::from(body));
        let Ok(request) = request else { return };
        let service = TowerToHyperService::new(port.admin.router());
        let (status, answer) = world.runtime.block_on(async {
            let response = hyper::service::Service::call(&service, request).await;
            let Ok(response) = response;
            let status = response.status().as_u16();
            // What streams is not read to its end.
            let first = match status {
                200..300 => Vec::new(),
                _ => response.into_body().collect().await.expect("a body").to_bytes().to_vec(),
            };
            (status, first)
        });
        let text = String::from_utf8_lossy(&answer);
        let what = format!("{} {path}: {status} {text}", route.method);
        assert!(status < 500 || [503, 507].contains(&status), "{what}");
        if status >= 400 {
            let problem: serde_json::Value = serde_json::from_slice(&answer).expect(&what);
            assert!(problem["code"].as_u64().is_some(), "{what}");
            assert_eq!(problem["status"], status, "{what}");
        }
    });
}

impl World {
    fn new() -> Self {
        let authority = Authority::create("Fuzz CA", now()).expect("an authority");
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let people = USERS.map(|user| {
            let subject = Subject { user: user.to_owned(), group: None };
            let issued = authority.issue_client(&subject, 5, now()).expect("a certificate");
            let der = first_certificate(&issued.certificate).expect("a certificate");
            Identity::of_certificate(&der, peer).map_err(|e| e.0).expect("an identity")
        });
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { runtime, people: people.into(), port: None }
    }
}

impl Port {
    fn open() -> Self {
        let house = House::open();
        let tally = || Tally::new(Duration::from_secs(10));
        let admin = Arc::new(Admin {
            manager: house.manager.clone(),
            kmip: None,
            listen: String::new(),
            gate: Gate::new(8),
            strangers: tally(),
            refused: tally(),
            certificates: None,
            creating: Arc::default(),
        });
        Self { house, admin }
    }
}

/// Percent-encodes whatever a URI cannot hold, beside letters, digits and `plain`.
fn encoded(bytes: &[u8], plain: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte.is_ascii_alphanumeric() || plain.contains(byte) {
            true => out.push(char::from(*byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
    }
    // A part of a path that is empty would be another path.
    if out.is_empty() { "key".to_owned() } else { out }
}
