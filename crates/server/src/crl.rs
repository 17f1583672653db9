//! Lists of revoked certificates (CRL, RFC 5280 section 5) of the authorities whose clients are
//! accepted: read from a file, checked, and read again when it changes.
//!
//! rustls' verifier looks into them at a full handshake. A resumed session and an open connection
//! have none, so the listeners ask [`Crls::refuses`] before every request.
//!
//! A file that cannot be taken (unreadable, of an authority that is not accepted here, wrongly
//! signed) changes nothing: what was in force stays, and the server says so. One that is past its
//! time is taken, since it still names certificates that are revoked; whether it refuses everybody
//! whom it might have named is for the configuration to say.
//!
//! Lists are fetched over lines that anybody may sit on, since they are signed; so whoever does can
//! serve an old one, part of one (a delta), or leave one out. None of these brings a revoked
//! certificate back while the server runs: a list is taken whole, and never for an older one.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustix::fs::OFlags;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_engine::RevocationLists;
use x509_parser::prelude::*;

use crate::cli::output::date;
use crate::config;
use crate::errors::{self, Fault};
use crate::identity::Identity;
use crate::pki::unhex;
use crate::tls;

/// The largest file taken.
const LARGEST: u64 = 64 << 20;

/// One list that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListRow {
    /// Whose list: the authority's subject.
    pub authority: String,
    /// When it was made, POSIX seconds.
    pub this_update: i64,
    /// When a newer one is due, POSIX seconds.
    pub next_update: i64,
    /// How many certificates it names.
    pub revoked: u64,
}

/// A list, checked.
#[derive(Clone, Debug)]
struct List {
    row: ListRow,
    issuer: Vec<u8>,
    /// Tells it from other lists of that issuer: the key that signed it, and which of the issuer's
    /// certificates it is about.
    scope: Vec<u8>,
    serials: HashSet<Vec<u8>>,
    der: CertificateRevocationListDer<'static>,
    /// Whether one accepted authority alone has this name. rustls finds a list by the name, and
    /// would refuse the clients of all others that have it.
    alone: bool,
    /// Whether it stayed in force though the file has it no more.
    kept: bool,
}

/// All lists of a file.
#[derive(Debug, Default)]
pub struct Lists(Vec<List>);

