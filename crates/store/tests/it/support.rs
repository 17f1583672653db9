//! A store in a directory of its own, and changes to put into it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use strongroom_crypto::sha256;
use strongroom_kmip::{AttributeName, Node, ObjectType, Tag, Value};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Lifecycle, NewObject, ObjectId, Origin, SealedMaterial,
};
use strongroom_secmem::SecretBytes;
use strongroom_store::{Options, Store, StoreError, StoreKeys, WriteTx};
use tempfile::TempDir;

/// 2023-11-14, in milliseconds.
pub const NOW: i64 = 1_700_000_000_000;

pub fn secret(byte: u8) -> SecretBytes {
    SecretBytes::from_slice(&[byte; 32]).unwrap()
}

pub fn keys() -> StoreKeys {
    StoreKeys::new(&secret(1), secret(2)).unwrap()
}

pub struct Place {
    dir: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: TempDir::new().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("store.db")
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Not flushed: these tests are about what is written, not about the disk. A commit waits for
    /// as long as a test holds it.
    pub fn options(&self) -> Options {
        let batch_time = Duration::from_secs(3600);
        Options { flush: false, batch_time, ..Options::new(self.path()) }
    }

    /// A locked store.
    pub fn open_locked(&self) -> Store {
        Store::open(self.options(), Box::new(|_| {})).unwrap()
    }

    /// An unlocked store.
    pub fn open(&self) -> Store {
        self.open_with(self.options())
    }

    pub fn open_with(&self, options: Options) -> Store {
        let store = Store::open(options, Box::new(|_| {})).unwrap();
        store.unlock(keys(), secret(3)).unwrap();
        store
    }

    /// The database as somebody with the disk has it.
    pub fn intruder(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

/// Runs one job and waits for its completion.
pub fn run<R: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut WriteTx<'_>) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    later(store, work).recv().unwrap_or(Err(StoreError::Panicked))
}

/// Submits one job; its outcome comes through the channel.
pub fn later<R: Send + 'static>(
    store: &Store,
    work: impl FnOnce(&mut WriteTx<'_>) -> Result<R, StoreError> + Send + 'static,
) -> Receiver<Result<R, StoreError>> {
    let (sender, receiver) = channel();
    store.submit(Box::new(move |tx| {
        let result = tx.and_then(|tx| tx.nested(work));
        Box::new(move |committed| {
            let _ = sender.send(committed.and(result));
        })
    }));
    receiver
}

/// Keeps the writer busy inside a transaction until the sender is dropped or used, so that what
/// is submitted meanwhile shares its commit.
pub fn hold(store: &Store) -> Sender<()> {
    let (release, held) = channel::<()>();
    let (inside, entered) = channel();
    store.submit(Box::new(move |_| {
        let _ = inside.send(());
        let _ = held.recv();
        Box::new(|_| {})
    }));
    let _ = entered.recv();
    release
}

pub fn origin() -> Origin {
    Origin { user: "alice".to_owned(), operation: "Test".to_owned(), ..Origin::default() }
}

pub fn append(tx: &mut WriteTx<'_>, change: &Change) -> Result<(), StoreError> {
    tx.append(&origin(), change, NOW).map(drop)
}

/// Applies changes, each in the same job.
pub fn apply(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    run(store, move |tx| changes.iter().try_for_each(|change| append(tx, change)))
}

pub fn name_value(name: &str) -> Value {
    Value::Structure(vec![
        Node::text(Tag::NAME_VALUE, name),
        Node::enumeration(Tag::NAME_TYPE, 1u32),
    ])
}

pub fn name_key() -> AttributeKey {
    AttributeKey { name: AttributeName::Standard(Tag::NAME), index: 0, site: 1 }
}

/// A symmetric key of `owner`, named as its id.
pub fn new_object(id: &str, owner: &str) -> NewObject {
    NewObject {
        id: id.into(),
        object_type: ObjectType::SYMMETRIC_KEY,
        owner: owner.to_owned(),
        fields: Vec::new(),
        block: None,
        attributes: vec![
            (name_key(), name_value(id)),
            (AttributeKey::single(Tag::CRYPTOGRAPHIC_LENGTH), Value::Integer(256)),
        ],
        lifecycle: Lifecycle::PreActive,
        material: Some(material(1, &[7; 60])),
    }
}

pub fn material(epoch: u32, bytes: &[u8]) -> SealedMaterial {
    SealedMaterial { epoch, version: 1, digest: sha256(&[bytes]), bytes: bytes.to_vec() }
}

pub fn create(id: &str) -> Change {
    Change::Created(Box::new(new_object(id, "alice")))
}

pub fn move_to(id: &str, lifecycle: Lifecycle) -> Change {
    let kind = match lifecycle {
        Lifecycle::Destroyed => ChangeKind::Destroyed,
        Lifecycle::Deactivated => ChangeKind::Deactivated,
        _ => ChangeKind::Activated,
    };
    let id = ObjectId::from(id);
    Change::Changed { kind, id, lifecycle: Some(lifecycle), compromised: false, sets: Vec::new() }
}

pub fn set(id: &str, key: AttributeKey, value: Option<Value>) -> Change {
    Change::Changed {
        kind: ChangeKind::Attributes,
        id: id.into(),
        lifecycle: None,
        compromised: false,
        sets: vec![(key, value)],
    }
}

/// Whether an object is there.
pub fn exists(store: &Store, id: &str) -> bool {
    let id = ObjectId::from(id);
    store.read(|tx| tx.object(&id)).unwrap().is_some()
}
