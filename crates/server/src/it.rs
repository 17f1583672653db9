//! Both ports over real sockets and real TLS, with a key manager that only remembers.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::{ClientConfig, ClientConnection, HandshakeKind, StreamOwned};
use rustls_pki_types::ServerName;
use strongroom_model::{CertificateInfo, Role};
use strongroom_policy::{Action, AdminAction, Decision, Request, Rules, Who};
use strongroom_secmem::SecretBytes;

use crate::admin::approvals::{ApprovalRuleView, ApprovalRules, ApprovalView, ApprovalsWaiting};
use crate::admin::types::*;
use crate::cli::{Client, Reach};
use crate::config::Config;
use crate::errors::{self, Fault};
use crate::identity::fingerprint;
use crate::kmip_listener::now;
use crate::pki::{Authority, Subject, hex};
use crate::serve::Running;
use crate::service::{
    Access, AdminAsk, Answered, Approvals, Around, AuditQuery, Backups, Caller, Done, Handler,
    Keeps, KeyQuery, Keys, Manager, Measures, Pieces, Reply, Trials,
};
use crate::setup::{Person, enrol, load_authority, make_authority, make_server_certificate};
use crate::tls;

#[derive(Default)]
pub(crate) struct Memory {
    state: Mutex<Option<State>>,
    secrets: Mutex<Vec<(String, SecretBytes)>>,
    roles: Mutex<Vec<(String, Role)>>,
    revoked: Mutex<HashSet<String>>,
    events: Mutex<Vec<String>>,
    requests: Mutex<Vec<(String, String, Option<u16>)>>,
    callers: Mutex<Vec<Caller>>,
    audit_broken: Mutex<bool>,
}

impl Handler for Memory {
    fn handle(&self, caller: &Arc<Caller>, frame: Vec<u8>, reply: Box<dyn FnOnce(Reply) + Send>) {
        self.callers.lock().unwrap().push(caller.as_ref().clone());
        reply(Reply { bytes: frame, close: false });
    }
    fn is_revoked(&self, fingerprint: &str) -> bool {
        self.revoked.lock().unwrap().contains(fingerprint)
    }
    fn refused(&self, kind: &'static str, text: &str) {
        self.event(kind, text);
    }
    fn event(&self, kind: &'static str, text: &str) {
        self.events.lock().unwrap().push(format!("{kind}: {text}"));
    }
}

/// An admin port over this key manager, without sockets.
pub(crate) fn admin_over(manager: Arc<dyn Manager>) -> Arc<crate::admin::Admin> {
    let tally = || crate::admission::Tally::new(std::time::Duration::from_secs(10));
    Arc::new(crate::admin::Admin {
        manager,
        kmip: None,
        listen: String::new(),
        gate: crate::admission::Gate::new(8),
        strangers: tally(),
        refused: tally(),
        certificates: None,
        creating: Arc::default(),
    })
}

/// An officer, as a certificate names one.
pub(crate) fn officer() -> crate::identity::Identity {
    let authority = Authority::create("Test CA", now()).unwrap();
    let subject = Subject { user: "officer".into(), group: None };
    let issued = authority.issue_client(&subject, 5, now()).unwrap();
    let der = crate::pki::first_certificate(&issued.certificate).unwrap();
    let peer = "127.0.0.1:1".parse().unwrap();
    crate::identity::Identity::of_certificate(&der, peer).unwrap()
}

fn no<T>() -> Result<T, Fault> {
    Err(Fault::new(errors::CONFLICT, "not in this test"))
}

impl Access for Memory {
    fn policy(&self) -> Result<PolicyView, Fault> {
        no()
    }
    fn policy_set(&self, _: &Caller, _: &str, _: &str) -> Result<PolicyView, Fault> {
        no()
    }
    fn policy_test(&self, _: &PolicyQuestion) -> Result<PolicyAnswer, Fault> {
        no()
    }
    fn policy_diff(&self, _: &Caller, _: &str, _: u32) -> Result<PolicyDiff, Fault> {
        no()
    }
    fn grants(&self, _: &GrantTarget) -> Result<Vec<GrantRow>, Fault> {
        no()
    }
    fn grant(&self, _: &Caller, _: &GrantChange, _: bool) -> Result<Changed, Fault> {
        no()
    }
    fn key_groups(&self) -> Result<Vec<KeyGroupRow>, Fault> {
        no()
    }
    fn key_group(&self, _: &Caller, _: &str, _: &str, _: bool) -> Result<Changed, Fault> {
        no()
    }
    fn roles(&self) -> Result<Vec<RoleRow>, Fault> {
        no()
    }
    fn role_set(&self, _: &Caller, _: &str, _: Option<&str>) -> Result<Changed, Fault> {
        no()
    }
}

