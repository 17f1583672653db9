//! Certificates while the server runs: issuing to clients, and renewing the server's own and the
//! authority's without a restart.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use x509_parser::prelude::*;

use crate::admin::types::{
    AuthorityRow, CertificatesView, ClientIssued, ClientRow, NewClient, ServerCertificate,
    SignedList,
};
use crate::config;
use crate::crl::{Change, Crls, ListRow};
use crate::errors::{self, Fault};
use crate::identity::MOST_NAMES;
use crate::kmip_listener::now;
use crate::names::looks_like;
use crate::pki::{self, Authority, BACKDATE, LEAF_DAYS, Revoked, Subject, hex};
use crate::service::{Around, Caller, Ending, Manager};
use crate::setup;
use crate::tls::{self, Live};

/// What the admin port speaks.
const ADMIN_ALPN: &[&[u8]] = &[b"http/1.1"];

/// Days that a list of revoked certificates counts unless asked otherwise.
const LIST_DAYS: i64 = 7;

/// Most client and server certificates that count at one time.
const MOST_CERTIFICATES: usize = 50_000;

/// The certificates in use, and where they lie.
pub struct Certificates {
    material: config::Tls,
    /// Where the ports listen: the server's certificate bears these addresses always.
    listen: [SocketAddr; 2],
    /// For the KMIP port.
    pub kmip: Arc<Live>,
    /// For the administration port.
    pub admin: Arc<Live>,
    lists: Arc<Crls>,
    ends: AtomicI64,
    /// One renewal at a time.
    renewing: Mutex<()>,
}

impl Certificates {
    /// Reads what the configuration names, and finishes a renewal that was cut off.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`].
    pub fn load(material: &config::Tls, listen: [SocketAddr; 2]) -> Result<Self, Fault> {
        finish(material)?;
        let lists = Arc::new(Crls::open(material)?);
        let live = |alpn: &[&[u8]]| -> Result<_, Fault> {
            let config = tls::server_config_with(material, alpn, &lists.current())?;
            Ok(Arc::new(Live::with(config, lists.clone())))
        };
        Ok(Self {
            kmip: live(&[])?,
            admin: live(ADMIN_ALPN)?,
            lists,
            ends: AtomicI64::new(ends(&material.certificate)?),
            material: material.clone(),
            listen,
            renewing: Mutex::new(()),
        })
    }

    /// Reads certificate, key and client CA again, for new connections. Those that are open keep
    /// theirs.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`]; then the old ones go on.
    pub fn reload(&self) -> Result<(), Fault> {
        let lists = self.lists.current();
        let kmip = tls::server_config_with(&self.material, &[], &lists)?;
        let admin = tls::server_config_with(&self.material, ADMIN_ALPN, &lists)?;
        let ends = ends(&self.material.certificate)?;
        self.kmip.replace(kmip);
        self.admin.replace(admin);
        self.ends.store(ends, Ordering::Relaxed);
        Ok(())
    }

    /// Looks at the lists of revoked certificates, as [`Crls::look`] does, and puts new ones in
    /// force for new connections and for open ones.
    pub fn look_at_lists(&self, manager: &dyn Manager, at_once: bool) {
        for change in self.lists.look(at_once, now()) {
            manager.event(change.kind(), change.text());
            match &change {
                Change::Loaded(_) => {
                    if let Err(fault) = self.reload() {
                        tracing::error!("certificates were not reloaded: {fault}");
                        manager.event("certificates-not-reloaded", &fault.to_string());
                    }
                }
                Change::Refused(why) | Change::Expired(why) => tracing::error!("{why}"),
            }
        }
    }

    /// What judges certificates by the lists in force.
    pub fn revoked(&self) -> Arc<Crls> {
        self.lists.clone()
    }

    /// What somebody has to look at.
    pub fn warnings(&self) -> Vec<String> {
        self.lists.warnings(now())
    }

    /// The lists of revoked certificates in force.
    pub fn lists(&self) -> Vec<ListRow> {
        self.lists.current().rows()
    }

    /// Says of each certificate how its authority stands, where that is this server's own. Which one
    /// signed it follows from the time: one at a time signs.
    pub fn mark(&self, manager: &dyn Manager, rows: &mut [ClientRow]) {
        let Some((newest, oldest)) = self.own_authorities(manager) else { return };
        for row in rows.iter_mut().filter(|row| !row.serial.is_empty()) {
            row.authority = match row.issued {
                issued if issued >= newest => "current",
                issued if issued >= oldest => "older",
                _ => "retired",
            }
            .to_owned();
        }
    }

