//! The engine as the server's key manager: the one place where the two meet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strongroom_engine::{DealtShare, DiskState, Engine, EngineConfig, Event, MadeSlot, Unlock};
use strongroom_journal::{Durability, SignedHead};
use strongroom_kmip::ResultReason;
use strongroom_model::{CertificateInfo, Role};
use strongroom_policy::{AdminAction, Decision};
use strongroom_root::SlotKind;
use strongroom_secmem::{Backing, SecretBytes};
use strongroom_siem::Style;
use zeroize::Zeroizing;

use super::backup::{self, Backups, Pieces};
use super::configured::Configured;
use super::retention::{self, Keeps, Round};
use super::schedule::Schedule;
use super::{
    AuditQuery, Caller, Done, Ending, Handler, KeyQuery, Lines, Manager, Measures, Reply, audit,
    keys, replica,
};
use crate::admin::types::{
    AuditPage, AuditRecord, AuditVerdict, ChainHead, ClientRow, ConfirmRestore, KeyPage,
    KeyRotated, KeyView, Memory, NewRootKey, NewSlot, PortStatus, PreparedRootKey, ReplicaReport,
    ReplicaView, ReplicasAllowed, RestoreConfirmed, RetentionDone, RetentionView, Room, Rotation,
    SecretText, SharesVerified, Slot, SlotAdded, State, Status, Unseal, UnsealProgress, Unsealing,
};
use crate::config::Config;
use crate::errors::{self, Fault};
use crate::forward::Forwarding;
use crate::kmip_listener::now;
use crate::pki::hex;

/// The engine with what the server knows about it.
pub struct EngineManager {
    pub(super) engine: Engine,
    pub(super) shared: Arc<Shared>,
}

/// What the server knows, the same for whatever goes around the engine's changes.
pub(super) struct Shared {
    not_for_production: Vec<String>,
    started: i64,
    file_key_path: PathBuf,
    rotation: Mutex<Rotation>,
    long: Sender<Work>,
    forwarding: Forwarding,
    round: Round,
    schedule: Schedule,
    configured: Configured,
    /// What goes into a backup beside the store and the audit: name in it, and path.
    beside: Vec<(String, PathBuf)>,
}

/// How long forwarding may take to finish when the root key is closed.
const SEAL_PATIENCE: Duration = Duration::from_secs(1);

/// How long forwarding may take to finish when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Something that takes long.
type Work = Box<dyn FnOnce() + Send>;

/// A thread for what takes long, so that it holds up nobody but what takes long too.
fn long_thread() -> Result<Sender<Work>, Fault> {
    let (sender, receiver) = channel::<Work>();
    std::thread::Builder::new()
        .name("strongroom-long".to_owned())
        .spawn(move || {
            while let Ok(work) = receiver.recv() {
                // A bug in one request must not end the thread for all.
                let _ = catch_unwind(AssertUnwindSafe(work));
            }
        })
        .map_err(|e| Fault::new(errors::INTERNAL, format!("No thread for long work: {e}.")))?;
    Ok(sender)
}