impl Approvals for Memory {
    fn judge_by(&self, _: Arc<dyn strongroom_engine::RevocationLists>) {}
    fn has_approval_rules(&self) -> bool {
        false
    }
    fn pass(&self, _: &Caller, _: &AdminAsk) -> Result<Option<String>, (Fault, Option<String>)> {
        Ok(None)
    }
    fn would_wait(&self, _: &AdminAsk) -> Vec<String> {
        Vec::new()
    }
    fn roles_of(&self, _: &str) -> Vec<Role> {
        Vec::new()
    }
    fn key_groups_of(&self, _: &str) -> Result<Vec<String>, Fault> {
        no()
    }
    fn approvals_waiting(&self) -> ApprovalsWaiting {
        ApprovalsWaiting::default()
    }
    fn approvals(&self, _: &Caller) -> Result<Vec<ApprovalView>, Fault> {
        no()
    }
    fn approval(&self, _: &Caller, _: &str) -> Result<ApprovalView, Fault> {
        no()
    }
    fn approve(&self, _: &Caller, _: &str, _: &str) -> Result<ApprovalView, Fault> {
        no()
    }
    fn approval_reject(&self, _: &Caller, _: &str, _: &str) -> Result<ApprovalView, Fault> {
        no()
    }
    fn approval_withdraw(&self, _: &Caller, _: &str, _: &str) -> Result<ApprovalView, Fault> {
        no()
    }
    fn approval_rules(&self) -> Result<ApprovalRules, Fault> {
        no()
    }
    fn approval_require(
        &self,
        _: &Caller,
        _: ApprovalRuleView,
        _: &str,
    ) -> Result<ApprovalRules, Fault> {
        no()
    }
    fn approval_waive(&self, _: &Caller, _: &str, _: &str) -> Result<ApprovalRules, Fault> {
        no()
    }
}

impl Backups for Memory {
    fn backup(&self, _: &Caller) -> Result<Pieces, Fault> {
        no()
    }
    fn slots_backup(&self) -> Result<String, Fault> {
        no()
    }
    fn is_quarantined(&self) -> bool {
        false
    }
    fn is_replica(&self) -> bool {
        false
    }
    fn replica(&self) -> Option<ReplicaView> {
        None
    }
    fn allow_replicas(&self, _: &Caller) -> Result<crate::admin::types::ReplicasAllowed, Fault> {
        no()
    }
    fn replica_report(&self) -> Result<ReplicaReport, Fault> {
        no()
    }
    fn promote(&self, _: &Caller, _: u32, _: &ConfirmRestore) -> Result<RestoreConfirmed, Fault> {
        no()
    }
    fn confirm_restore(&self, _: &Caller, _: &ConfirmRestore) -> Result<RestoreConfirmed, Fault> {
        no()
    }
}

impl Keeps for Memory {
    fn retention(&self) -> Result<crate::admin::types::RetentionView, Fault> {
        no()
    }
    fn retain(&self, _: &Caller) -> Result<crate::admin::types::RetentionDone, Fault> {
        no()
    }
    fn retain_by_itself(&self) {}
}

impl Keys for Memory {
    fn create_key(&self, _: &Caller, _: &CreateKey) -> Result<KeyCreated, Fault> {
        no()
    }
    fn activate_key(&self, _: &Caller, _: &str) -> Result<(), Fault> {
        no()
    }
    fn revoke_key(&self, _: &Caller, _: &str, _: &RevokeKey) -> Result<(), Fault> {
        no()
    }
    fn destroy_key(&self, _: &Caller, _: &str, _: Option<i64>) -> Result<KeyDestroyed, Fault> {
        no()
    }
    fn expiring(&self, _: i64, _: Option<&str>, _: usize) -> Result<Page<ExpiringRow>, Fault> {
        no()
    }
    fn import_keys(&self, _: &Caller, _: &[ImportKey]) -> Result<Vec<ImportedRow>, Fault> {
        no()
    }
    fn uses(&self, _: &UsesTarget) -> Result<UsesView, Fault> {
        no()
    }
}