    /// When the authority that signs was made, and the oldest whose clients are accepted.
    fn own_authorities(&self, manager: &dyn Manager) -> Option<(i64, i64)> {
        let own = setup::load_authority(manager, &self.material).ok()?;
        let made =
            |der: &[u8]| Some(parsed(der).ok()?.validity().not_before.timestamp() + BACKDATE);
        let newest = made(&pki::first_certificate(own.own()).ok()?)?;
        let accepted = tls::certificates(&self.material.client_ca).ok()?;
        let oldest = accepted.iter().filter_map(|der| made(der)).min()?;
        Some((newest, oldest.min(newest)))
    }

    /// Signs a list of what this server revoked, of the authority that signs now.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`] without an authority of its own, [`errors::BAD_REQUEST`] for days
    /// that cannot be.
    pub fn sign_list(&self, manager: &dyn Manager, days: Option<u16>) -> Result<SignedList, Fault> {
        let authority = setup::load_authority(manager, &self.material)?;
        let mut rows = manager.certificates()?;
        self.mark(manager, &mut rows);
        let (now, days) = (now(), days.map_or(LIST_DAYS, i64::from));
        let mut list = Vec::new();
        let mut left_out = 0;
        for row in rows {
            let Some(at) = row.revoked_at else { continue };
            if row.authority == "current" {
                list.push(Revoked { serial: row.serial, at });
            } else if row.not_after == 0 || row.not_after >= now {
                left_out += 1;
            }
        }
        Ok(SignedList {
            list: authority.sign_list(&list, days, now)?,
            revoked: list.len() as u64,
            left_out,
            next_update: now + days * 86_400,
        })
    }

    /// When the server's certificate ends, POSIX seconds.
    pub fn ends(&self) -> i64 {
        self.ends.load(Ordering::Relaxed)
    }

    /// The server's certificate and the authorities whose clients are accepted.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`].
    pub fn view(&self, manager: &dyn Manager) -> Result<CertificatesView, Fault> {
        let chain = tls::certificates(&self.material.certificate)?;
        let server = chain.first().map(|c| server_row(c)).transpose()?;
        let own = setup::load_authority(manager, &self.material);
        let own = own.and_then(|a| pki::first_certificate(a.own())).unwrap_or_default();
        let authorities = tls::certificates(&self.material.client_ca)?;
        let rows = authorities.iter().map(|c| authority_row(c, c.as_ref() == own));
        let authorities = rows.collect::<Result<_, _>>()?;
        Ok(CertificatesView { server, authorities, lists: self.lists() })
    }

    /// The server's certificate and the authorities', and when they end. What cannot be read has no
    /// end to tell of.
    pub fn endings(&self, manager: &dyn Manager) -> Vec<Ending> {
        let Ok(view) = self.view(manager) else { return Vec::new() };
        let server = view.server.map(|c| Ending {
            what: "server",
            name: c.names.join(" "),
            fingerprint: c.fingerprint,
            ends: c.not_after,
        });
        let authorities = view.authorities.into_iter().map(|c| Ending {
            what: "authority",
            name: c.name,
            fingerprint: c.fingerprint,
            ends: c.not_after,
        });
        server.into_iter().chain(authorities).collect()
    }

    /// Signs a client's certificate.
    ///
    /// # Errors
    /// [`errors::BAD_REQUEST`] for a request or a subject that cannot be one,
    /// [`errors::TLS_MATERIAL`] without an authority of its own.
    pub fn issue(
        &self,
        manager: &dyn Manager,
        caller: &Caller,
        new: &NewClient,
    ) -> Result<ClientIssued, Fault> {
        check_room(&manager.certificates()?, new, now())?;
        if let Some(role) = &new.role {
            // A role that cannot be given must not leave a certificate behind.
            let trial = manager.around(&Around { rehearse: true, ..Around::default() })?;
            trial.role_set(caller, &new.user, Some(role))?;
        }
        let authority = setup::load_authority(manager, &self.material)?;
        let subject = Subject { user: new.user.clone(), group: new.group.clone() };
        let days = new.days.map_or(LEAF_DAYS, i64::from);
        let signed = authority.sign_client(&new.csr, &subject, days, now())?;
        manager.certificate_register(caller, setup::info(&signed, &subject, "client"))?;
        if let Some(role) = &new.role {
            manager.role_set(caller, &new.user, Some(role))?;
        }
        Ok(ClientIssued {
            certificate: signed.certificate,
            authority: signed.authority,
            fingerprint: hex(&signed.fingerprint),
            serial: signed.serial,
            not_after: signed.not_after,
            kmip_port: self.listen[0].port(),
        })
    }

