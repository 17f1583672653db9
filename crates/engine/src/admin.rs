//! What the server asks of the engine besides KMIP: state, roles, certificates, secrets, the
//! clock, and due dates.

use std::sync::mpsc::channel;

use strongroom_kmip::Operation;
use strongroom_model::{
    AttributeKey, CertificateInfo, CertificateState, Change, ChangeKind, ClockAlarm, Lifecycle,
    ObjectId, Role, ServerState, Setting,
};
use strongroom_secmem::SecretBytes;
use strongroom_store::{Counts, StoreError, WriteTx, scheduled_destruction};

use crate::caller::Caller;
use crate::counters::Outcome;
use crate::disk::DiskStatus;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::roles;
use crate::sweep::Failing;

/// How the key manager is doing.
#[derive(Clone, Debug)]
pub struct Status {
    /// Whether there is a root key.
    pub initialised: bool,
    /// Whether the root key is closed.
    pub sealed: bool,
    /// Why this set-up must not be used in production, if so.
    pub not_for_production: Option<String>,
    /// This site's number.
    pub site: u32,
    /// Objects by place in the life cycle: pre-active, active, deactivated, destroyed. None while
    /// sealed.
    pub objects: Option<[u64; 4]>,
    /// Last record of the chain of changes: number and hash.
    pub changes: (u64, [u8; 32]),
    /// Last record of the chain of uses, as far as written: number and hash. None while sealed.
    pub uses: Option<(u64, [u8; 32])>,
    /// The epoch that new material is sealed under. None while sealed.
    pub epoch: Option<u32>,
    /// An unconfirmed jump of the clock.
    pub clock_alarm: Option<ClockAlarm>,
    /// Whether a commit failed, so that changes are refused until a restart.
    pub store_failed: bool,
    /// Why no use is recorded any more, if so.
    pub audit_failed: Option<String>,
    /// What of the audit of uses was found to be gone since the start.
    pub uses_missing: Option<String>,
    /// Why the second path does not take what is signed, if so.
    pub anchors_failed: Option<String>,
    /// The filesystems that are written to.
    pub disks: Vec<DiskStatus>,
    /// Requests refused since the start because a disk was full.
    pub refused_on_full_disk: u64,
    /// Whether the Interop operation is offered.
    pub interop: bool,
    /// Work of every second that fails.
    pub upkeep: Vec<Failing>,
}

impl Engine {
    /// How the key manager is doing.
    pub fn status(&self) -> Status {
        let inner = &self.inner;
        let unsealed = inner.unsealed();
        let head = inner.store.head();
        let objects = unsealed.as_ref().and_then(|_| {
            let counts = inner.store.read(|tx| tx.counts()).ok()?;
            let mut by_place = [0; 4];
            for (place, count) in counts {
                if let Some(slot) = usize::try_from(place).ok().and_then(|p| by_place.get_mut(p)) {
                    *slot = u64::try_from(count).unwrap_or(0);
                }
            }
            Some(by_place)
        });
        let uses = unsealed.as_ref().map(|u| u.uses_status());
        Status {
            initialised: self.is_initialised(),
            sealed: unsealed.is_none(),
            not_for_production: inner.config.not_for_production.clone(),
            site: inner.config.site,
            objects,
            changes: (head.seq, head.hash),
            uses: uses.as_ref().map(|s| (s.written.seq, s.written.hash)),
            epoch: unsealed.as_ref().map(|u| u.epoch()),
            clock_alarm: inner.clock_alarm(),
            store_failed: inner.store.has_failed(),
            audit_failed: uses.and_then(|s| s.failed),
            uses_missing: inner.uses_missing.lock().clone(),
            anchors_failed: inner.signed.failed(),
            disks: inner.disk.status(),
            refused_on_full_disk: inner.disk.refused(),
            interop: inner.config.interop,
            upkeep: inner.upkeep.failing(),
        }
    }

    /// KMIP requests since the start: operation, outcome, how many.
    pub fn requests(&self) -> Vec<(Operation, Outcome, u64)> {
        self.inner.counters.all()
    }

    /// How long commits took, microseconds, and how many requests shared each.
    pub fn commits(&self) -> (Counts, Counts) {
        self.inner.store.histograms()
    }