impl Trials for Memory {
    fn around(&self, _: &Around) -> Result<Arc<dyn Manager>, Fault> {
        no()
    }
    fn rehearses(&self) -> Option<&strongroom_engine::Rehearsal> {
        None
    }
    fn answered(&self, _: &str) -> Result<Option<Answered>, Fault> {
        Ok(None)
    }
    fn answer_mark(&self, _: &str, _: &[u8]) -> Result<Arc<strongroom_engine::Mark>, Fault> {
        no()
    }
    fn keep_answer(&self, _: &str, _: &[u8], _: &[u8]) -> Result<(), Fault> {
        no()
    }
}

impl Manager for Memory {
    fn state(&self) -> State {
        self.state.lock().unwrap().unwrap_or(State::Serving)
    }
    fn not_for_production(&self) -> Vec<String> {
        vec!["a test".into()]
    }
    fn role_of(&self, user: &str) -> Option<Role> {
        self.roles.lock().unwrap().iter().find(|(u, _)| u == user).map(|(_, r)| *r)
    }
    fn decide(&self, caller: &Caller, action: AdminAction) -> Decision {
        let role = self.role_of(&caller.user);
        let who = Who { user: &caller.user, groups: &caller.groups, role, conflicting: false };
        let request = Request { who, action: Action::Admin(action), object: None };
        Rules::builtin().unwrap().decide(&request)
    }
    fn room(&self) -> crate::admin::types::Room {
        Default::default()
    }
    fn tell_ahead(&self, _: Vec<strongroom_engine::Ending>) {}
    fn disk_full(&self) -> Option<Fault> {
        None
    }
    fn status(&self) -> Status {
        let port = || PortStatus {
            listen: String::new(),
            connections: 0,
            handshakes_failed: 0,
            refused: 0,
        };
        Status {
            version: "0".into(),
            state: self.state(),
            not_for_production: self.not_for_production(),
            warnings: vec![],
            site: 1,
            replica: None,
            backup: None,
            started: 0,
            objects: Some(3),
            epoch: Some(1),
            slots: vec![],
            chains: vec![],
            forward: vec![],
            disks: vec![],
            refused_on_full_disk: 0,
            kmip: port(),
            admin: port(),
            memory: crate::admin::types::Memory {
                all_locked: false,
                backing: "mlock".into(),
                bytes_locked: 0,
                secrets: 0,
            },
            certificate_ends: None,
            approvals: ApprovalsWaiting::default(),
        }
    }
    fn measures(&self, _: i64) -> Measures {
        Measures::default()
    }
    fn unsealing(&self) -> Result<Unsealing, Fault> {
        Ok(Unsealing { slots: vec!["shamir".into()], given: 0, needed: 1 })
    }
    fn unseal(&self, _: &Caller, with: Unseal) -> Result<UnsealProgress, Fault> {
        match with {
            Unseal::Share(s) if s.reveal() == "right" => {
                *self.state.lock().unwrap() = Some(State::Serving);
                Ok(UnsealProgress { unsealed: true, given: 1, needed: 1 })
            }
            _ => Err(errors::WRONG_SHARE.into()),
        }
    }
    fn seal(&self, _: &Caller) -> Result<(), Fault> {
        *self.state.lock().unwrap() = Some(State::Sealed);
        Ok(())
    }
    fn slots(&self) -> Result<Vec<Slot>, Fault> {
        Ok(vec![])
    }
    fn slot_add(&self, _: &Caller, _: NewSlot) -> Result<SlotAdded, Fault> {
        no()
    }
    fn slot_vouch(&self, _: &Caller, _: u32) -> Result<(), Fault> {
        no()
    }
    fn slot_remove(&self, _: &Caller, _: u32) -> Result<(), Fault> {
        no()
    }
    fn verify_shares(&self, _: &Caller, _: &[SecretText]) -> Result<SharesVerified, Fault> {
        no()
    }
    fn rotate(&self, _: &Caller, _: bool) -> Result<Rotation, Fault> {
        no()
    }
    fn rotation(&self) -> Rotation {
        Rotation::default()
    }
    fn prepare_root_key(&self, _: NewRootKey) -> Result<PreparedRootKey, Fault> {
        no()
    }
    fn replace_root_key(&self, _: &Caller, _: &str) -> Result<u64, Fault> {
        no()
    }
    fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Fault> {
        assert_eq!(query.actor.as_deref(), Some("a b&c"));
        Ok(AuditPage::default())
    }
    fn audit_record(&self, _: &str, _: u64) -> Result<Option<AuditRecord>, Fault> {
        Ok(None)
    }
    fn audit_verify(&self) -> Result<AuditVerdict, Fault> {
        Ok(AuditVerdict { intact: true, ..AuditVerdict::default() })
    }
    fn audit_verify_against(
        &self,
        _: &[strongroom_journal::SignedHead],
    ) -> Result<AuditVerdict, Fault> {
        no()
    }
    fn audit_key(&self) -> Option<[u8; 32]> {
        None
    }
    fn audit_export(
        &self,
        _: &AuditQuery,
        _: strongroom_siem::Style,
    ) -> Result<crate::service::Lines, Fault> {
        no()
    }
    fn keys(&self, query: &KeyQuery) -> Result<KeyPage, Fault> {
        assert_eq!((query.limit, query.name.as_deref()), (20, Some("a b")));
        Ok(KeyPage::default())
    }
    fn key(&self, _: &str) -> Result<KeyView, Fault> {
        Err(errors::NOT_FOUND.into())
    }
    fn rotate_key(&self, _: &Caller, _: &str) -> Result<KeyRotated, Fault> {
        no()
    }
    fn recall_key(&self, _: &Caller, _: &str) -> Result<(), Fault> {
        no()
    }
    fn move_key(&self, _: &Caller, _: &str, _: bool) -> Result<(), Fault> {
        no()
    }
    fn confirm_clock(&self, _: &Caller) -> Result<(), Fault> {
        no()
    }
    fn tick(&self) {}
    fn record(&self, caller: &Caller, done: &Done<'_>) -> Result<(), Fault> {
        if *self.audit_broken.lock().unwrap() {
            return Err(errors::AUDIT_FAILED.into());
        }
        let code = done.result.err().map(|f| f.info.number);
        let mut requests = self.requests.lock().unwrap();
        requests.push((caller.user.clone(), done.operation.into(), code));
        Ok(())
    }
    fn initialise(&self, _: Vec<NewSlot>) -> Result<Vec<SlotAdded>, Fault> {
        no()
    }
    fn secret_put(&self, name: &str, secret: &SecretBytes) -> Result<(), Fault> {
        self.secrets.lock().unwrap().push((name.into(), secret.clone()));
        Ok(())
    }
    fn secret_get(&self, name: &str) -> Result<Option<SecretBytes>, Fault> {
        Ok(self.secrets.lock().unwrap().iter().find(|(n, _)| n == name).map(|(_, s)| s.clone()))
    }
    fn certificate_register(&self, _: &Caller, _: CertificateInfo) -> Result<(), Fault> {
        Ok(())
    }
    fn prove_quorum(&self, _: &Caller, _: &[SecretText], _: &str) -> Result<(), Fault> {
        no()
    }
    fn certificates(&self) -> Result<Vec<ClientRow>, Fault> {
        no()
    }
    fn certificate_revoke(&self, _: &Caller, _: &str, _: &str) -> Result<(), Fault> {
        no()
    }
    fn role_grant(&self, _: &Caller, user: &str, role: Role) -> Result<(), Fault> {
        self.roles.lock().unwrap().push((user.into(), role));
        Ok(())
    }
    fn stop(&self) {
        self.event("stopped", "");
    }
}