impl EngineManager {
    /// Opens the engine over the configured directory, sealed.
    pub fn open(config: &Config, demo: Option<String>) -> Result<Self, Fault> {
        crate::pki::private_dir(&config.data.dir)?;
        let mut not_for_production: Vec<String> = demo.into_iter().collect();
        if not_for_production.is_empty() && config.root.accept_beside {
            not_for_production.push(
                "The configuration accepts a file slot of the root key beside the data: whoever \
                 copies the disk has every key."
                    .into(),
            );
        }
        if config.kmip.interop {
            tracing::warn!("the Interop operation is answered: for conformance runs only");
        }
        for path in [&config.root.slots_path, &config.root.file_key_path] {
            if let Some(dir) = path.parent() {
                crate::pki::private_dir(dir)?;
            }
        }
        let engine = Engine::open(EngineConfig {
            credentials_dir: std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
            slots_path: config.root.slots_path.clone(),
            site: config.data.site,
            audit_uses: if config.audit.uses_flushed {
                Durability::Flushed
            } else {
                Durability::Written
            },
            flush_window: config.audit.flush_window,
            anchors_path: config.audit.anchors_path.clone(),
            disk: config.data.disk,
            segment_bytes: config.audit.segment_bytes,
            retention: config.audit.retention,
            interop: config.kmip.interop,
            duplicate_names: config.duplicate_names,
            destroy_delay: config.destroy_delay,
            archive_after: config.archive_after,
            legacy_algorithms: config.legacy_algorithms,
            server_ivs_only: config.server_ivs_only,
            limits: config.kmip.limits(),
            not_for_production: not_for_production.first().cloned(),
            ..EngineConfig::new(&config.data.dir)
        })?;
        let shared = Shared {
            not_for_production,
            started: now() * 1000,
            file_key_path: config.root.file_key_path.clone(),
            rotation: Mutex::default(),
            long: long_thread()?,
            forwarding: Forwarding::new(config),
            round: Round::default(),
            schedule: Schedule::new(config.backup.clone(), config.data.site),
            configured: Configured::default(),
            beside: beside(config),
        };
        Ok(Self { engine, shared: Arc::new(shared) })
    }

    fn warnings(&self, status: &strongroom_engine::Status) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(alarm) = &status.clock_alarm {
            warnings.push(format!(
                "The clock jumped: {} ms were expected and {} ms found. Dates wait until \
                 `strongroom clock confirm`.",
                alarm.expected_ms, alarm.found_ms
            ));
        }
        if status.store_failed {
            warnings.push(errors::STORE_FAILED.message.to_owned());
        }
        if let Some(why) = &status.audit_failed {
            warnings.push(format!("{} {why}", errors::AUDIT_FAILED.message));
        }
        for disk in &status.disks {
            let (path, free) = (disk.path.display(), disk.free >> 20);
            match disk.state {
                DiskState::Ok => {}
                DiskState::Low => warnings.push(format!(
                    "The disk of {path} is low: {free} MiB are free. When it is full, nothing is \
                     answered."
                )),
                DiskState::Full => warnings.push(format!(
                    "{} It is that of {path}, with {free} MiB left; {} requests were refused so \
                     far. {}",
                    errors::DISK_FULL.message,
                    status.refused_on_full_disk,
                    errors::DISK_FULL.next
                )),
            }
        }
        if let Some(why) = &status.anchors_failed {
            warnings.push(format!(
                "Signed heads do not reach `audit.anchors_path`: {why}. Until they do, what \
                 happens has no witness there; they are tried again every ten seconds."
            ));
        }
        if let Some(why) = &status.uses_missing {
            warnings.push(format!(
                "Records of the audit are gone: {why}. Keep the data directory as it is, and \
                 compare it with the anchors and what was forwarded."
            ));
        }
        let told = |why: &String| status.anchors_failed.as_ref() == Some(why);
        for failing in status.upkeep.iter().filter(|failing| !told(&failing.why)) {
            warnings.push(format!(
                "What is done every second fails at {} since {}: {}. Everything else goes on.",
                failing.what,
                crate::cli::output::time(failing.since_ms),
                failing.why
            ));
        }
        if let Some(from) = self.engine.quarantine() {
            warnings.push(format!(
                "Quarantined: restored from a backup of {}, with {} changes and {} destroyed \
                 objects. An officer confirms it with `strongroom backup confirm`.",
                crate::cli::output::time(from.created_ms),
                from.changes,
                from.destroyed
            ));
        }
        if self.engine.is_replica() {
            let what = replica::view(&self.engine).map(|r| r.text()).unwrap_or_default();
            warnings.push(format!("No changes are taken: this is a {what}."));
        }
        warnings.extend(self.shared.schedule.view().and_then(|view| view.warning()));
        warnings.append(&mut self.shared.forwarding.warnings());
        warnings
    }

    fn new_slot(&self, slot: NewSlot) -> Result<strongroom_engine::NewSlot, Fault> {
        use strongroom_engine::NewSlot as Made;
        let label = String::new();
        Ok(match slot {
            NewSlot::File {} => Made::File { label, path: self.shared.file_key_path.clone() },
            NewSlot::SystemdCredential { name } => Made::SystemdCredential { label, name },
            NewSlot::Passphrase { passphrase } => {
                Made::Passphrase { label, passphrase: secret(&passphrase)? }
            }
            NewSlot::Shamir { threshold, shares, recipients } => {
                Made::Shamir { label, threshold, shares, recipients }
            }
        })
    }

    fn lock_rotation(&self) -> MutexGuard<'_, Rotation> {
        self.shared.rotation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Handler for EngineManager {
    fn handle(&self, caller: &Arc<Caller>, frame: Vec<u8>, reply: Box<dyn FnOnce(Reply) + Send>) {
        if !Engine::may_take_long(&frame) {
            return self.engine.handle(caller, frame, reply);
        }
        // Making an RSA key takes a second or more. However many ask for one, a processor is left
        // for everybody else. Each connection has one request under way, which bounds the queue.
        let (engine, caller) = (self.engine.clone(), caller.clone());
        // Without the thread the reply is dropped, and the connection with it.
        let _ = self.shared.long.send(Box::new(move || engine.handle(&caller, frame, reply)));
    }

    fn is_revoked(&self, fingerprint: &str) -> bool {
        self.engine.is_revoked(fingerprint)
    }

    fn event(&self, kind: &'static str, text: &str) {
        if let Some(rehearsal) = self.engine.rehearses() {
            return rehearsal.note(kind, text);
        }
        tracing::info!(kind, "{text}");
        let parameters: &[(&str, &str)] = if text.is_empty() { &[] } else { &[("detail", text)] };
        let event = Event { parameters, ..Event::new(kind) };
        if let Err(error) = self.engine.record(&Caller::server(), &event) {
            tracing::error!(%error, kind, "an event was not recorded");
        }
    }

    fn refused(&self, kind: &'static str, text: &str) {
        tracing::info!(kind, "{text}");
        let outcome = Err((ResultReason::AUTHENTICATION_NOT_SUCCESSFUL, text));
        let event = Event { outcome, ..Event::new(kind) };
        if let Err(error) = self.engine.record(&Caller::server(), &event) {
            tracing::error!(%error, kind, "an event was not recorded");
        }
    }
}