impl Lists {
    /// Reads a file of one list in DER, or of any number in PEM, and checks each against the
    /// authorities in `client_ca`.
    ///
    /// # Errors
    /// [`errors::CRL_UNUSABLE`], which says what is wrong with which list.
    pub fn read(path: &Path, client_ca: &Path) -> Result<Self, Fault> {
        let failed = |e: &dyn core::fmt::Display| unusable(path, e);
        let bytes = bytes(path).map_err(|e| failed(&e))?;
        let ders: Vec<CertificateRevocationListDer<'static>> = if bytes.starts_with(&[0x30]) {
            vec![bytes.into()]
        } else {
            CertificateRevocationListDer::pem_slice_iter(&bytes)
                .collect::<Result<_, _>>()
                .map_err(|e| failed(&e))?
        };
        if ders.is_empty() {
            return Err(failed(&"no list of revoked certificates is in it"));
        }
        let authorities = tls::certificates(client_ca)?;
        let lists = ders.iter().map(|der| List::check(der.clone(), &authorities));
        let lists = lists.collect::<Result<_, String>>().map_err(|why| failed(&why))?;
        // What the handshake cannot use must not hold for open connections alone.
        let roots = Arc::new(tls::roots(client_ca)?);
        WebPkiClientVerifier::builder_with_provider(roots, tls::provider())
            .with_crls(ders)
            .build()
            .map_err(|e| failed(&e))?;
        Ok(Self(lists))
    }

    /// These in the place of `before`, with nothing forgotten: a list that was in force and is not
    /// among them stays, unless its authority is not accepted any more.
    ///
    /// # Errors
    /// [`errors::CRL_UNUSABLE`] where one is older than what was in force.
    fn behind(mut self, before: &Self, path: &Path, client_ca: &Path) -> Result<Self, Fault> {
        let newest = |lists: &Self| {
            let mut newest = BTreeMap::new();
            for list in &lists.0 {
                let of = (list.issuer.clone(), list.scope.clone());
                let at = newest.entry(of).or_insert(i64::MIN);
                *at = list.row.this_update.max(*at);
            }
            newest
        };
        let (old, new) = (newest(before), newest(&self));
        let authorities = tls::certificates(client_ca)?;
        for list in &before.0 {
            let of = (list.issuer.clone(), list.scope.clone());
            let was = old.get(&of).copied().unwrap_or(i64::MIN);
            match new.get(&of) {
                Some(is) if *is >= was => {}
                Some(is) => {
                    let why = format!(
                        "the list of {} in it was made on {}, before the one in force, of {}; a \
                         restart takes it",
                        list.row.authority,
                        date(*is),
                        date(was)
                    );
                    return Err(unusable(path, &why));
                }
                None if list.is_of(&authorities) => {
                    self.0.push(List { kept: true, ..list.clone() });
                }
                None => {}
            }
        }
        Ok(self)
    }

    /// For rustls' verifier. What it cannot be given, [`Crls::refuses`] still looks into.
    pub fn ders(&self) -> impl Iterator<Item = CertificateRevocationListDer<'static>> + '_ {
        self.0.iter().filter(|list| list.alone).map(|list| list.der.clone())
    }

    /// What is in force.
    pub fn rows(&self) -> Vec<ListRow> {
        self.0.iter().map(|list| list.row.clone()).collect()
    }

    /// A line about all of them.
    pub fn text(&self) -> String {
        let each = self.0.iter().map(|list| {
            let ListRow { authority, next_update, revoked, .. } = &list.row;
            let kept = if list.kept { ", kept from before" } else { "" };
            format!("{authority}: {revoked} revoked, until {}{kept}", date(*next_update))
        });
        each.collect::<Vec<_>>().join("; ")
    }
}

impl List {
    fn check(
        der: CertificateRevocationListDer<'static>,
        authorities: &[rustls_pki_types::CertificateDer<'static>],
    ) -> Result<Self, String> {
        let (rest, parsed) = CertificateRevocationList::from_der(&der)
            .map_err(|_| "it is no list of revoked certificates".to_owned())?;
        if !rest.is_empty() {
            return Err("there is more behind its end".to_owned());
        }
        let issuer = parsed.issuer().as_raw().to_vec();
        let name = parsed.issuer().to_string();
        let named: Vec<_> = authorities
            .iter()
            .filter_map(|authority| X509Certificate::from_der(authority).ok())
            .filter(|(_, authority)| authority.subject().as_raw() == issuer)
            .collect();
        if named.is_empty() {
            return Err(format!("{name} is none of the authorities in tls.client_ca"));
        }
        let signer = named.iter().find(|(_, a)| parsed.verify_signature(a.public_key()).is_ok());
        let Some((_, signer)) = signer else {
            return Err(format!("the signature on the list of {name} is wrong"));
        };
        let mut scope = signer.public_key().raw.to_vec();
        for extension in parsed.extensions() {
            if extension.oid == oid_registry::OID_X509_EXT_DELTA_CRL_INDICATOR {
                return Err(format!(
                    "the list of {name} is a delta, which names what changed only: give the whole"
                ));
            }
            if extension.oid == oid_registry::OID_X509_EXT_ISSUER_DISTRIBUTION_POINT {
                scope.extend_from_slice(extension.value);
            }
        }
        // RFC 5280 asks for it; without it nothing says how long the list may be believed.
        let next = parsed.next_update().ok_or_else(|| format!("the list of {name} has no end"))?;
        let serials: HashSet<Vec<u8>> = parsed
            .iter_revoked_certificates()
            .map(|entry| plain(entry.raw_serial()).to_vec())
            .collect();
        let row = ListRow {
            authority: name,
            this_update: parsed.last_update().timestamp(),
            next_update: next.timestamp(),
            revoked: serials.len() as u64,
        };
        let alone = named.len() == 1;
        Ok(Self { row, issuer, scope, serials, der, alone, kept: false })
    }

    /// Whether the authority that signed it is among these.
    fn is_of(&self, authorities: &[rustls_pki_types::CertificateDer<'static>]) -> bool {
        let mut known =
            authorities.iter().filter_map(|authority| X509Certificate::from_der(authority).ok());
        known.any(|(_, authority)| {
            authority.subject().as_raw() == self.issuer
                && self.scope.starts_with(authority.public_key().raw)
        })
    }
}

/// What is in the file. Whatever lies there by now, it is neither waited for nor read without end.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Error;
    let waits_for_nobody = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(waits_for_nobody).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Error::other("it is larger than 64 MiB"));
    }
    Ok(bytes)
}