struct House {
    dir: tempfile::TempDir,
    memory: Arc<Memory>,
    authority: Authority,
    running: Option<Running>,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "[data]\ndir = \"{}\"\n[kmip]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"",
            dir.path().display()
        );
        let config = Config::from_text(&text).unwrap();
        let memory = Arc::<Memory>::default();
        make_authority(memory.as_ref(), &config.tls, "CA", now()).unwrap();
        let authority = load_authority(memory.as_ref(), &config.tls).unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".into()];
        make_server_certificate(memory.as_ref(), &authority, &config.tls, &names, now()).unwrap();
        let running = Running::start(&config, memory.clone(), || {}).unwrap();
        for role in Role::ALL {
            let person = Person { name: role.name().into(), group: Some("g".into()), role };
            let bundle = dir.path().join(role.name());
            let admin = running.admin.to_string();
            enrol(memory.as_ref(), &authority, &person, &bundle, [&admin, &admin], now()).unwrap();
        }
        Self { dir, memory, authority, running: Some(running) }
    }

    fn bundle(&self, role: &str) -> std::path::PathBuf {
        self.dir.path().join(role)
    }

    fn client(&self, role: &str) -> Client {
        let reach = Reach { bundle: Some(self.bundle(role)), ..Reach::default() };
        Client::new(&reach, &[]).unwrap()
    }

    fn tls(
        &self,
        bundle: Option<&Path>,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Arc<ClientConfig> {
        let roots = tls::roots(&self.bundle("client").join("ca.pem")).unwrap();
        let builder = ClientConfig::builder_with_provider(tls::provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match bundle {
            None => builder.with_no_client_auth(),
            Some(dir) => builder
                .with_client_auth_cert(
                    tls::certificates(&dir.join("cert.pem")).unwrap(),
                    tls::private_key(&dir.join("key.pem")).unwrap(),
                )
                .unwrap(),
        })
    }

    /// One frame there and back.
    fn echo(&self, config: &Arc<ClientConfig>) -> std::io::Result<Connection> {
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = TcpStream::connect(self.running.as_ref().unwrap().kmip)?;
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
        let connection = ClientConnection::new(config.clone(), name).unwrap();
        let mut stream = StreamOwned::new(connection, tcp);
        round_trip(&mut stream)?;
        Ok(stream)
    }

    fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop("the test is over");
        }
    }
}