impl Manager for EngineManager {
    fn state(&self) -> State {
        if !self.engine.is_sealed() {
            State::Serving
        } else if self.engine.is_initialised() {
            State::Sealed
        } else {
            State::Uninitialised
        }
    }

    fn not_for_production(&self) -> Vec<String> {
        self.shared.not_for_production.clone()
    }

    fn role_of(&self, user: &str) -> Option<Role> {
        self.engine.role_of(user)
    }

    fn decide(&self, caller: &Caller, action: AdminAction) -> Decision {
        self.engine.decide_admin(caller, action)
    }

    fn status(&self) -> Status {
        let status = self.engine.status();
        let memory = strongroom_secmem::stats();
        let head = |chain: &str, (seq, hash): (u64, [u8; 32])| ChainHead {
            chain: chain.to_owned(),
            seq,
            hash: hex(&hash),
        };
        let mut chains = vec![head("changes", status.changes)];
        chains.extend(status.uses.map(|uses| head("uses", uses)));
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: self.state(),
            not_for_production: self.shared.not_for_production.clone(),
            warnings: self.warnings(&status),
            site: status.site,
            replica: replica::view(&self.engine),
            backup: self.shared.schedule.view(),
            started: self.shared.started,
            objects: status.objects.map(|[pre, active, deactivated, _]| pre + active + deactivated),
            epoch: status.epoch,
            slots: self.slots().unwrap_or_default(),
            chains,
            forward: self.shared.forwarding.status(),
            disks: status.disks.into_iter().map(Into::into).collect(),
            refused_on_full_disk: status.refused_on_full_disk,
            kmip: unknown_port(),
            admin: unknown_port(),
            memory: Memory {
                all_locked: strongroom_secmem::all_memory_locked(),
                backing: match memory.backing {
                    Some(Backing::MemfdSecret) => "memfd_secret",
                    Some(Backing::Mlock) => "mlock",
                    None => "none yet",
                }
                .to_owned(),
                bytes_locked: memory.bytes_locked as u64,
                secrets: memory.slots_in_use as u64,
            },
            certificate_ends: None,
            approvals: super::Approvals::approvals_waiting(self),
        }
    }

    fn room(&self) -> Room {
        let disks = self.engine.disks();
        disks.into_iter().map(|disk| disk.state).max().unwrap_or_default().into()
    }

    fn disk_full(&self) -> Option<Fault> {
        self.engine.is_disk_full().then(|| self.engine.disk_full().into())
    }

    fn measures(&self, until: i64) -> Measures {
        let (commit_us, commit_jobs) = self.engine.commits();
        let now = now();
        let certificates = self.engine.certificates().into_iter().filter(|(_, c)| {
            let ends = c.info.as_ref().map(|(_, info)| info.not_after);
            c.revoked.is_none() && ends.is_some_and(|ends| (now..=until).contains(&ends))
        });
        Measures {
            requests: self.engine.requests(),
            commit_us,
            commit_jobs,
            certificates_soon: certificates.count() as u64,
            keys_soon: self.engine.due_until(until),
        }
    }

    fn unsealing(&self) -> Result<Unsealing, Fault> {
        let unsealing = self.engine.unsealing()?;
        Ok(Unsealing {
            slots: unsealing.kinds.into_iter().map(str::to_owned).collect(),
            given: unsealing.given,
            needed: unsealing.needed,
        })
    }

    fn unseal(&self, caller: &Caller, with: Unseal) -> Result<UnsealProgress, Fault> {
        let progress = self.engine.unseal(
            caller,
            match with {
                Unseal::Share(share) => Unlock::Share(text(&share)),
                Unseal::Passphrase(passphrase) => Unlock::Passphrase(secret(&passphrase)?),
                Unseal::Automatic => Unlock::Unattended,
                Unseal::Reset => Unlock::Reset,
            },
        )?;
        if progress.unsealed {
            self.shared.forwarding.start(&self.engine);
        }
        Ok(UnsealProgress {
            unsealed: progress.unsealed,
            given: progress.given,
            needed: progress.needed,
        })
    }

    fn seal(&self, caller: &Caller) -> Result<(), Fault> {
        self.engine.seal(caller)?;
        if self.engine.rehearses().is_some() {
            return Ok(());
        }
        // The record of it waits for the next unsealing, as every other does from now on.
        self.shared.forwarding.stop(SEAL_PATIENCE);
        Ok(())
    }

    fn slots(&self) -> Result<Vec<Slot>, Fault> {
        let slots = self.engine.slots()?;
        Ok(slots
            .into_iter()
            .map(|slot| Slot {
                id: slot.id,
                detail: match &slot.kind {
                    SlotKind::File { path } => path.display().to_string(),
                    SlotKind::SystemdCredential { name } => name.clone(),
                    SlotKind::Shamir { threshold, shares, .. } => {
                        let vouched = self.engine.is_vouched(&slot.kind);
                        let vouched = if vouched { "" } else { ", nobody vouched for it" };
                        format!("{threshold} of {shares}{vouched}")
                    }
                    _ => String::new(),
                },
                kind: slot.kind.name().to_owned(),
                label: slot.label,
            })
            .collect())
    }

    fn slot_add(&self, caller: &Caller, slot: NewSlot) -> Result<SlotAdded, Fault> {
        let slot = self.new_slot(slot)?;
        Ok(added(self.engine.add_slot(caller, slot)?))
    }

    fn slot_vouch(&self, caller: &Caller, id: u32) -> Result<(), Fault> {
        Ok(self.engine.vouch_slot(caller, id)?)
    }

    fn slot_remove(&self, caller: &Caller, id: u32) -> Result<(), Fault> {
        Ok(self.engine.remove_slot(caller, id)?)
    }

    fn verify_shares(
        &self,
        caller: &Caller,
        shares: &[SecretText],
    ) -> Result<SharesVerified, Fault> {
        let texts: Vec<_> = shares.iter().map(text).collect();
        let verified = self.engine.verify_shares(caller, &texts)?;
        Ok(SharesVerified { open: true, slot: verified.slot })
    }

    fn prove_quorum(
        &self,
        caller: &Caller,
        shares: &[SecretText],
        purpose: &str,
    ) -> Result<(), Fault> {
        let texts: Vec<_> = shares.iter().map(text).collect();
        self.engine.prove_quorum(caller, &texts, purpose)?;
        Ok(())
    }

    fn rotate(&self, caller: &Caller, shred: bool) -> Result<Rotation, Fault> {
        if self.engine.rehearses().is_some() {
            let epoch = self.engine.rotate(caller, shred, |_, _| {})?;
            return Ok(Rotation { epoch, ..Rotation::default() });
        }
        {
            let mut rotation = self.lock_rotation();
            if rotation.running {
                return Err(Fault::new(errors::CONFLICT, "A rotation is under way."));
            }
            *rotation = Rotation { running: true, ..Rotation::default() };
        }
        let result = self.engine.rotate(caller, shred, |done, total| {
            let mut rotation = self.lock_rotation();
            (rotation.done, rotation.total) = (done, total);
        });
        let mut rotation = self.lock_rotation();
        rotation.running = false;
        rotation.epoch = result?;
        rotation.shredded = shred;
        Ok(rotation.clone())
    }

    fn rotation(&self) -> Rotation {
        self.lock_rotation().clone()
    }

    fn prepare_root_key(&self, with: NewRootKey) -> Result<PreparedRootKey, Fault> {
        let passphrases = with.passphrases.iter().map(|(slot, text)| Ok((*slot, secret(text)?)));
        let prepared = self.engine.prepare_root_key(&strongroom_engine::NewRootKey {
            passphrases: passphrases.collect::<Result<_, Fault>>()?,
            recipients: with.recipients.into_iter().collect(),
        })?;
        let slots = prepared.slots.into_iter().map(added).collect();
        Ok(PreparedRootKey { token: prepared.token, slots })
    }

    fn replace_root_key(&self, caller: &Caller, token: &str) -> Result<u64, Fault> {
        Ok(self.engine.replace_root_key(caller, token)?)
    }

    fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Fault> {
        audit::page(&self.engine, query)
    }

    fn audit_record(&self, chain: &str, seq: u64) -> Result<Option<AuditRecord>, Fault> {
        Ok(self.engine.audit_entry(chain, seq)?.map(Into::into))
    }

    fn audit_verify(&self) -> Result<AuditVerdict, Fault> {
        self.audit_verify_against(&[])
    }

    fn audit_verify_against(&self, anchors: &[SignedHead]) -> Result<AuditVerdict, Fault> {
        audit::verify(&self.engine, anchors)
    }

    fn audit_key(&self) -> Option<[u8; 32]> {
        self.engine.audit_public_key()
    }

    fn audit_export(&self, query: &AuditQuery, style: Style) -> Result<Lines, Fault> {
        audit::export(&self.engine, query, style)
    }

    fn keys(&self, query: &KeyQuery) -> Result<KeyPage, Fault> {
        keys::page(&self.engine, query)
    }

    fn key(&self, id: &str) -> Result<KeyView, Fault> {
        Ok(keys::view(self.engine.key(id)?))
    }

    fn rotate_key(&self, caller: &Caller, id: &str) -> Result<KeyRotated, Fault> {
        self.engine.authorise_on(caller, AdminAction::ManageKeys, id)?;
        let replacement = self.engine.rotate_key(caller, id)?;
        Ok(KeyRotated { id: id.to_owned(), replacement })
    }

    fn recall_key(&self, caller: &Caller, id: &str) -> Result<(), Fault> {
        self.engine.authorise_on(caller, AdminAction::ManageKeys, id)?;
        Ok(self.engine.recall_destruction(caller, id)?)
    }

    fn move_key(&self, caller: &Caller, id: &str, to_archive: bool) -> Result<(), Fault> {
        self.engine.authorise_on(caller, AdminAction::ManageKeys, id)?;
        Ok(self.engine.move_key(caller, id, to_archive)?)
    }

    fn confirm_clock(&self, caller: &Caller) -> Result<(), Fault> {
        Ok(self.engine.confirm_clock(caller)?)
    }

    fn tick(&self) {
        // What failed of it is told by itself, once, and stands among the warnings.
        let _ = self.engine.sweep();
        for change in self.shared.forwarding.changes() {
            self.event(change.kind, &change.text);
        }
        self.shared.schedule.tick(&self.engine, &self.shared.beside);
        self.shared.configured.tell(&self.engine);
    }

    fn configured(&self, values: Vec<(String, String)>) {
        self.shared.configured.set(values);
    }

    fn tell_ahead(&self, certificates: Vec<Ending>) {
        if let Err(error) = self.engine.tell_ahead(certificates, now()) {
            tracing::error!(%error, "what ends soon was not told");
        }
    }

    fn record(&self, caller: &Caller, done: &Done<'_>) -> Result<(), Fault> {
        // The number first: it is what errors are looked up by.
        let why = |fault: &Fault| format!("{} {}", fault.info.number, fault.info.name);
        let words = done.result.err().map(why).unwrap_or_default();
        let outcome = done.result.map_err(|fault| (fault.info.reason, words.as_str()));
        let event = Event {
            object: done.object,
            rule: done.rule,
            outcome,
            micros: done.micros,
            parameters: done.parameters,
            ..Event::new(done.operation)
        };
        self.engine.record(caller, &event).map_err(|error| {
            tracing::error!(%error, done.operation, "an admin request was not recorded");
            error.into()
        })
    }

    fn initialise(&self, slots: Vec<NewSlot>) -> Result<Vec<SlotAdded>, Fault> {
        let slots =
            slots.into_iter().map(|s| self.new_slot(s)).collect::<Result<Vec<_>, Fault>>()?;
        let made = self.engine.initialise(&super::console(), slots)?;
        self.shared.forwarding.start(&self.engine);
        Ok(made.into_iter().map(added).collect())
    }

    fn secret_put(&self, name: &str, secret: &SecretBytes) -> Result<(), Fault> {
        Ok(self.engine.put_secret(&super::console(), name, secret.as_slice())?)
    }

    fn secret_get(&self, name: &str) -> Result<Option<SecretBytes>, Fault> {
        Ok(self.engine.secret(name)?)
    }

    fn certificate_register(&self, caller: &Caller, info: CertificateInfo) -> Result<(), Fault> {
        Ok(self.engine.note_certificate(caller, info)?)
    }

    fn certificates(&self) -> Result<Vec<ClientRow>, Fault> {
        let mut rows: Vec<ClientRow> = self
            .engine
            .certificates()
            .into_iter()
            .map(|(fingerprint, state)| {
                let issued = state.info.as_ref().map_or(0, |(stamp, _)| stamp.millis() / 1000);
                let revoked_at = state.revoked.as_ref().map(|(stamp, _)| stamp.millis() / 1000);
                let info = state.info.map(|(_, info)| info).unwrap_or_default();
                ClientRow {
                    user: info.user,
                    groups: info.groups,
                    purpose: info.purpose,
                    fingerprint,
                    serial: info.serial,
                    not_after: info.not_after,
                    issued,
                    authority: String::new(),
                    revoked_at,
                    revoked: state.revoked.map(|(_, reason)| reason),
                }
            })
            .collect();
        rows.sort_by(|a, b| (&a.user, a.not_after).cmp(&(&b.user, b.not_after)));
        Ok(rows)
    }

    fn certificate_revoke(
        &self,
        caller: &Caller,
        fingerprint: &str,
        reason: &str,
    ) -> Result<(), Fault> {
        // One that another authority issued can be revoked too: it need not be known.
        let fingerprint = &fingerprint.to_ascii_lowercase();
        if fingerprint.len() != 64 || !fingerprint.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Fault::bad_request("A fingerprint has 64 hexadecimal digits (SHA-256)."));
        }
        if *fingerprint == caller.fingerprint {
            return Err(Fault::new(
                errors::CONFLICT,
                "This is the certificate that you are here with: let another officer revoke it.",
            ));
        }
        Ok(self.engine.revoke_certificate(caller, fingerprint, reason)?)
    }

    fn role_grant(&self, caller: &Caller, user: &str, role: Role) -> Result<(), Fault> {
        self.engine.grant_role(caller, user, role)?;
        Ok(())
    }

    fn stop(&self) {
        // What the stop itself records is forwarded too.
        self.engine.finish();
        self.shared.forwarding.stop(STOP_PATIENCE);
        self.engine.stop();
    }
}

