//! The keys that are used, made before the clock runs, and the requests that name them.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_client::{Ciphertext, Config, Connection, Connector, Reply};
use strongroom_kmip::{CryptographicUsageMask as Usage, Limits, Operation, Tag};

use crate::failure::{Failure, Outcome};
use crate::plan::Plan;
use crate::scenario::{self, Scenario};

/// Connections that make keys at the same time, so that their commits share flushes.
const MAKERS: usize = 32;

/// Key pairs at most: a signature costs so much more than finding its key that more of them would
/// only prolong the beginning.
const PAIRS: usize = 1_000;

/// The requests for each scenario, and what the server answers.
#[derive(Default)]
pub struct Prepared {
    plans: BTreeMap<Scenario, Plan>,
    replies: BTreeMap<Scenario, Vec<u8>>,
    /// Scenarios that the server does not do, and its words.
    pub refused: BTreeMap<Scenario, String>,
}

impl Prepared {
    /// The requests of a scenario; none where the server does not do it.
    pub fn plan(&self, scenario: Scenario) -> Option<&Plan> {
        self.plans.get(&scenario)
    }

    /// A reply of the server to a scenario's request.
    pub fn reply(&self, scenario: Scenario) -> Option<&[u8]> {
        self.replies.get(&scenario).map(Vec::as_slice)
    }
}

struct Key {
    id: String,
    name: String,
    ciphertext: Option<Ciphertext>,
}

/// Makes keys and requests, and tries each request once.
pub fn prepare(config: &Config, keys: usize, scenarios: &[Scenario]) -> Outcome<Prepared> {
    let connector = Connector::new(config)?;
    let wants = |wanted: &[Scenario]| scenarios.iter().any(|s| wanted.contains(s));
    let mut prepared = Prepared::default();
    let mut plan = |scenario, plan| {
        if scenarios.contains(&scenario) {
            prepared.plans.insert(scenario, plan);
        }
    };
    plan(Scenario::Create, Plan::fixed(scenario::create()));
    if wants(&[
        Scenario::Get,
        Scenario::Encrypt,
        Scenario::Decrypt,
        Scenario::Locate,
        Scenario::Connect,
        Scenario::Resume,
    ]) {
        let crypt = wants(&[Scenario::Encrypt, Scenario::Decrypt]);
        let made = make(&connector, keys, |c, n| symmetric(c, n, crypt))?;
        let by_id = |encode: fn(&[u8]) -> Vec<u8>| {
            let mut plan = Plan::default();
            made.iter().for_each(|k| plan.add(&[k.id.as_bytes()], |f| encode(f[0])));
            plan
        };
        for scenario in [Scenario::Get, Scenario::Connect, Scenario::Resume] {
            plan(scenario, by_id(scenario::get));
        }
        plan(Scenario::Encrypt, by_id(|id| scenario::encrypt(id, None)));
        let (mut decrypt, mut locate) = (Plan::default(), Plan::default());
        for key in &made {
            locate.add(&[key.name.as_bytes()], |f| scenario::locate(f[0]));
            if let Some(made) = &key.ciphertext {
                decrypt.add(&scenario::decrypt_fields(&key.id, made), scenario::decrypt);
            }
        }
        plan(Scenario::Locate, locate);
        plan(Scenario::Decrypt, decrypt);
    }
    if wants(&[Scenario::Sign]) {
        // A server that has no such keys shows when the request is tried.
        let pairs = make(&connector, keys.min(PAIRS), |c, _| pair(c)).unwrap_or_default();
        let mut sign = Plan::default();
        pairs.iter().for_each(|id| sign.add(&[id.as_bytes()], |f| scenario::sign(f[0])));
        plan(Scenario::Sign, sign);
    }
    prepared.try_each(&connector)?;
    Ok(prepared)
}