type Connection = StreamOwned<ClientConnection, TcpStream>;

fn round_trip(stream: &mut Connection) -> std::io::Result<()> {
    let frame = [0x42, 0, 0x78, 1, 0, 0, 0, 0];
    stream.write_all(&frame)?;
    let mut got = [0; 8];
    stream.read_exact(&mut got)?;
    assert_eq!(got, frame);
    Ok(())
}

#[test]
fn kmip_is_served_over_both_tls_versions_to_a_client_with_a_certificate() {
    let house = House::new();
    let bundle = house.bundle("client");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let stream = house.echo(&house.tls(Some(&bundle), version)).unwrap();
        assert_eq!(stream.conn.protocol_version(), Some(version.version));
        if version.version == rustls::ProtocolVersion::TLSv1_3 {
            let group = stream.conn.negotiated_key_exchange_group().unwrap().name();
            assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
        }
    }
    let callers = house.memory.callers.lock().unwrap();
    assert_eq!((callers[0].user.as_str(), callers[0].groups[0].as_str()), ("client", "g"));
}

#[test]
fn strangers_are_refused_in_the_handshake_and_counted() {
    let mut house = House::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        assert!(house.echo(&house.tls(None, version)).is_err());
    }
    // Of another CA.
    let other = Authority::create("Other", now()).unwrap();
    let dir = house.dir.path().join("other");
    let subject = Subject { user: "client".into(), group: None };
    other.issue_client(&subject, 5, now()).unwrap().write_bundle(&dir).unwrap();
    assert!(house.echo(&house.tls(Some(&dir), &rustls::version::TLS13)).is_err());
    // A server's certificate is not a client's.
    let dir = house.dir.path().join("server");
    house.authority.issue_server(&["x".into()], 5, now()).unwrap().write_bundle(&dir).unwrap();
    assert!(house.echo(&house.tls(Some(&dir), &rustls::version::TLS13)).is_err());
    assert!(house.memory.callers.lock().unwrap().is_empty());
    house.stop();
    let events = house.memory.events.lock().unwrap().join("\n");
    assert!(
        events.contains("handshakes-failed: no client certificate, from 127.0.0.1"),
        "{events}"
    );
    assert!(events.contains("unknown authority (1 times)"), "{events}");
    assert!(events.contains("not for clients (1 times)"), "{events}");
    assert!(events.ends_with("stopped: "), "{events}");
}