impl Keeps for EngineManager {
    fn retention(&self) -> Result<RetentionView, Fault> {
        retention::view(&self.engine, self.shared.forwarding.confirmed_uses())
    }

    fn retain(&self, caller: &Caller) -> Result<RetentionDone, Fault> {
        retention::retain(&self.engine, caller, self.shared.forwarding.confirmed_uses())
    }

    fn retain_by_itself(&self) {
        retention::in_background(
            &self.engine,
            &self.shared.round,
            self.shared.forwarding.confirmed_uses(),
        );
    }
}

/// The files of TLS: without them a restored server could not be reached.
fn beside(config: &Config) -> Vec<(String, PathBuf)> {
    let tls = &config.tls;
    let files = [
        ("tls/server-cert.pem", &tls.certificate),
        ("tls/server-key.pem", &tls.key),
        ("tls/ca.pem", &tls.client_ca),
    ];
    files.map(|(name, path)| (name.to_owned(), path.clone())).into()
}

impl Backups for EngineManager {
    fn backup(&self, caller: &Caller) -> Result<Pieces, Fault> {
        let backup = self.engine.backup(caller, &self.shared.beside)?;
        Ok(Box::new(backup.map(|piece| piece.map_err(Fault::from))))
    }

    fn slots_backup(&self) -> Result<String, Fault> {
        Ok(self.engine.slots_backup()?)
    }