impl Prepared {
    /// Drops the scenarios that the server does not do, with its words.
    fn try_each(&mut self, connector: &Connector) -> Outcome<()> {
        for (scenario, plan) in core::mem::take(&mut self.plans) {
            let tried = match plan.len() {
                0 => Err("the server makes no such keys".to_owned()),
                _ => try_one(connector, scenario, &plan),
            };
            match tried {
                Ok(reply) => {
                    self.replies.insert(scenario, reply);
                    self.plans.insert(scenario, plan);
                }
                Err(words) => {
                    self.refused.insert(scenario, words);
                }
            }
        }
        Ok(())
    }
}

fn try_one(connector: &Connector, scenario: Scenario, plan: &Plan) -> Result<Vec<u8>, String> {
    let operation = match scenario {
        Scenario::Get | Scenario::Connect | Scenario::Resume => Operation::GET,
        Scenario::Create => Operation::CREATE,
        Scenario::Encrypt => Operation::ENCRYPT,
        Scenario::Decrypt => Operation::DECRYPT,
        Scenario::Sign => Operation::SIGN,
        Scenario::Locate => Operation::LOCATE,
    };
    let mut scratch = plan.scratch();
    let mut connection = connector.open().map_err(|e| e.to_string())?;
    let frame = connection.roundtrip(plan.request(0, &mut scratch)).map_err(|e| e.to_string())?;
    let reply =
        Reply::read(frame.clone(), operation, &Limits::default()).map_err(|e| e.to_string())?;
    let wrong = match scenario {
        Scenario::Decrypt => reply.bytes(Tag::DATA).is_ok_and(|data| data != scenario::DATA),
        Scenario::Locate => reply.text(Tag::UNIQUE_IDENTIFIER).is_err(),
        _ => false,
    };
    if wrong { Err("a wrong answer".to_owned()) } else { Ok(frame) }
}

/// Runs `one` so many times over several connections; the order is kept.
fn make<T: Send>(
    connector: &Connector,
    count: usize,
    one: impl Fn(&mut Connection, usize) -> Outcome<T> + Sync,
) -> Outcome<Vec<T>> {
    let makers = MAKERS.min(count.max(1));
    let share = count.div_ceil(makers);
    let (one, failed) = (&one, || Failure("a thread that made keys panicked".to_owned()));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..makers)
            .map(|maker| {
                scope.spawn(move || {
                    let mut connection = connector.open()?;
                    let numbers = maker * share..count.min((maker + 1) * share);
                    numbers.map(|n| one(&mut connection, n)).collect::<Outcome<Vec<T>>>()
                })
            })
            .collect();
        let mut made = Vec::with_capacity(count);
        for thread in threads {
            made.append(&mut thread.join().map_err(|_| failed())??);
        }
        Ok(made)
    })
}

/// An active AES-256 key with a name of its own.
///
/// Each key is got and encrypts once: with the first Get it stops to be Fresh, and with the first
/// Encrypt the server reserves a block of its IV counter. These are durable changes, and what is
/// measured is the use.
fn symmetric(connection: &mut Connection, number: usize, crypt: bool) -> Outcome<Key> {
    let name = format!("bench-{:016x}-{number:08}", run_number());
    let usage = Usage::ENCRYPT.0 | Usage::DECRYPT.0;
    let id = connection.create_symmetric_key(256, usage, Some(&name))?;
    connection.get(&id)?;
    let mut ciphertext = None;
    if crypt {
        connection.activate(&id)?;
        let parameters = strongroom_client::CipherParameters::gcm();
        // A server without it shows when the request is tried.
        ciphertext = connection.encrypt(&id, &parameters, None, &[], &scenario::DATA).ok();
    }
    Ok(Key { id, name, ciphertext })
}

/// Names of one run differ from those of another on the same server.
fn run_number() -> u64 {
    use std::sync::OnceLock;
    static NUMBER: OnceLock<u64> = OnceLock::new();
    *NUMBER.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_micros()).unwrap_or_default()
    })
}

/// An active ECDSA key on P-256.
fn pair(connection: &mut Connection) -> Outcome<String> {
    let reply = connection.call(Operation::CREATE_KEY_PAIR, scenario::pair_payload)?;
    let id = reply.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)?;
    connection.activate(&id)?;
    Ok(id)
}