#[test]
fn a_resumed_session_keeps_its_certificate_and_revocation_bites_on_it() {
    let house = House::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = house.tls(Some(&house.bundle("client")), version);
        let mut first = house.echo(&config).unwrap();
        let second = house.echo(&config).unwrap();
        assert_eq!(second.conn.handshake_kind(), Some(HandshakeKind::Resumed), "{version:?}");
        let fingerprint = {
            let callers = house.memory.callers.lock().unwrap();
            assert!(callers.iter().all(|c| c.fingerprint == callers[0].fingerprint));
            callers[0].fingerprint.clone()
        };
        house.memory.revoked.lock().unwrap().insert(fingerprint);
        assert!(round_trip(&mut first).is_err());
        assert!(house.echo(&config).is_err());
        house.memory.revoked.lock().unwrap().clear();
    }
}

#[test]
fn each_admin_route_asks_for_its_role_and_everything_is_recorded() {
    let house = House::new();
    let health: Health = house.client("client").get("/health").unwrap();
    assert_eq!(health.not_for_production, ["a test"]);
    let e = house.client("client").get::<Status>("/v1/status").unwrap_err();
    assert_eq!(e.info.number, errors::DENIED.number);
    assert!(e.detail.contains("sysadmin or officer or auditor or custodian"), "{}", e.detail);
    let status: Status = house.client("officer").get("/v1/status").unwrap();
    assert!(status.kmip.listen.starts_with("127.0.0.1:"));
    let _: AuditVerdict = house.client("officer").get("/v1/audit/verify").unwrap();
    for role in ["officer", "auditor", "client", "custodian"] {
        let e = house.client(role).post::<serde_json::Value>("/v1/root/seal", &()).unwrap_err();
        assert_eq!(e.info.number, errors::DENIED.number, "{role}");
    }
    let e = house.client("sysadmin").get::<AuditVerdict>("/v1/audit/verify").unwrap_err();
    assert_eq!(e.info.number, errors::DENIED.number);
    let v: AuditVerdict = house.client("auditor").get("/v1/audit/verify").unwrap();
    assert!(v.intact);
    let _: AuditPage = house.client("auditor").get("/v1/audit?actor=a%20b%26c").unwrap();
    let e = house.client("auditor").get::<AuditPage>("/v1/audit?nonsense=1").unwrap_err();
    assert_eq!(e.info.number, errors::BAD_REQUEST.number);
    let _: KeyPage = house.client("auditor").get("/v1/keys?name=a%20b").unwrap();
    for role in ["auditor", "sysadmin", "client"] {
        for path in ["/v1/keys/x/recall", "/v1/keys/x/archive", "/v1/keys/x/recover"] {
            let e = house.client(role).post::<serde_json::Value>(path, &()).unwrap_err();
            assert_eq!(e.info.number, errors::DENIED.number, "{role} {path}");
        }
    }
    let e = house.client("auditor").get::<AuditRecord>("/v1/audit/uses/7").unwrap_err();
    assert_eq!(e.info.number, errors::NOT_FOUND.number);

    let requests = house.memory.requests.lock().unwrap();
    assert!(requests.contains(&("client".into(), "Status".into(), Some(3024))), "{requests:?}");
    assert!(requests.contains(&("officer".into(), "Status".into(), None)));
    assert!(requests.contains(&("auditor".into(), "Read Audit".into(), Some(3041))));
    assert!(!requests.iter().any(|(_, operation, _)| operation == "Health"));
}

#[test]
fn paths_and_methods_without_a_row_are_refused_as_problems() {
    let house = House::new();
    let client = house.client("sysadmin");
    let e = client.get::<Status>("/v1/nothing").unwrap_err();
    assert_eq!(e.info.number, errors::NOT_FOUND.number);
    let e = client.delete::<Status>("/v1/status").unwrap_err();
    assert_eq!(e.info.number, errors::METHOD_NOT_ALLOWED.number);
    let e = client.post::<UnsealProgress>("/v1/root/unseal", &"nonsense").unwrap_err();
    assert_eq!(e.info.number, errors::BAD_REQUEST.number);
    assert!(!e.detail.contains("nonsense"));
    let large = "x".repeat(70_000);
    let e = client.post::<UnsealProgress>("/v1/root/unseal", &large).unwrap_err();
    assert_eq!(e.info.number, errors::TOO_LARGE.number);
}

