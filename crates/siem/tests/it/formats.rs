//! Every format: one line, within its limit, read back by a strict parser, nothing forged.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use strongroom_siem::dictionary::{CEF, Key, LEEF, ValueType, find};
use strongroom_siem::{
    Delimiter, Device, Envelope, Event, Format, MAX_EVENT, Outcome, Severity, Style,
};

use crate::parse;

const FORMATS: [Format; 8] = [
    Format::Rfc5424,
    Format::Rfc3164,
    Format::Cef,
    Format::Leef1,
    Format::Leef2(Delimiter::Tab),
    Format::Leef2(Delimiter::Caret),
    Format::Ocsf,
    Format::Json,
];

pub fn sample() -> Event {
    let device = Arc::new(Device {
        process: 4711,
        ..Device::new("km1.example.net", "Strongroom", "Key Manager", "1.0.0")
    });
    let mut event = Event::new(&device, "uses", 17, 1_767_225_600_123, [0xab; 32]);
    event.kind = "refusal".into();
    event.user = "db-01".into();
    event.groups = vec!["databases".into(), "berlin".into()];
    event.certificate = "cd".repeat(32);
    event.address = "192.0.2.7:49152".into();
    event.action = "Get".into();
    event.object = Some("0192f3c4-5d6e-7f80-9123-456789abcdef".into());
    (event.outcome, event.reason) = {
        let (outcome, reason) = Outcome::of("Permission Denied");
        (outcome, reason.to_owned())
    };
    event.rule = "no-grant".into();
    event.micros = 87;
    event.detail = vec![("iv".into(), "caller".into()), ("note".into(), "a=b|c]\"\\".into())];
    event
}

fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,40}",
        2 => r#"[|=\\"\[\]^\t\n\r \x00\x1b%]{0,30}"#,
        2 => "\\PC{0,60}",
        1 => any::<String>(),
        1 => prop::collection::vec(any::<char>(), 200..700).prop_map(|c| c.into_iter().collect()),
        1 => "[\\x00-\\x1f\"\\\\]{300,600}",
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|b| Ipv4Addr::from(b).to_string()),
        any::<([u8; 4], u16)>().prop_map(|(b, p)| format!("{}:{p}", Ipv4Addr::from(b))),
        any::<[u8; 16]>().prop_map(|b| Ipv6Addr::from(b).to_string()),
        any::<([u8; 16], u16)>().prop_map(|(b, p)| format!("[{}]:{p}", Ipv6Addr::from(b))),
        nasty(),
    ]
}

fn action() -> impl Strategy<Value = String> {
    let names: Vec<&str> = strongroom_siem::catalog::CLASSES.iter().map(|c| c.name).collect();
    prop_oneof![3 => prop::sample::select(names).prop_map(str::to_owned), 1 => nasty()]
}

prop_compose! {
    fn device()(host in nasty(), product in nasty(), version in nasty(), process: u32) -> Device {
        Device { process, ..Device::new(&host, "Strongroom", &product, &version) }
    }
}

prop_compose! {
    fn event()(
        device in device(),
        (time_ms, seq, micros, hash) in any::<(i64, u64, i64, [u8; 32])>(),
        (chain, kind, user, reason, rule, certificate) in
            (nasty(), nasty(), nasty(), nasty(), nasty(), nasty()),
        groups in prop::collection::vec(nasty(), 0..12),
        address in address(),
        action in action(),
        object in prop::option::of(nasty()),
        outcome in prop::sample::select(
            &[Outcome::Success, Outcome::Failure, Outcome::Denied, Outcome::Unknown][..]),
        severity in prop::option::of(prop::sample::select(&Severity::ALL[..])),
        detail in prop::collection::vec((nasty(), nasty()), 0..20),
    ) -> Event {
        Event {
            kind, user, groups, certificate, address, action, object, outcome, reason, severity,
            rule, micros, detail,
            ..Event::new(&Arc::new(device), &chain, seq, time_ms, hash)
        }
    }
}

/// What holds of a line in any format.
fn check_line(line: &str, cap: usize) -> Result<(), TestCaseError> {
    prop_assert!(line.len() <= cap, "{} bytes: {line}", line.len());
    let breaks = |c: char| matches!(c, '\0'..='\x08' | '\n'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}');
    prop_assert!(!line.contains(breaks), "{line:?}");
    Ok(())
}

