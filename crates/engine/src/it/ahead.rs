//! Ends are told of ahead, once each, and a restart does not tell them again.

use strongroom_kmip::{Attribute, Operation, Tag, Value};
use strongroom_model::CertificateInfo;

use super::{Bench, create};
use crate::ahead::Ending;
use crate::{AuditFilter, Caller};

const DAY: i64 = 86_400;

fn told(bench: &Bench, event: &str) -> Vec<String> {
    let filter = AuditFilter { action: Some(event.to_owned()), ..AuditFilter::default() };
    bench.engine.audit_tail(100, &filter).unwrap().into_iter().map(|e| e.detail).collect()
}

fn server(ends: i64) -> Vec<Ending> {
    let (name, fingerprint) = ("kms".to_owned(), "aa".repeat(32));
    vec![Ending { what: "server", name, fingerprint, ends }]
}

#[test]
fn certificates_are_told_of_ahead_once_and_not_again_after_a_restart() {
    let mut bench = Bench::new();
    let now = bench.engine.inner.time().earliest();
    let info = |user: &str, days: i64| CertificateInfo {
        fingerprint: user.repeat(32),
        user: user.to_owned(),
        purpose: "client".to_owned(),
        not_after: now + days * DAY,
        ..CertificateInfo::default()
    };
    for (user, days) in [("b1", 20), ("c1", 20), ("d1", 400)] {
        bench.engine.note_certificate(&Caller::server(), info(user, days)).unwrap();
    }
    bench.engine.revoke_certificate(&Caller::server(), &"c1".repeat(32), "lost").unwrap();
    let ends = now + 40 * DAY;
    for day in 0..45 {
        let at = now + day * DAY;
        for _ in 0..2 {
            bench.engine.tell_ahead(server(ends), at).unwrap();
        }
        bench = bench.restart();
        bench.engine.tell_ahead(server(ends), at).unwrap();
    }
    let heard = told(&bench, "certificate-expiring");
    let of = |what: &str| -> Vec<String> {
        let within = |line: &String| {
            let rest = line.split("within-days=").nth(1)?;
            Some(rest.split(' ').next()?.to_owned())
        };
        heard.iter().filter(|l| l.contains(what)).filter_map(within).collect()
    };
    assert_eq!(of("what=server name=kms"), ["30", "14", "7", "1"], "{heard:?}");
    assert_eq!(of("what=client name=b1"), ["30", "14", "7", "1"], "{heard:?}");
    assert_eq!(heard.len(), 8, "{heard:?}");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn keys_that_a_date_moves_on_within_a_week_are_counted_once_a_day() {
    let bench = Bench::new();
    let now = bench.engine.inner.time().earliest();
    for (name, days) in [("soon", 3), ("later", 30)] {
        let date = Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(now + days * DAY));
        bench.one(&bench.alice, Operation::CREATE, |e| create(e, name, &[date])).unwrap();
    }
    let midnight = now.div_euclid(DAY) * DAY;
    for hour in 0..48 {
        bench.engine.tell_ahead(Vec::new(), midnight + hour * 3600).unwrap();
    }
    let bench = bench.restart();
    bench.engine.tell_ahead(Vec::new(), midnight + 47 * 3600).unwrap();
    assert_eq!(told(&bench, "keys-due"), ["count=1 within-days=7"; 2]);
}