    /// How many objects a date moves on until `at`, POSIX seconds; at most 10 000 are counted.
    pub fn due_until(&self, at: i64) -> u64 {
        if self.inner.unsealed().is_none() {
            return 0;
        }
        let due = self.inner.store.read::<_, StoreError>(|tx| tx.due(at, 10_000));
        due.map_or(0, |ids| ids.len() as u64)
    }

    /// The role that `user` holds.
    pub fn role_of(&self, user: &str) -> Option<Role> {
        self.inner.store.server_state().role_of(user)
    }

    /// Every role that a user was given and not lost, by the users' names. Who is named twice has
    /// roles that exclude each other, from sites that did not know of each other; none of them
    /// counts until all but one are taken.
    pub fn roles(&self) -> Vec<(String, Role)> {
        let state = self.inner.store.server_state();
        let held = state.roles.iter().filter(|(_, contest)| contest.weak_holds());
        held.map(|((user, role), _)| (user.clone(), *role)).collect()
    }

    /// Gives a user a role, and says whether that changed anything.
    ///
    /// # Errors
    /// [`EngineError::RoleExcluded`] when the user holds another, or the store's.
    pub fn grant_role(&self, by: &Caller, user: &str, role: Role) -> Result<bool, EngineError> {
        let user = user.to_owned();
        self.change_roles(by, "grant role", move |state| roles::granted(state, &user, role))
    }

    /// Takes a role from a user; one that is not held stays away.
    ///
    /// # Errors
    /// [`EngineError::LastOfficer`], or the store's.
    pub fn revoke_role(&self, by: &Caller, user: &str, role: Role) -> Result<(), EngineError> {
        let user = user.to_owned();
        let now = self.inner.time().latest();
        let decide = move |state: &ServerState| roles::revoked(state, &user, role, now);
        self.change_roles(by, "revoke role", decide).map(|_| ())
    }

    /// Takes every role that a user holds, and says whether there was one.
    ///
    /// # Errors
    /// [`EngineError::LastOfficer`], or the store's.
    pub fn revoke_roles(&self, by: &Caller, user: &str) -> Result<bool, EngineError> {
        let (user, now) = (user.to_owned(), self.inner.time().latest());
        self.change_roles(by, "revoke role", move |state| roles::all_revoked(state, &user, now))
    }

    /// Decides on roles on the writer, so that nothing comes between the decision and the change.
    fn change_roles(
        &self,
        by: &Caller,
        operation: &str,
        decide: impl FnOnce(&ServerState) -> Result<Vec<Change>, EngineError> + Send + 'static,
    ) -> Result<bool, EngineError> {
        let origin = by.origin(operation, "");
        let now_ms = self.inner.stamp_ms();
        self.commit(move |tx| {
            let changes = match decide(tx.server_state()) {
                Ok(changes) => changes,
                Err(refused) => return Ok(Err(refused)),
            };
            for change in &changes {
                tx.append(&origin, change, now_ms)?;
            }
            Ok(Ok(!changes.is_empty()))
        })?
    }

    /// Notes a certificate that was issued or imported.
    ///
    /// # Errors
    /// The store's.
    pub fn note_certificate(
        &self,
        by: &Caller,
        mut info: CertificateInfo,
    ) -> Result<(), EngineError> {
        // Nobody makes an approver for a request of his own.
        info.issued_by.clone_from(&by.user);
        self.append(by, "issue certificate", Change::CertificateIssued(info))
    }

    /// Revokes a certificate, for good. It bites on the next request of open connections too.
    ///
    /// # Errors
    /// The store's.
    pub fn revoke_certificate(
        &self,
        by: &Caller,
        fingerprint: &str,
        reason: &str,
    ) -> Result<(), EngineError> {
        let change = Change::CertificateRevoked {
            fingerprint: fingerprint.to_owned(),
            reason: reason.to_owned(),
        };
        self.append(by, "revoke certificate", change)
    }

    /// Whether the certificate with this fingerprint (hexadecimal) is revoked.
    pub fn is_revoked(&self, fingerprint: &str) -> bool {
        self.inner.store.server_state().is_revoked(fingerprint)
    }

    /// The certificates known, by fingerprint.
    pub fn certificates(&self) -> Vec<(String, CertificateState)> {
        let state = self.inner.store.server_state();
        state.certificates.iter().map(|(f, c)| (f.clone(), c.clone())).collect()
    }