fn check_value(table: &'static [Key], key: &str, value: &str) -> Result<(), TestCaseError> {
    let Some(row) = find(table, key) else {
        return Err(TestCaseError::fail(format!("{key} is not in the dictionary")));
    };
    prop_assert!(row.max == 0 || value.len() <= row.max, "{key} is too long");
    let fine = match row.value {
        ValueType::Text => true,
        ValueType::Integer | ValueType::Long | ValueType::Time => value.parse::<i64>().is_ok(),
        ValueType::Double => value.parse::<f64>().is_ok(),
        ValueType::Ipv4 => value.parse::<Ipv4Addr>().is_ok(),
        ValueType::Ipv6 => value.parse::<Ipv6Addr>().is_ok(),
        ValueType::Ip => value.parse::<std::net::IpAddr>().is_ok(),
        ValueType::Mac => false,
    };
    prop_assert!(fine, "{key}={value:?}");
    Ok(())
}

fn fail(e: String) -> TestCaseError {
    TestCaseError::fail(e)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_line_is_one_line_within_its_limit_in_every_format(event in event(), sequence: u32) {
        for format in FORMATS {
            let cap = if format == Format::Rfc3164 { 1024 } else { MAX_EVENT };
            for envelope in [Envelope::None, Envelope::Rfc3164, Envelope::Rfc5424] {
                for bom in [false, true] {
                    let style = Style { envelope, bom, ..Style::new(format) };
                    check_line(&style.render(&event, Some(sequence)), cap)?;
                }
            }
        }
    }

    #[test]
    fn rfc_5424_parses_back_with_its_identity_whole(event in event(), sequence: u32) {
        let line = Style::new(Format::Rfc5424).render(&event, Some(sequence));
        let read = parse::rfc5424(&line).map_err(fail)?;
        let own = "strongroom@32473";
        prop_assert_eq!(read.param(own, "id"), Some(event.id.clone()));
        prop_assert_eq!(read.param(own, "seq"), Some(event.seq.to_string()));
        prop_assert_eq!(read.param(own, "hash"), Some(hex(&event.hash)));
        prop_assert_eq!(read.param("meta", "sequenceId"), Some(sequence.to_string()));
        prop_assert_eq!(read.priority % 8, u16::from(event.severity().syslog()));
        prop_assert!(read.id.starts_with("SR") && read.app == "strongroom");
        let number = event.device.process;
        prop_assert_eq!(read.process.parse::<u32>().unwrap_or_default(), number);
    }

    #[test]
    fn rfc_3164_parses_back_with_its_identity_whole(event in event()) {
        let line = Style::new(Format::Rfc3164).render(&event, None);
        let read = parse::rfc3164(&line).map_err(fail)?;
        let (class, words) = parse::words(&read.message).map_err(fail)?;
        prop_assert!(class.starts_with("SR"));
        prop_assert!(!read.host.is_empty() && read.time.len() == 15);
        let word = |name: &str| words.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        prop_assert_eq!(word("id"), Some(event.id.clone()));
        prop_assert_eq!(word("hash"), Some(hex(&event.hash)));
    }

    #[test]
    fn every_cef_key_is_in_the_dictionary_and_of_its_type(event in event()) {
        let line = Style::new(Format::Cef).without_header().render(&event, None);
        let (header, pairs) = parse::cef(&line).map_err(fail)?;
        for (field, max) in header.iter().zip([8, 63, 63, 31, 1023, 512, 2]) {
            prop_assert!(field.len() <= max);
        }
        for (key, value) in &pairs {
            check_value(CEF, key, value)?;
            let labelled = CEF.iter().any(|k| k.name == format!("{key}Label"));
            prop_assert!(!labelled || pairs.contains_key(&format!("{key}Label")), "{key}");
        }
        prop_assert_eq!(&pairs["externalId"], &event.id);
        prop_assert_eq!(&pairs["cs5"], &hex(&event.hash));
    }

    #[test]
    fn every_leef_key_is_predefined_and_of_its_type(event in event()) {
        for format in
            [Format::Leef1, Format::Leef2(Delimiter::Tab), Format::Leef2(Delimiter::Caret)]
        {
            let line = Style::new(format).without_header().render(&event, None);
            let (_, pairs) = parse::leef(&line).map_err(fail)?;
            for (key, value) in &pairs {
                check_value(LEEF, key, value)?;
            }
            let severity: u8 = pairs["sev"].parse().map_err(|_| fail("sev".into()))?;
            prop_assert!((1..=10).contains(&severity));
            prop_assert_eq!(pairs["devTime"].len(), 13);
            let query = parse::query(&pairs["url"]).map_err(fail)?;
            prop_assert_eq!(&query["id"], &event.id);
            prop_assert_eq!(&query["hash"], &hex(&event.hash));
        }
    }

    #[test]
    fn ocsf_has_what_its_class_requires(event in event()) {
        let line = Style::new(Format::Ocsf).without_header().render(&event, None);
        let read: Value = serde_json::from_str(&line).map_err(|e| fail(e.to_string()))?;
        for name in ["category_uid", "class_uid", "activity_id", "type_uid", "severity_id", "time"]
        {
            prop_assert!(read[name].is_i64() || read[name].is_u64(), "{name}: {line}");
        }
        prop_assert_eq!(&read["metadata"]["version"], "1.9.0");
        prop_assert!(read["metadata"]["product"].is_object());
        prop_assert_eq!(&read["metadata"]["uid"], &Value::from(event.id.clone()));
        let number = |name: &str| read[name].as_u64().unwrap_or_default();
        prop_assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
        prop_assert_eq!(number("class_uid") / 1000, number("category_uid"));
        prop_assert!(read["actor"]["user"]["name"].as_str().is_some_and(|n| !n.is_empty()));
        let source = read["src_endpoint"].as_object().map_or(0, |o| o.len());
        prop_assert!(source > 0);
        match number("class_uid") {
            3002 => prop_assert!(read["user"].is_object() && read["service"].is_object()),
            3007 => prop_assert!(read["user"].is_object()),
            6002 => prop_assert!(read["app"].is_object()),
            6003 => prop_assert!(read["api"]["operation"].as_str().is_some_and(|o| !o.is_empty())),
            other => prop_assert!(false, "class {other}"),
        }
        prop_assert_eq!(
            &read["attestation_list"][0]["fingerprint"]["value"], &Value::from(hex(&event.hash)));
    }

    #[test]
    fn json_parses_back(event in event()) {
        let line = Style::new(Format::Json).without_header().render(&event, None);
        let read: Value = serde_json::from_str(&line).map_err(|e| fail(e.to_string()))?;
        prop_assert_eq!(&read["id"], &Value::from(event.id.clone()));
        prop_assert_eq!(&read["seq"], &Value::from(event.seq));
        prop_assert_eq!(&read["time_ms"], &Value::from(event.time_ms));
        prop_assert_eq!(&read["hash"], &Value::from(hex(&event.hash)));
    }

    #[test]
    fn an_event_in_a_syslog_header_is_the_same_as_without(event in event()) {
        for format in [Format::Cef, Format::Leef2(Delimiter::Caret), Format::Json, Format::Ocsf] {
            let style = Style { envelope: Envelope::Rfc5424, ..Style::new(format) };
            let read = parse::rfc5424(&style.render(&event, None)).map_err(fail)?;
            match format {
                Format::Cef => drop(parse::cef(&read.message).map_err(fail)?),
                Format::Leef2(_) => drop(parse::leef(&read.message).map_err(fail)?),
                _ => {
                    let json: Result<Value, _> = serde_json::from_str(&read.message);
                    prop_assert!(json.is_ok());
                }
            }
        }
    }
}