    fn is_quarantined(&self) -> bool {
        self.engine.is_quarantined()
    }

    fn is_replica(&self) -> bool {
        self.engine.is_replica()
    }

    fn replica(&self) -> Option<ReplicaView> {
        replica::view(&self.engine)
    }

    fn allow_replicas(&self, caller: &Caller) -> Result<ReplicasAllowed, Fault> {
        Ok(ReplicasAllowed { already: !self.engine.allow_replicas(caller)? })
    }

    fn replica_report(&self) -> Result<ReplicaReport, Fault> {
        replica::report(&self.engine)
    }

    fn promote(
        &self,
        caller: &Caller,
        site: u32,
        with: &ConfirmRestore,
    ) -> Result<RestoreConfirmed, Fault> {
        replica::promote(&self.engine, caller, site, with)
    }

    fn confirm_restore(
        &self,
        caller: &Caller,
        with: &ConfirmRestore,
    ) -> Result<RestoreConfirmed, Fault> {
        backup::confirm(&self.engine, caller, with)
    }
}

fn text(secret: &SecretText) -> Zeroizing<String> {
    Zeroizing::new(secret.reveal().to_owned())
}

fn secret(text: &SecretText) -> Result<SecretBytes, Fault> {
    SecretBytes::from_slice(text.reveal().as_bytes())
        .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))
}

fn added(made: MadeSlot) -> SlotAdded {
    let shares = made.shares.into_iter().map(|share| {
        SecretText::new(match share {
            DealtShare::Text(text) => text.to_string(),
            DealtShare::Encrypted(file) => armour(&file),
        })
    });
    SlotAdded { id: made.id, shares: shares.collect() }
}

/// An age file as text (age's format, section "ASCII armor").
fn armour(file: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(file);
    let mut out = String::from("-----BEGIN AGE ENCRYPTED FILE-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str("-----END AGE ENCRYPTED FILE-----");
    out
}

fn unknown_port() -> PortStatus {
    PortStatus { listen: String::new(), connections: 0, handshakes_failed: 0, refused: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encrypted_share_is_armoured_as_age_does() {
        let text = armour(&[0; 60]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[1].len(), 64);
        assert_eq!(lines[3], "-----END AGE ENCRYPTED FILE-----");
    }
}