    /// Makes a new certificate for the server and puts it in use.
    ///
    /// # Errors
    /// [`errors::BAD_REQUEST`] for names that cannot be, [`errors::TLS_MATERIAL`] without an
    /// authority of its own.
    pub fn renew_server(
        &self,
        manager: &dyn Manager,
        caller: &Caller,
        names: &[String],
        days: Option<u16>,
    ) -> Result<ServerCertificate, Fault> {
        let _one = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let authority = setup::load_authority(manager, &self.material)?;
        let old = tls::certificates(&self.material.certificate)?;
        let old_names = old.first().map(|c| server_row(c)).transpose()?.map(|s| s.names);
        let asked = if names.is_empty() { old_names.unwrap_or_default() } else { names.to_vec() };
        // Whoever works on this machine must not be locked out by a forgotten name.
        let names = setup::certificate_names(&asked, &self.listen);
        let days = days.map_or(LEAF_DAYS, i64::from);
        let issued = authority.issue_server(&names, days, now())?;
        let first = names.first().cloned().unwrap_or_default();
        let subject = Subject { user: first, group: None };
        manager.certificate_register(caller, setup::info(&issued, &subject, "server"))?;
        if let Some(rehearsal) = manager.rehearses() {
            let until = crate::cli::output::date(issued.not_after);
            let detail = format!("for {}, until {until}", names.join(", "));
            rehearsal.note("server certificate renewed", detail);
            return server_row(&pki::first_certificate(&issued.certificate)?);
        }
        // The chain ends with the authority that signed it, not with every one that is accepted.
        let chain = format!("{}{}", issued.certificate, authority.own());
        // The key first: a certificate alone beside the old pair is a move that was cut off.
        write_new(&self.material.key, issued.key.as_bytes())?;
        write_new(&self.material.certificate, chain.as_bytes())?;
        finish(&self.material)?;
        self.reload()?;
        manager.event("certificates-reloaded", "renewed");
        let chain = tls::certificates(&self.material.certificate)?;
        chain.first().map(|c| server_row(c)).transpose()?.ok_or_else(|| errors::INTERNAL.into())
    }

    /// Makes a new authority. From now on it signs; clients of the old ones are accepted until
    /// those are retired.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`] when there is none of its own yet, or the store's.
    pub fn renew_authority(&self, manager: &dyn Manager) -> Result<AuthorityRow, Fault> {
        let _one = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        // An installation that uses its organisation's authority keeps to that.
        let before = setup::load_authority(manager, &self.material)?;
        let before = house_name(&pki::first_certificate(before.own())?)?;
        let old = fs::read_to_string(&self.material.client_ca)
            .map_err(|e| material(&self.material.client_ca, &e))?;
        let mut tag = [0; 4];
        aws_lc_rs::rand::fill(&mut tag).map_err(|_| Fault::from(errors::INTERNAL))?;
        let authority = Authority::create(&format!("{before} {}", hex(&tag)), now())?;
        // The file first: should the server stop in between, the old key goes on signing under its
        // own certificate, which `load_authority` finds by the key.
        if let Some(rehearsal) = manager.rehearses() {
            let detail = format!("{before} signs until now; a new authority signs from then on");
            rehearsal.note("authority renewed", detail);
            return authority_row(&pki::first_certificate(authority.own())?, true);
        }
        let text = format!("{}{old}", authority.certificate());
        replace(&self.material.client_ca, text.as_bytes())?;
        setup::keep_authority(manager, &authority)?;
        self.reload()?;
        manager.event("certificates-reloaded", "new authority");
        authority_row(&pki::first_certificate(authority.own())?, true)
    }