/// A serial number without the zero that keeps it positive.
fn plain(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}

/// What became of a look at the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Other lists are in force.
    Loaded(String),
    /// The file cannot be taken; what was in force stays.
    Refused(String),
    /// A list is past its time.
    Expired(String),
}

impl Change {
    /// What the audit calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Loaded(_) => "crl-loaded",
            Self::Refused(_) => "crl-refused",
            Self::Expired(_) => "crl-expired",
        }
    }

    /// In words.
    pub fn text(&self) -> &str {
        match self {
            Self::Loaded(text) | Self::Refused(text) | Self::Expired(text) => text,
        }
    }
}

/// What tells that a file is another one: its inode, length and times of change. The second is of
/// what is not in it too: whoever was not allowed to read it may be from then on.
type Stamp = (u64, u64, [i64; 4]);

/// What is known of the file.
#[derive(Default)]
struct Seen {
    stamp: Option<Stamp>,
    error: Option<String>,
    /// Authorities whose lists were said to be past their time.
    expired: Vec<String>,
}

/// The lists in force, and the file that they are from.
pub struct Crls {
    path: Option<PathBuf>,
    client_ca: PathBuf,
    refuse_expired: bool,
    lists: RwLock<Arc<Lists>>,
    seen: Mutex<Seen>,
}

impl Crls {
    /// Reads the file that the configuration names, if it names one.
    ///
    /// # Errors
    /// [`errors::CRL_UNUSABLE`]: there is nothing before it that could stay in force.
    pub fn open(tls: &config::Tls) -> Result<Self, Fault> {
        let mut seen = Seen::default();
        let lists = match &tls.crl {
            None => Lists::default(),
            Some(path) => {
                seen.stamp = stamp(path);
                Lists::read(path, &tls.client_ca)?
            }
        };
        Ok(Self {
            path: tls.crl.clone(),
            client_ca: tls.client_ca.clone(),
            refuse_expired: tls.refuse_expired_crl,
            lists: RwLock::new(Arc::new(lists)),
            seen: Mutex::new(seen),
        })
    }

    /// What is in force.
    pub fn current(&self) -> Arc<Lists> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the file: again if it is another one than before, or `at_once`. `now` is POSIX
    /// seconds.
    pub fn look(&self, at_once: bool, now: i64) -> Vec<Change> {
        let Some(path) = &self.path else { return Vec::new() };
        let mut seen = self.seen();
        let mut changes = Vec::new();
        let there = stamp(path);
        if at_once || there != seen.stamp {
            // First the stamp: a file that is replaced meanwhile is read once more.
            seen.stamp = there;
            let read = Lists::read(path, &self.client_ca);
            match read.and_then(|lists| lists.behind(&self.current(), path, &self.client_ca)) {
                Ok(lists) => {
                    changes.push(Change::Loaded(lists.text()));
                    *self.lists.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(lists);
                    *seen = Seen { stamp: there, ..Seen::default() };
                }
                Err(fault) => {
                    let why = fault.to_string();
                    if seen.error.as_ref() != Some(&why) {
                        changes.push(Change::Refused(why.clone()));
                    }
                    seen.error = Some(why);
                }
            }
        }
        for list in &self.current().0 {
            let ListRow { authority, next_update, .. } = &list.row;
            if *next_update < now && !seen.expired.contains(authority) {
                seen.expired.push(authority.clone());
                let does = if self.refuse_expired {
                    "every client of it is refused"
                } else {
                    "what it names stays refused"
                };
                let until = date(*next_update);
                let text = format!("the list of {authority} was to be renewed by {until}; {does}");
                changes.push(Change::Expired(text));
            }
        }
        changes
    }