#[test]
fn the_lines_are_as_documented() {
    let event = sample();
    let line = |format| Style::new(format).without_header().render(&event, Some(5));
    let object = "0192f3c4-5d6e-7f80-9123-456789abcdef";
    let (hash, certificate) = ("ab".repeat(32), "cd".repeat(32));
    assert_eq!(
        line(Format::Rfc5424),
        format!(
            "<108>1 2026-01-01T00:00:00.123Z km1.example.net strongroom 4711 SR1010 \
             [strongroom@32473 id=\"uses-17-abababab\" chain=\"uses\" seq=\"17\" kind=\"refusal\" \
             user=\"db-01\" groups=\"databases,berlin\" address=\"192.0.2.7\" port=\"49152\" \
             certificate=\"{certificate}\" action=\"Get\" object=\"{object}\" outcome=\"denied\" \
             reason=\"Permission Denied\" rule=\"no-grant\" micros=\"87\" hash=\"{hash}\"]\
             [detail@32473 iv=\"caller\" note=\"a=b|c\\]\\\"\\\\\"]\
             [origin enterpriseId=\"32473\" software=\"Key Manager\" swVersion=\"1.0.0\"]\
             [meta sequenceId=\"5\"] db-01: Get {object}: denied, Permission Denied"
        )
    );
    assert_eq!(
        Style::new(Format::Cef).render(&event, None),
        format!(
            "<108>Jan  1 00:00:00 km1.example.net CEF:0|Strongroom|Key Manager|1.0.0|SR1010|Get|5|\
             rt=1767225600123 externalId=uses-17-abababab dvchost=km1.example.net dvcpid=4711 \
             cat=refusal act=Get outcome=denied reason=Permission Denied suser=db-01 \
             src=192.0.2.7 spt=49152 cs1={object} cs1Label=Object cs2=no-grant cs2Label=Rule \
             cs3=databases,berlin cs3Label=Groups cs4={certificate} \
             cs4Label=Client Certificate SHA-256 cs5={hash} cs5Label=Record SHA-256 \
             cs6=iv\\=caller note\\=a\\=b|c]\"\\\\ cs6Label=Details cn1=17 cn1Label=Record Number \
             cn2=87 cn2Label=Microseconds flexString1=uses flexString1Label=Chain"
        )
    );
    assert_eq!(
        line(Format::Leef2(Delimiter::Caret)),
        format!(
            "LEEF:2.0|Strongroom|Key Manager|1.0.0|SR1010|^|devTime=1767225600123^cat=denied^sev=5\
             ^usrName=db-01^src=192.0.2.7^srcPort=49152^groupID=databases,berlin\
             ^resource={object}^policy=no-grant^url=strongroom://km1.example.net/uses/17\
             ?id=uses-17-abababab&kind=refusal&action=Get&reason=Permission%20Denied\
             &certificate={certificate}&micros=87&hash={hash}&d.iv=caller\
             &d.note=a%3Db%7Cc%5D%22%5C"
        )
    );
}