#[test]
fn a_sealed_server_answers_health_and_unseal_only() {
    let house = House::new();
    let admin = house.client("sysadmin");
    let health: Health = house.client("client").get("/health").unwrap();
    assert_eq!((health.state, health.unsealing), (State::Serving, None));
    let _: serde_json::Value = admin.post("/v1/root/seal", &()).unwrap();
    let health: Health = house.client("client").get("/health").unwrap();
    assert_eq!((health.state, health.not_for_production.len()), (State::Sealed, 1));
    let unsealing = Unsealing { slots: vec!["shamir".into()], given: 0, needed: 1 };
    assert_eq!(health.unsealing, Some(unsealing));
    let mut refused = 0;
    for route in crate::admin::ROUTES {
        if [("GET", "/health"), ("POST", "/v1/root/unseal")].contains(&(route.method, route.path)) {
            assert!(!route.unsealed);
            continue;
        }
        let path = route.path.replace(['{', '}'], "");
        // Whether they have the role or not: nobody is told more than that it is sealed.
        for role in ["sysadmin", "client"] {
            let client = house.client(role);
            let e = match route.method {
                "GET" => client.get::<serde_json::Value>(&path).unwrap_err(),
                "POST" => client.post::<serde_json::Value>(&path, &()).unwrap_err(),
                "PUT" => client.put::<serde_json::Value>(&path, &()).unwrap_err(),
                "DELETE" => client.delete::<serde_json::Value>(&path).unwrap_err(),
                other => panic!("{other}"),
            };
            assert_eq!(e.info.number, errors::SEALED.number, "{} {path} {role}", route.method);
            refused += 1;
        }
    }
    assert_eq!(refused, 2 * (crate::admin::ROUTES.len() - 2));
    // What is no route neither.
    let e = admin.get::<serde_json::Value>("/v1/nothing").unwrap_err();
    assert_eq!(e.info.number, errors::SEALED.number);
    let e = admin.delete::<serde_json::Value>("/health").unwrap_err();
    assert_eq!(e.info.number, errors::SEALED.number);
    assert!(e.info.next.contains("strongroom root unseal"));
    let custodian = house.client("custodian");
    let share = |text: &str| Unseal::Share(SecretText::new(text.into()));
    let e = custodian.post::<UnsealProgress>("/v1/root/unseal", &share("wrong")).unwrap_err();
    assert_eq!(e.info.number, errors::WRONG_SHARE.number);
    let done: UnsealProgress = custodian.post("/v1/root/unseal", &share("right")).unwrap();
    assert!(done.unsealed);
}

#[test]
fn nobody_passes_for_the_server_itself() {
    let house = House::new();
    let bundle = house.dir.path().join("impostor");
    house.authority.issue_unchecked("Server", now()).unwrap().write_bundle(&bundle).unwrap();
    assert!(house.echo(&house.tls(Some(&bundle), &rustls::version::TLS13)).is_err());
    let reach = Reach {
        bundle: Some(bundle),
        server: Some(house.running.as_ref().unwrap().admin.to_string()),
        ..Reach::default()
    };
    let e = Client::new(&reach, &[]).unwrap().get::<Health>("/health").unwrap_err();
    assert_eq!(e.info.number, errors::CERTIFICATE_UNUSABLE.number);
    assert!(e.detail.contains("reserved for the server itself"), "{}", e.detail);
    assert!(house.memory.callers.lock().unwrap().is_empty());
    let events = house.memory.events.lock().unwrap();
    let about = |e: &&String| e.contains("handshakes-failed") && e.contains("reserved");
    assert_eq!(events.iter().filter(about).count(), 2, "{events:?}");
}

#[test]
fn nothing_is_answered_on_the_admin_port_that_could_not_be_recorded() {
    let house = House::new();
    *house.memory.audit_broken.lock().unwrap() = true;
    let e = house.client("auditor").get::<AuditVerdict>("/v1/audit/verify").unwrap_err();
    assert_eq!(e.info.number, errors::AUDIT_FAILED.number);
    let e = house.client("officer").post::<serde_json::Value>("/v1/root/seal", &()).unwrap_err();
    assert_eq!(e.info.number, errors::AUDIT_FAILED.number, "a refusal waits for its record too");
    // Whoever looks for the reason finds it.
    let _: Health = house.client("client").get("/health").unwrap();
    let _: Status = house.client("sysadmin").get("/v1/status").unwrap();
}