    /// Accepts no more clients of the authorities before the newest, and of none else.
    ///
    /// # Errors
    /// [`errors::CONFLICT`] while the server's own certificate, or the one that is used for this
    /// (`issuer` is who signed it), is of one of them.
    pub fn retire_authorities(
        &self,
        manager: &dyn Manager,
        issuer: &str,
    ) -> Result<Vec<AuthorityRow>, Fault> {
        let _one = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let authority = setup::load_authority(manager, &self.material)?;
        let kept = pki::first_certificate(authority.own())?;
        let chain = tls::certificates(&self.material.certificate)?;
        let signed = chain.first().is_some_and(|leaf| is_signed_by(leaf, &kept));
        if !signed {
            return Err(Fault::new(
                errors::CONFLICT,
                "The server's certificate is of an authority that would be retired: run \
                 `strongroom cert renew` first.",
            ));
        }
        if parsed(&kept)?.subject().to_string() != issuer {
            return Err(Fault::new(
                errors::CONFLICT,
                "Your own certificate is of an authority that would be retired: come with one of \
                 the new authority, so that somebody can still get in.",
            ));
        }
        let retired: Vec<AuthorityRow> = tls::certificates(&self.material.client_ca)?
            .iter()
            .filter(|c| c.as_ref() != kept)
            .map(|c| authority_row(c, false))
            .collect::<Result<_, _>>()?;
        if let Some(rehearsal) = manager.rehearses() {
            for row in &retired {
                let detail = format!("{}: its certificates are refused from then on", row.name);
                rehearsal.note("authority retired", detail);
            }
            return Ok(retired);
        }
        replace(&self.material.client_ca, authority.own().as_bytes())?;
        self.reload()?;
        manager.event("certificates-reloaded", "authorities retired");
        Ok(retired)
    }
}

/// Whether there is room for one more certificate, and its name is nobody else's to the eye.
fn check_room(rows: &[ClientRow], new: &NewClient, now: i64) -> Result<(), Fault> {
    let counts = || rows.iter().filter(|row| row.revoked.is_none() && row.not_after >= now);
    if counts().count() >= MOST_CERTIFICATES {
        let what = format!("{MOST_CERTIFICATES} certificates count.");
        return Err(Fault::new(errors::LIMIT_REACHED, what));
    }
    let mut groups: BTreeSet<&str> = counts()
        .filter(|row| row.user == new.user)
        .flat_map(|row| row.groups.iter().map(String::as_str))
        .collect();
    groups.extend(new.group.as_deref());
    if groups.len() > MOST_NAMES {
        let what = format!("{} is in {MOST_NAMES} groups by certificates that count.", new.user);
        return Err(Fault::new(errors::LIMIT_REACHED, what));
    }
    match looks_like(&new.user, rows.iter().map(|row| row.user.as_str())) {
        None => Ok(()),
        Some(other) => Err(Fault::bad_request(format!(
            "\"{}\" reads like the user {other}, and is another.",
            new.user.escape_unicode()
        ))),
    }
}

/// A renewal writes both files anew beside the old ones, then moves the key, then the
/// certificate. What is found here was cut off: a pair that fits is moved, a certificate that
/// fits the key in place is moved too, and anything else is forgotten.
fn finish(material: &config::Tls) -> Result<(), Fault> {
    let (new_key, new_certificate) = (beside(&material.key), beside(&material.certificate));
    let moved = |from: &Path, to: &Path| fs::rename(from, to).map_err(|e| self::material(to, &e));
    let fits = |certificate: &Path, key: &Path| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        let tried = config::Tls { certificate, key, ..material.clone() };
        tls::server_config(&tried, &[]).is_ok()
    };
    if new_key.exists() && fits(&new_certificate, &new_key) {
        moved(&new_key, &material.key)?;
        return moved(&new_certificate, &material.certificate);
    }
    if !new_key.exists() && new_certificate.exists() && fits(&new_certificate, &material.key) {
        return moved(&new_certificate, &material.certificate);
    }
    for left in [new_key, new_certificate] {
        if left.exists() {
            tracing::warn!(file = %left.display(), "left by a renewal that was cut off: removed");
            fs::remove_file(&left).map_err(|e| self::material(&left, &e))?;
        }
    }
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let new = beside(path);
    match fs::remove_file(&new) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(material(&new, &e)),
        _ => {}
    }
    pki::write_private(&new, bytes)
}

/// Replaces a file as a whole.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    write_new(path, bytes)?;
    fs::rename(beside(path), path).map_err(|e| material(path, &e))
}