#[test]
fn a_byte_order_mark_is_written_only_when_asked_for_and_needed() {
    let mut event = sample();
    let style = Style { bom: true, ..Style::new(Format::Rfc5424) };
    assert!(!style.render(&event, None).contains('\u{feff}'));
    event.user = "Jürgen".into();
    assert!(style.render(&event, None).contains("] \u{feff}Jürgen: Get"));
    assert!(!Style::new(Format::Rfc5424).render(&event, None).contains('\u{feff}'));
}

#[test]
fn lists_that_do_not_fit_are_told_by_number_and_hash() {
    let mut event = sample();
    event.detail = (0..16).map(|n| (format!("name-{n}"), "x".repeat(200))).collect();
    event.groups = (0..200).map(|n| format!("group-{n}")).collect();
    let lines: String =
        event.detail.iter().map(|(n, v)| format!("{n}={v}\n")).collect::<Vec<_>>().concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, lines.as_bytes());
    let read = parse::rfc5424(&Style::new(Format::Rfc5424).render(&event, None)).unwrap();
    assert_eq!(read.param("detail@32473", "detail.count").as_deref(), Some("16"));
    assert_eq!(read.param("detail@32473", "detail.sha256"), Some(hex(digest.as_ref())));
    let groups = read.param("strongroom@32473", "groups").unwrap();
    assert!(groups.starts_with("count=200 sha256="), "{groups}");
    // What is not in a list stays.
    assert_eq!(read.param("strongroom@32473", "rule").as_deref(), Some("no-grant"));
}

#[test]
fn a_client_cannot_forge_a_second_line_or_field() {
    let mut event = sample();
    event.user = "eve\n<0>1 - - - - - - root did it".into();
    event.object = Some("x\" hash=\"00\"] act=ok suser=root\tusrName=root^usrName=root".into());
    let cef = Style::new(Format::Cef).without_header().render(&event, None);
    let (_, pairs) = parse::cef(&cef).unwrap();
    assert_eq!(pairs["suser"], event.user);
    assert_eq!(pairs["act"], "Get");
    for delimiter in [Delimiter::Tab, Delimiter::Caret] {
        let leef = Style::new(Format::Leef2(delimiter)).without_header().render(&event, None);
        let (_, pairs) = parse::leef(&leef).unwrap();
        assert!(pairs["usrName"].starts_with("eve␊<0>1"));
    }
    let read = parse::rfc5424(&Style::new(Format::Rfc5424).render(&event, None)).unwrap();
    assert_eq!(read.param("strongroom@32473", "hash"), Some("ab".repeat(32)));
}

#[test]
fn severities_follow_the_action_and_the_outcome() {
    let mut event = sample();
    assert_eq!(event.severity(), Severity::Warning);
    event.outcome = Outcome::Success;
    assert_eq!(event.severity(), Severity::Info);
    event.outcome = Outcome::Failure;
    assert_eq!(event.severity(), Severity::Notice);
    event.action = "Destroy".into();
    assert_eq!(event.severity(), Severity::Warning);
    event.severity = Some(Severity::Emergency);
    assert_eq!(event.severity(), Severity::Emergency);
    for severity in Severity::ALL {
        assert_eq!(Severity::by_name(severity.name()), Some(severity));
    }
    assert_eq!((Severity::Emergency.cef(), Severity::Debug.cef()), (10, 0));
}