    /// Why a certificate is refused, if it is. `now` is POSIX seconds. Asked for every request.
    pub fn refuses(&self, identity: &Identity, now: i64) -> Option<&'static str> {
        self.refuses_number(&identity.issuer_der, &identity.serial, now)
    }

    /// The same, of the certificate with this number from whom this name, DER, is.
    fn refuses_number(&self, issuer: &[u8], serial: &[u8], now: i64) -> Option<&'static str> {
        self.path.as_ref()?;
        let lists = self.current();
        let list = lists.0.iter().filter(|list| list.issuer == issuer);
        for list in list {
            if list.serials.contains(plain(serial)) {
                return Some("a certificate that its authority revoked");
            }
            if self.refuse_expired && list.row.next_update < now {
                return Some("a certificate of an authority whose list is past its time");
            }
        }
        None
    }

    /// Whether an authority's clients are refused when its list is past its time.
    pub fn refuses_expired(&self) -> bool {
        self.refuse_expired
    }

    /// What somebody has to look at.
    pub fn warnings(&self, now: i64) -> Vec<String> {
        let Some(path) = &self.path else { return Vec::new() };
        let mut warnings = Vec::new();
        if let Some(why) = &self.seen().error {
            warnings.push(format!("{why} The lists that were read before stay in force."));
        }
        for List { row, .. } in self.current().0.iter().filter(|list| list.kept) {
            warnings.push(format!(
                "{} has no list of {} any more: the one that was read before stays in force until a \
                 restart.",
                path.display(),
                row.authority
            ));
        }
        for ListRow { authority, next_update, .. } in self.current().rows() {
            if next_update < now {
                let does = if self.refuse_expired {
                    "Every client of it is refused"
                } else {
                    "What was revoked since is not known"
                };
                warnings.push(format!(
                    "The list of revoked certificates of {authority} is past its time since {}. \
                     {does}: put a newer one into {}.",
                    date(next_update),
                    path.display()
                ));
            }
        }
        warnings
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An approval is judged as a request of its certificate would be.
impl RevocationLists for Crls {
    fn refuse(&self, issuer: &[u8], serial: &str, now: i64) -> Option<&'static str> {
        match unhex(serial) {
            Some(serial) => self.refuses_number(issuer, &serial, now),
            // Without its number nobody can say that it is not listed.
            None => self.path.as_ref().map(|_| "a certificate whose number is not known"),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
    Some((found.ino(), found.len(), times))
}

fn unusable(path: &Path, e: &dyn core::fmt::Display) -> Fault {
    Fault::new(errors::CRL_UNUSABLE, format!("{}: {e}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip_listener::now;
    use crate::pki::{Authority, Issued, Revoked, Subject};

    const NOW: i64 = 1_800_000_000;

    struct Place {
        dir: tempfile::TempDir,
        authority: Authority,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let authority = Authority::create("House", NOW).unwrap();
            fs::write(dir.path().join("ca.pem"), authority.certificate()).unwrap();
            Self { dir, authority }
        }

        fn tls(&self, refuse: bool) -> config::Tls {
            let file = |name: &str| self.dir.path().join(name);
            config::Tls {
                certificate: file("cert.pem"),
                key: file("key.pem"),
                client_ca: file("ca.pem"),
                crl: Some(file("crl.pem")),
                refuse_expired_crl: refuse,
                only_1_3: false,
                sessions: 8,
            }
        }

        fn put(&self, list: &[u8]) {
            let new = self.dir.path().join("crl.new");
            fs::write(&new, list).unwrap();
            fs::rename(&new, self.dir.path().join("crl.pem")).unwrap();
        }

        fn list(&self, serials: &[&str], now: i64) -> String {
            let revoked = serials.iter().map(|s| Revoked { serial: (*s).to_owned(), at: now });
            self.authority.sign_list(&revoked.collect::<Vec<_>>(), 7, now).unwrap()
        }

        fn client(&self, user: &str) -> (Identity, String) {
            let subject = Subject { user: user.to_owned(), group: None };
            let issued = self.authority.issue_client(&subject, 30, NOW).unwrap();
            let der = crate::pki::first_certificate(&issued.certificate).unwrap();
            let peer = "127.0.0.1:1".parse().unwrap();
            (Identity::of_certificate(&der, peer).unwrap(), issued.serial)
        }
    }

    #[test]
    fn a_certificate_on_the_list_is_refused_and_no_other_also_after_the_file_changed() {
        let place = Place::new();
        let ((one, serial), (two, second)) = (place.client("one"), place.client("two"));
        place.put(place.list(&[&serial], NOW).as_bytes());
        let crls = Crls::open(&place.tls(false)).unwrap();
        assert!(crls.refuses(&one, NOW).is_some() && crls.refuses(&two, NOW).is_none());
        assert_eq!(crls.look(false, NOW), []);
        place.put(place.list(&[&serial, &second], NOW).as_bytes());
        assert!(matches!(crls.look(false, NOW).as_slice(), [Change::Loaded(_)]));
        assert!(crls.refuses(&two, NOW).is_some());
        // Another authority's certificate with the same serial number is another certificate.
        let mut stranger = one.clone();
        stranger.issuer_der = b"somebody else".to_vec();
        assert!(crls.refuses(&stranger, NOW).is_none());
    }

    #[test]
    fn a_file_that_cannot_be_taken_leaves_the_lists_before_it_in_force() {
        let place = Place::new();
        let (one, serial) = place.client("one");
        let good = place.list(&[&serial], NOW);
        place.put(good.as_bytes());
        let crls = Crls::open(&place.tls(false)).unwrap();
        let other = Authority::create("Elsewhere", NOW).unwrap().sign_list(&[], 7, NOW).unwrap();
        // One of the same name, which did not sign clients here.
        let double = Authority::create("House", NOW).unwrap().sign_list(&[], 7, NOW).unwrap();
        let two = format!("{good}{other}");
        for (file, word) in [
            ("", "no list"),
            ("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "no list"),
            (place.authority.own(), "no list"),
            (&other, "none of the authorities"),
            (&double, "signature"),
            (&two, "none of the authorities"),
        ] {
            place.put(file.as_bytes());
            let found = crls.look(false, NOW);
            let [Change::Refused(why)] = found.as_slice() else { panic!("{file}: {found:?}") };
            assert!(why.contains(word), "{why}");
            assert!(crls.refuses(&one, NOW).is_some());
            assert!(crls.warnings(NOW).iter().any(|w| w.contains("stay in force")));
            // At a start there is nothing before it.
            assert!(Crls::open(&place.tls(false)).is_err());
        }
        fs::remove_file(place.dir.path().join("crl.pem")).unwrap();
        assert!(matches!(crls.look(false, NOW).as_slice(), [Change::Refused(_)]));
        assert!(crls.refuses(&one, NOW).is_some());
        place.put(good.as_bytes());
        assert!(matches!(crls.look(false, NOW).as_slice(), [Change::Loaded(_)]));
        assert_eq!(crls.warnings(NOW), [""; 0]);
    }

    #[test]
    fn a_file_without_an_end_or_whose_writer_never_comes_holds_nobody_up() {
        let place = Place::new();
        let (one, serial) = place.client("one");
        place.put(place.list(&[&serial], NOW).as_bytes());
        let crls = Crls::open(&place.tls(false)).unwrap();
        let path = place.dir.path().join("crl.pem");
        let makes: [fn(&Path); 3] = [
            |at| std::os::unix::fs::symlink("/dev/zero", at).unwrap(),
            |at| {
                let made = std::process::Command::new("mkfifo").arg(at).status().unwrap();
                assert!(made.success());
            },
            |at| fs::create_dir(at).unwrap(),
        ];
        for make in makes {
            fs::remove_file(&path).unwrap();
            make(&path);
            let found = crls.look(false, NOW);
            let [Change::Refused(why)] = found.as_slice() else { panic!("{found:?}") };
            assert!(why.contains("no file"), "{why}");
            assert!(crls.refuses(&one, NOW).is_some());
            assert_eq!(crls.warnings(NOW).len(), 1);
            // For the next one to find something to take away.
            let _ = fs::remove_dir(&path);
            let _ = fs::write(place.dir.path().join("crl.new"), "");
            fs::rename(place.dir.path().join("crl.new"), &path).unwrap();
            crls.look(false, NOW);
        }
        let huge = File::create(&path).unwrap();
        huge.set_len(LARGEST + 1).unwrap();
        let found = crls.look(false, NOW);
        let [Change::Refused(why)] = found.as_slice() else { panic!("{found:?}") };
        assert!(why.contains("64 MiB"), "{why}");
    }

    #[test]
    fn an_older_list_or_none_of_an_authority_brings_no_revoked_certificate_back() {
        let place = Place::new();
        let (one, serial) = place.client("one");
        let (older, newer) = (place.list(&[], NOW), place.list(&[&serial], NOW + 60));
        // Another authority, accepted at first.
        let other = Authority::create("Elsewhere", NOW).unwrap();
        let ca = place.dir.path().join("ca.pem");
        fs::write(&ca, format!("{}{}", place.authority.own(), other.own())).unwrap();
        let of_other = other.sign_list(&[], 7, NOW).unwrap();
        place.put(format!("{newer}{of_other}").as_bytes());
        let crls = Crls::open(&place.tls(false)).unwrap();
        place.put(format!("{older}{of_other}").as_bytes());
        let found = crls.look(false, NOW);
        let [Change::Refused(why)] = found.as_slice() else { panic!("{found:?}") };
        assert!(why.contains("before the one in force"), "{why}");
        assert!(crls.refuses(&one, NOW).is_some());
        // What is new in a file that leaves an authority out is taken, and what it leaves out stays:
        // when an authority is renewed, its lists are of the new one alone.
        let subject = Subject { user: "two".to_owned(), group: None };
        let issued = other.issue_client(&subject, 30, NOW).unwrap();
        let der = crate::pki::first_certificate(&issued.certificate).unwrap();
        let two = Identity::of_certificate(&der, "127.0.0.1:1".parse().unwrap()).unwrap();
        let revoked = [Revoked { serial: issued.serial, at: NOW }];
        let of_other = other.sign_list(&revoked, 7, NOW + 60).unwrap();
        place.put(of_other.as_bytes());
        let found = crls.look(false, NOW);
        let [Change::Loaded(what)] = found.as_slice() else { panic!("{found:?}") };
        assert!(what.contains("CN=House") && what.contains("kept from before"), "{what}");
        assert!(crls.refuses(&one, NOW).is_some() && crls.refuses(&two, NOW).is_some());
        assert!(crls.warnings(NOW)[0].contains("no list of CN=House"), "{:?}", crls.warnings(NOW));
        // Both in one file are the newer one; and whose clients are not accepted needs no list.
        place.put(format!("{older}{newer}{of_other}").as_bytes());
        assert!(matches!(crls.look(false, NOW).as_slice(), [Change::Loaded(_)]));
        assert_eq!(crls.warnings(NOW), [""; 0]);
        fs::write(&ca, place.authority.own()).unwrap();
        place.put(newer.as_bytes());
        assert!(matches!(crls.look(false, NOW).as_slice(), [Change::Loaded(_)]));
        assert!(crls.refuses(&one, NOW).is_some() && crls.refuses(&two, NOW).is_none());
    }

    #[test]
    fn a_list_that_could_not_be_read_is_read_once_its_rights_are_changed() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        let (one, serial) = place.client("one");
        place.put(place.list(&[], NOW).as_bytes());
        let crls = Crls::open(&place.tls(false)).unwrap();
        let path = place.dir.path().join("crl.pem");
        place.put(place.list(&[&serial], NOW).as_bytes());
        // As if it had been looked at while only somebody else could read it.
        crls.seen().stamp = stamp(&path);
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(crls.look(false, NOW).as_slice(), [Change::Loaded(_)]));
        assert!(crls.refuses(&one, NOW).is_some());
    }

    /// The test's authority with openssl, which makes lists that this server never would.
    fn openssl(dir: &Path, extensions: &str) -> String {
        let run = |arguments: &[&str]| {
            let mut command = std::process::Command::new("openssl");
            let done = command.current_dir(dir).args(arguments).output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        let config = format!(
            "[ca]\ndefault_ca = c\n[c]\ndatabase = index\ncrlnumber = number\n\
             default_md = sha256\ndefault_crl_days = 9999\ncrl_extensions = x\n[x]\n{extensions}\n"
        );
        fs::write(dir.join("config"), config).unwrap();
        fs::write(dir.join("index"), "").unwrap();
        fs::write(dir.join("number"), "01\n").unwrap();
        let sign = ["ca", "-config", "config", "-gencrl", "-out", "made.pem", "-cert", "ca.pem"];
        run(&[&sign[..], &["-keyfile", "ca.key", "-keyform", "DER"]].concat());
        fs::read_to_string(dir.join("made.pem")).unwrap()
    }

    #[test]
    fn a_delta_or_a_list_with_what_nobody_here_knows_is_not_taken_for_the_whole() {
        let place = Place::new();
        let (one, serial) = place.client("one");
        let key = place.authority.key().unwrap();
        fs::write(place.dir.path().join("ca.key"), key.as_slice()).unwrap();
        // Before whatever openssl takes for now.
        const LONG_AGO: i64 = NOW - 86_400 * 365 * 20;
        place.put(place.list(&[&serial], LONG_AGO).as_bytes());
        let crls = Crls::open(&place.tls(false)).unwrap();
        for (extensions, word) in [
            ("2.5.29.27 = critical, DER:020101", "delta"),
            // The same again would not be said again.
            ("1.2.3.4 = critical, DER:0500", "CRL"),
            ("2.5.29.27 = DER:020101", "delta"),
            ("2.5.29.28 = critical, DER:30038401FF", "CRL"),
        ] {
            place.put(openssl(place.dir.path(), extensions).as_bytes());
            let found = crls.look(false, LONG_AGO);
            let [Change::Refused(why)] = found.as_slice() else {
                panic!("{extensions}: {found:?}")
            };
            assert!(why.to_lowercase().contains(&word.to_lowercase()), "{why}");
            assert!(crls.refuses(&one, NOW).is_some());
        }
        // One without is whole, and takes the place of the other.
        place.put(openssl(place.dir.path(), "authorityKeyIdentifier = keyid").as_bytes());
        assert!(matches!(crls.look(false, LONG_AGO).as_slice(), [Change::Loaded(_)]));
        assert!(crls.refuses(&one, NOW).is_none());
    }

    #[test]
    fn a_list_past_its_time_warns_once_and_refuses_everybody_only_where_that_is_configured() {
        let place = Place::new();
        let ((one, serial), (two, _)) = (place.client("one"), place.client("two"));
        place.put(place.list(&[&serial], NOW).as_bytes());
        let later = NOW + 8 * 86_400;
        for refuse in [false, true] {
            let crls = Crls::open(&place.tls(refuse)).unwrap();
            assert!(crls.refuses(&two, NOW).is_none());
            assert!(matches!(crls.look(false, later).as_slice(), [Change::Expired(_)]));
            assert_eq!(crls.look(false, later), []);
            assert!(crls.refuses(&one, later).is_some());
            assert_eq!(crls.refuses(&two, later).is_some(), refuse);
            assert_eq!(crls.warnings(later).len(), 1);
        }
    }

    /// A whole handshake in memory, with a client's certificate of the place.
    fn shake_hands(place: &Place, tls: &config::Tls, user: &Issued) -> Result<(), rustls::Error> {
        use rustls::{ClientConnection, ServerConnection};
        let server = place.authority.issue_server(&["localhost".into()], 30, now()).unwrap();
        for (path, text) in [(&tls.certificate, &server.certificate), (&tls.key, &server.key)] {
            let _ = fs::remove_file(path);
            crate::pki::write_private(path, text.as_bytes()).unwrap();
        }
        let lists = Lists::read(tls.crl.as_ref().unwrap(), &tls.client_ca).unwrap();
        let server = tls::server_config_with(tls, &[], &lists).unwrap();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        let chain = vec![crate::pki::first_certificate(&user.certificate).unwrap().into()];
        let key = rustls_pki_types::PrivateKeyDer::from_pem_slice(user.key.as_bytes()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(tls::roots(&tls.client_ca).unwrap())
            .with_client_auth_cert(chain, key)
            .unwrap();
        let name = "localhost".try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        while server.is_handshaking() || client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn a_full_handshake_asks_the_list_and_its_time_where_that_is_configured() {
        let mut place = Place::new();
        place.authority = Authority::create("House", now()).unwrap();
        fs::write(place.dir.path().join("ca.pem"), place.authority.certificate()).unwrap();
        let issue = |user: &str| {
            let subject = Subject { user: user.to_owned(), group: None };
            place.authority.issue_client(&subject, 30, now()).unwrap()
        };
        let (one, two) = (issue("one"), issue("two"));
        let revoked = |result: Result<(), rustls::Error>| {
            let revoked = rustls::CertificateError::Revoked;
            result == Err(rustls::Error::InvalidCertificate(revoked))
        };
        place.put(place.list(&[&one.serial], now()).as_bytes());
        assert!(revoked(shake_hands(&place, &place.tls(false), &one)));
        shake_hands(&place, &place.tls(false), &two).unwrap();
        // Past its time.
        place.put(place.list(&[&one.serial], now() - 30 * 86_400).as_bytes());
        assert!(revoked(shake_hands(&place, &place.tls(false), &one)));
        shake_hands(&place, &place.tls(false), &two).unwrap();
        assert!(shake_hands(&place, &place.tls(true), &two).is_err());
        // Two authorities of one name: the list of one is none for the clients of the other.
        let double = Authority::create("House", now()).unwrap();
        let both = format!("{}{}", place.authority.certificate(), double.certificate());
        fs::write(place.dir.path().join("ca.pem"), both).unwrap();
        let subject = Subject { user: "three".to_owned(), group: None };
        let three = double.issue_client(&subject, 30, now()).unwrap();
        shake_hands(&place, &place.tls(false), &three).unwrap();
    }

    #[test]
    fn a_list_in_der_is_read_too() {
        let place = Place::new();
        let (one, serial) = place.client("one");
        let pem = place.list(&[&serial], NOW);
        let der = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).unwrap();
        place.put(&der);
        assert!(Crls::open(&place.tls(false)).unwrap().refuses(&one, NOW).is_some());
    }
}