fn material(path: &Path, e: &dyn core::fmt::Display) -> Fault {
    Fault::new(errors::TLS_MATERIAL, format!("{}: {e}.", path.display()))
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, Fault> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|_| Fault::new(errors::TLS_MATERIAL, "A certificate is not X.509."))
}

/// When a certificate file's first certificate ends.
fn ends(path: &Path) -> Result<i64, Fault> {
    let chain = tls::certificates(path)?;
    let first = chain.first().ok_or_else(|| material(path, &"no certificate in it"))?;
    Ok(parsed(first)?.validity().not_after.timestamp())
}

fn is_signed_by(leaf: &[u8], authority: &[u8]) -> bool {
    let (Ok(leaf), Ok(authority)) = (parsed(leaf), parsed(authority)) else { return false };
    leaf.verify_signature(Some(authority.public_key())).is_ok()
}

/// An authority's name without what tells it from the one before.
fn house_name(der: &[u8]) -> Result<String, Fault> {
    let certificate = parsed(der)?;
    let name = certificate.subject().iter_common_name().next().and_then(|n| n.as_str().ok());
    let name = name.unwrap_or("Strongroom CA");
    Ok(match name.rsplit_once(' ') {
        Some((house, tag)) if tag.len() == 8 && tag.bytes().all(|b| b.is_ascii_hexdigit()) => house,
        _ => name,
    }
    .to_owned())
}

fn server_row(der: &[u8]) -> Result<ServerCertificate, Fault> {
    let certificate = parsed(der)?;
    let mut names = Vec::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.push((*name).to_owned()),
                GeneralName::IPAddress(bytes) => names.extend(crate::identity::address(bytes)),
                _ => {}
            }
        }
    }
    Ok(ServerCertificate {
        names,
        fingerprint: hex(&crate::identity::fingerprint(der)),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

fn authority_row(der: &[u8], signs: bool) -> Result<AuthorityRow, Fault> {
    let certificate = parsed(der)?;
    Ok(AuthorityRow {
        name: certificate.subject().to_string(),
        fingerprint: hex(&crate::identity::fingerprint(der)),
        not_after: certificate.validity().not_after.timestamp(),
        signs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: &str, group: &str) -> ClientRow {
        ClientRow {
            user: user.to_owned(),
            groups: vec![group.to_owned()],
            purpose: "client".to_owned(),
            fingerprint: String::new(),
            serial: String::new(),
            not_after: 1000,
            issued: 0,
            authority: String::new(),
            revoked: None,
            revoked_at: None,
        }
    }

    fn new(user: &str, group: &str) -> NewClient {
        NewClient {
            user: user.to_owned(),
            group: Some(group.to_owned()),
            role: None,
            days: None,
            csr: String::new(),
        }
    }

    #[test]
    fn so_many_certificates_count_and_no_more_until_one_is_revoked_or_over() {
        let mut rows: Vec<_> = (0..MOST_CERTIFICATES).map(|n| row(&format!("u{n}"), "g")).collect();
        let refused = |rows: &[ClientRow]| {
            check_room(rows, &new("late", "g"), 1000).err().map(|fault| fault.info.number)
        };
        assert_eq!(refused(&rows), Some(errors::LIMIT_REACHED.number));
        assert_eq!(refused(&rows[1..]), None);
        rows[0].revoked = Some("left".to_owned());
        assert_eq!(refused(&rows), None);
        rows[0].revoked = None;
        rows[1].not_after = 999;
        assert_eq!(refused(&rows), None);
    }

    #[test]
    fn one_user_is_in_so_many_groups_and_no_more() {
        let rows: Vec<_> = (0..MOST_NAMES).map(|n| row("u", &format!("g{n}"))).collect();
        let number = |rows: &[ClientRow], new: &NewClient| {
            check_room(rows, new, 0).err().map(|fault| fault.info.number)
        };
        assert_eq!(number(&rows, &new("u", "another")), Some(errors::LIMIT_REACHED.number));
        // A further certificate for a group that he is in, somebody else's, and one fewer.
        assert_eq!(number(&rows, &new("u", "g0")), None);
        assert_eq!(number(&rows, &new("other", "another")), None);
        assert_eq!(number(&rows[1..], &new("u", "another")), None);
    }
}