    /// Keeps a small secret of the server's own (the CA's key), sealed in the store.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn put_secret(&self, by: &Caller, name: &str, secret: &[u8]) -> Result<(), EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let sealed = unsealed.seal_secret(name, secret)?;
        let setting =
            Setting { namespace: "secret".to_owned(), key: name.to_owned(), value: Some(sealed) };
        self.append(by, "keep secret", Change::Setting(setting))
    }

    /// A small secret of the server's own.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or damage.
    pub fn secret(&self, name: &str) -> Result<Option<SecretBytes>, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let state = self.inner.store.server_state();
        let Some(sealed) = state.setting("secret", name) else { return Ok(None) };
        unsealed.open_secret(name, sealed).map(Some)
    }

    /// Keeps a public setting of the server's own.
    ///
    /// # Errors
    /// The store's.
    pub fn put_setting(&self, by: &Caller, name: &str, value: &[u8]) -> Result<(), EngineError> {
        let setting = Setting {
            namespace: "config".to_owned(),
            key: name.to_owned(),
            value: Some(value.to_vec()),
        };
        self.append(by, "keep setting", Change::Setting(setting))
    }

    /// A public setting of the server's own; readable while sealed.
    pub fn setting(&self, name: &str) -> Option<Vec<u8>> {
        self.inner.store.server_state().setting("config", name).map(<[u8]>::to_vec)
    }

    /// Calls a delayed destruction back.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::WrongState`] when none is under way, or the
    /// store's.
    pub fn recall_destruction(&self, by: &Caller, id: &str) -> Result<(), EngineError> {
        let origin = by.origin("recall destruction", "");
        let now_ms = self.inner.stamp_ms();
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let asked = id.to_owned();
        let id = ObjectId::from(id);
        let recalled = self.commit(move |tx| {
            let Some(object) = tx.object(&id)? else { return Ok(None) };
            let scheduled = object.lifecycle != Lifecycle::Destroyed
                && object.value_of(&scheduled_destruction()).is_some();
            if scheduled {
                let key = AttributeKey { name: scheduled_destruction(), index: 0, site: 0 };
                let change = Change::Changed {
                    kind: ChangeKind::DestroyScheduled,
                    id: id.clone(),
                    lifecycle: None,
                    compromised: false,
                    sets: vec![(key, None)],
                };
                tx.append(&origin, &change, now_ms)?;
            }
            Ok(Some(scheduled))
        })?;
        match recalled {
            Some(true) => Ok(()),
            Some(false) => Err(EngineError::WrongState(format!(
                "no destruction of object {asked} is under way"
            ))),
            None => Err(EngineError::NoObject(asked)),
        }
    }

    /// Runs a change of the server's own on the writer and waits for its flush. What goes
    /// [around](Around) it is part of the same transaction. On a full disk it is refused.
    pub(crate) fn commit<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, EngineError> {
        if self.inner.disk.is_full() {
            return Err(self.disk_full());
        }
        self.commit_in_reserve(work)
    }

    /// As [`Engine::commit`], on a full disk too: for the little that must be kept then.
    pub(crate) fn commit_in_reserve<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteTx<'_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, EngineError> {
        let (sender, receiver) = channel();
        let around = self.around.clone();
        self.inner.store.submit(Box::new(move |tx| {
            let result = tx.and_then(|tx| around.run(tx, work));
            Box::new(move |committed| {
                let _ = sender.send(committed.and(result));
            })
        }));
        let result = receiver.recv().map_err(|_| StoreError::Stopping)?;
        let result = result.map_err(|error| match error {
            StoreError::Full => {
                self.inner.disk.met_full(true);
                self.disk_full()
            }
            other => other.into(),
        })?;
        result.map_err(EngineError::Changed)
    }

    /// Appends a change that must be kept on a full disk too.
    pub(crate) fn append_in_reserve(
        &self,
        by: &Caller,
        operation: &str,
        change: Change,
    ) -> Result<(), EngineError> {
        let origin = by.origin(operation, "");
        let now_ms = self.inner.stamp_ms();
        self.commit_in_reserve(move |tx| tx.append(&origin, &change, now_ms).map(|_| ()))
    }

    pub(crate) fn append(
        &self,
        by: &Caller,
        operation: &str,
        change: Change,
    ) -> Result<(), EngineError> {
        let origin = by.origin(operation, "");
        let now_ms = self.inner.stamp_ms();
        self.commit(move |tx| tx.append(&origin, &change, now_ms).map(|_| ()))
    }
}