#[test]
fn a_revoked_administrator_is_out_at_once() {
    let house = House::new();
    let der = tls::certificates(&house.bundle("sysadmin").join("cert.pem")).unwrap();
    house.memory.revoked.lock().unwrap().insert(hex(&fingerprint(&der[0])));
    let e = house.client("sysadmin").get::<Health>("/health").unwrap_err();
    assert_eq!(e.info.number, errors::CERTIFICATE_REVOKED.number);
}

#[test]
fn revocation_bites_on_an_open_admin_connection_and_on_a_resumed_one() {
    let house = House::new();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let tls = house.tls(Some(&house.bundle("sysadmin")), version);
        let connect = || {
            let name = ServerName::try_from("localhost").unwrap();
            let tcp = TcpStream::connect(house.running.as_ref().unwrap().admin).unwrap();
            tcp.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
            StreamOwned::new(ClientConnection::new(tls.clone(), name).unwrap(), tcp)
        };
        // The status and the end of the body, whose length is told.
        let ask = |stream: &mut Connection| {
            stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
            let (mut said, mut bytes) = (String::new(), [0; 4096]);
            loop {
                let read = stream.read(&mut bytes).unwrap();
                assert!(read > 0, "it was closed: {said}");
                said.push_str(core::str::from_utf8(&bytes[..read]).unwrap());
                if said.contains("\r\n\r\n") && said.ends_with('}') {
                    return said;
                }
            }
        };
        let mut open = connect();
        assert!(ask(&mut open).starts_with("HTTP/1.1 200"));
        let der = tls::certificates(&house.bundle("sysadmin").join("cert.pem")).unwrap();
        house.memory.revoked.lock().unwrap().insert(hex(&fingerprint(&der[0])));
        let refused = ask(&mut open);
        let number = format!("\"code\":{}", errors::CERTIFICATE_REVOKED.number);
        assert!(!refused.starts_with("HTTP/1.1 200") && refused.contains(&number), "{refused}");
        let mut resumed = connect();
        let refused = ask(&mut resumed);
        assert_eq!(resumed.conn.handshake_kind(), Some(HandshakeKind::Resumed), "{version:?}");
        assert!(refused.contains(&number), "{refused}");
        house.memory.revoked.lock().unwrap().clear();
        assert!(ask(&mut open).starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn a_body_that_does_not_come_is_given_up_recorded_and_the_connection_closed() {
    let house = House::new();
    let bundle = house.bundle("client");
    let tls = house.tls(Some(&bundle), &rustls::version::TLS13);
    let send = |head: &str| {
        let name = ServerName::try_from("localhost").unwrap();
        let tcp = TcpStream::connect(house.running.as_ref().unwrap().admin).unwrap();
        tcp.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
        let connection = ClientConnection::new(tls.clone(), name).unwrap();
        let mut stream = StreamOwned::new(connection, tcp);
        stream.write_all(head.as_bytes()).unwrap();
        stream.flush().unwrap();
        stream
    };
    let heads = [
        "POST /v1/root/unseal HTTP/1.1\r\nhost: x\r\ncontent-length: 60\r\n\r\n{",
        "POST /v1/root/unseal HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
        // More than may come, from somebody who may not ask for it at all.
        "PUT /v1/policy HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n{",
    ];
    // All at once: each waits as long as a body may take.
    let mut streams = heads.map(send);
    for (stream, head) in streams.iter_mut().zip(heads) {
        let mut answer = String::new();
        // The end of the connection is what is waited for.
        let _ = stream.read_to_string(&mut answer);
        let answer = answer.to_lowercase();
        assert!(answer.contains("connection: close"), "{head}\n{answer}");
        let status = if head.starts_with("PUT") { "403" } else { "400" };
        assert!(answer.starts_with(&format!("http/1.1 {status}")), "{head}\n{answer}");
    }
    let requests = house.memory.requests.lock().unwrap();
    let of =
        |operation: &str| requests.iter().filter(|(_, o, n)| o == operation && n.is_some()).count();
    assert_eq!((of("Unseal"), of("Change Policy")), (2, 1), "{requests:?}");
}
